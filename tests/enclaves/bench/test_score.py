"""The bench measures a right result, beside its baselines, in the figures the design names."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from enclaves.bench.domains import invented_residents
from enclaves.bench.score import MEASURED, Setting, bench
from enclaves.cli.bench import app
from policies.documents.authorization import Mode
from policies.resident import check_resident_id

KEYS = {"subjects_per_second", "ratio_to_plain", "bytes_per_subject_domain", "peak_memory_mb", "baseline"}


@pytest.mark.parametrize("mode", MEASURED)
def test_a_figure_comes_with_its_baseline(tmp_path: Path, mode: Mode) -> None:
    setting = Setting(mode, subjects=5000, domains=2, rounds=1)
    found = bench(setting, tmp_path, progress=lambda text: None)
    assert set(found) >= KEYS
    assert isinstance(found["baseline"], dict)
    assert found["subjects_per_second"] == pytest.approx(5000 / float(str(found["seconds"])), rel=0.01)
    # 8 bytes a masked word; two whole ciphertexts of 88.6 kB hold the 5000 slots.
    assert found["bytes_per_subject_domain"] == (8.0 if mode is Mode.MASKED else pytest.approx(35.5, abs=0.5))


def test_a_mode_measured_elsewhere_is_told_where() -> None:
    told = CliRunner().invoke(app, ["score", "--mode", "paillier"], env={"COLUMNS": "200"})
    assert told.exit_code == 2
    assert "bench protocols" in told.output


def test_generated_people_are_distinct_and_valid() -> None:
    residents = [resident.decode() for resident in invented_residents(30_000).tolist()]
    assert len(set(residents)) == 30_000
    for resident in (*residents[:50], *residents[-50:]):
        check_resident_id(resident)
        assert resident.startswith("999999")
