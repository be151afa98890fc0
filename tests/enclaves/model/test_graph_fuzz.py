"""Mutated ONNX graphs in a real confined child: refused by the room's own error, or within the list of what is allowed.

Every mutant goes through the doors of production: the vetting's inspection, then the room that loads and runs. `make long`
hands over 20,000; `DOMICILE_FUZZ_GRAPHS=2:4` takes only those slices.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from enclaves.isolation.confined import run_confined
from enclaves.isolation.errors import IsolationError
from enclaves.isolation.limits import Limits
from tests.enclaves.model.graph_mutator import graphs
from tests.enclaves.model.graph_oracle import refusal
from tests.enclaves.model.graph_samples import SAMPLES
from tests.fuzzing.slices import chosen

PROBES = Path(__file__).parent / "probes"
LIMITS = Limits(address_space_bytes=8 << 30, cpu_seconds=1200, wall_seconds=600.0, processes=128)
SLICES, SLICE = 8, 2_600
FIRST_SEED = 20_261_127
SLOW_S = 10.0


@dataclass
class Tally:
    """What came of the mutants; the lists hold the first of each kind of failure."""

    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0


def outcomes(mutants: list[bytes]) -> list[dict[str, Any]]:
    """What the child says of each mutant. One that ends the child is an outcome too, and the others go on in another."""
    found: list[dict[str, Any]] = []
    while len(found) < len(mutants):
        run = run_confined(
            "graph_mutants",
            mutants[len(found) :],
            files={},
            limits=LIMITS,
            extra_targets=("graph_mutants",),
            source_roots=(PROBES,),
        )
        try:
            found += [json.loads(frame) for frame in run]
        except IsolationError as error:
            found.append({"error": type(error).__name__, "room": False, "seconds": 0.0})
    return found


def fuzz(count: int, *, seed: int) -> Tally:
    tally, drawn = Tally(), list(graphs(count, seed=seed))
    for (kind, data), came in zip(drawn, outcomes([data for _, data in drawn]), strict=True):
        tally.kinds[kind] += 1
        tally.slowest = max(tally.slowest, came["seconds"])
        if not came["room"]:
            tally.findings.append(f"{kind}: {came['error']}")
        elif came["error"] is not None:
            tally.refused[kind] += 1
            if not came["faults"]:
                tally.refused["by the runtime alone"] += 1
        else:
            tally.accepted[kind] += 1
            _check_accepted(tally, kind, data, came)
    return tally


def _check_accepted(tally: Tally, kind: str, data: bytes, came: dict[str, Any]) -> None:
    why = refusal(data)
    if why is not None:
        tally.findings.append(f"{kind}: accepted in spite of {why}")
    if not came["again"] or len(came["numbers"]) != 48:
        tally.findings.append(f"{kind}: ran to {came}")
    # The inspection may say more than the room (trees that are none), never less.
    if set(came["faults"] or ()) - {"v9"}:
        tally.findings.append(f"{kind}: ran in spite of {came['faults']}")


def check(tally: Tally, count: int) -> None:
    print(f"refused {dict(tally.refused)}, accepted {dict(tally.accepted)}, slowest {tally.slowest} s")
    for finding in sorted(set(tally.findings))[:20]:
        print(finding)
    assert tally.kinds.total() == count
    assert tally.findings == []
    assert tally.slowest < SLOW_S
    # Some mutants are honest graphs of other numbers; were all refused, the oracle would prove nothing.
    assert count // 100 < tally.accepted.total() < count // 2


def test_the_samples_are_accepted_by_the_room_and_by_the_oracle() -> None:
    for sample, came in zip(SAMPLES, outcomes(list(SAMPLES)), strict=True):
        assert refusal(sample) is None
        assert came["error"] is None
        assert came["faults"] == []


def test_no_mutated_graph_runs_outside_of_the_list() -> None:
    check(fuzz(400, seed=FIRST_SEED), 400)


@pytest.mark.long
@pytest.mark.parametrize("number", chosen("DOMICILE_FUZZ_GRAPHS", SLICES))
def test_no_mutated_graph_runs_outside_of_the_list_in_twenty_thousand(number: int) -> None:
    seed = FIRST_SEED + 1 + number
    print(f"slice {number} of {SLICES}, seed {seed}, {SLICE} graphs")
    check(fuzz(SLICE, seed=seed), SLICE)
