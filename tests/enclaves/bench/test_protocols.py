"""The protocol bench measures right results, in the figures the design names, and never guesses a peer's."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from enclaves.bench import paillier
from enclaves.bench.peer import PeerUnavailable, run_peer
from enclaves.bench.protocols import ELSEWHERE, Setting, bench
from enclaves.cli.bench import app

TINY = Setting(parties=4, values=100, subjects=50, ids=20, rows=2, scores=47, repeats=1)


def told(monkeypatch: pytest.MonkeyPatch, setting: Setting) -> Mapping[str, Any]:
    # A key of 3072 bits takes long to draw; its figures have tests of their own.
    given = {
        "paillier_rows_per_second": 150.0,
        "packed_scores_per_second": 20_000.0,
        "paillier_rows_over_phe": 20.0,
        "packed_scores_over_phe": 20.0,
    }
    monkeypatch.setattr(paillier, "measure", lambda **_: given)
    return bench(setting, progress=lambda _: None)


def test_every_figure_has_its_target_and_a_peer_or_why_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, TINY)
    for name in ("aggregation", "bfv", "alignment", "paillier"):
        assert isinstance(found[name]["reached"], bool)
        assert found[name]["target"]
    assert found["aggregation"]["ms"] > 0
    assert found["bfv"]["raw_seconds"] > 0
    assert found["alignment"]["ids_per_second"] > 0
    assert found["paillier"]["reached"]
    for name in ("aggregation", "alignment"):
        assert found[name]["times_faster"] is None
        assert found[name]["peer_missing"] == "no interpreter with the peers was named"


def test_figures_of_other_commands_name_a_command_that_there_is() -> None:
    for command in ELSEWHERE.values():
        told = CliRunner().invoke(app, [*str(command).split()[2:], "--help"])
        assert told.exit_code == 0, command


def test_an_interpreter_without_the_peer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(
        monkeypatch, Setting(parties=4, values=10, subjects=10, ids=5, repeats=1, peers=Path(sys.executable))
    )
    assert found["aggregation"]["peer_ms"] is None
    assert "No module named" in found["aggregation"]["peer_missing"]


def test_a_peer_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(PeerUnavailable, match="FileNotFoundError"):
        run_peer(Path("nowhere/python"), "psi.py", 1, 1)
    with pytest.raises(PeerUnavailable, match="No such file"):
        run_peer(Path(sys.executable), "none.py")
