"""How fast it is judged: statements at the gate, a batch by `domicile sql check`, a decision, a query by the atom rule.

Each figure stands beside a baseline of the same run: the engine's parser alone, a bare start of Python with the engine,
Cedar on facts that are ready, a plain regrouping of the atoms that refuses nothing.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.bench.papers import admission_case
from enclaves.bench.people import people, visits
from enclaves.bench.questions import LEGITIMATE, data_list, list_json, one_kilobyte
from policies.aggregate import question
from policies.atoms.admission import admit
from policies.decision import Action, decide_case
from policies.decision.engine import product
from policies.decision.facts import facts_of
from policies.disclosure.limits import Limits
from policies.sql.gate import check, check_batch
from policies.sql.parser import parse

DECISIONS: Final = 400
PASSES: Final = 4
_ROWS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Statements a second, medians: judged one by one with the second opinion, in a batch without, only parsed."""

    checked: float
    batched: float
    parsed: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds at the median and at the 99th percentile."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        p50, p99 = np.percentile(seconds, (50, 99)).tolist()
        return cls(p50, p99)


def gate_rates(*, repeats: int, passes: int = PASSES) -> Rates:
    """The gate over `LEGITIMATE`, `passes` times in a repeat; all of them are allowed, and each is judged anew."""
    listed = data_list(people(_ROWS), visits(_ROWS))
    texts = [f"{sql} " for sql in LEGITIMATE] * passes
    lines = [json.dumps({"id": str(i), "sql": sql}).encode() for i, sql in enumerate(texts)]
    for sql in LEGITIMATE:
        if not check(sql, listed).allowed:
            raise ArithmeticError("expected every legitimate question allowed, got a refusal")
    return Rates(
        checked=len(texts) / _median(lambda: [check(sql, listed) for sql in texts], repeats),
        batched=len(texts) / _median(lambda: list(check_batch(lines, listed)), repeats),
        parsed=len(texts) / _median(lambda: parse(texts), repeats),
    )


def sql_check_seconds(directory: Path, *, queries: int, repeats: int) -> tuple[float, float] | None:
    """`domicile sql check` over `queries` queries of about 1 kB, from start to exit, and a bare Python that loads the engine.

    None where the command is not installed beside the interpreter.
    """
    command = Path(sys.executable).with_name("domicile")
    if not command.is_file():
        return None
    listed, batch = directory / "list.json", directory / "batch.jsonl"
    listed.write_bytes(list_json(people(_ROWS), visits(_ROWS)))
    batch.write_text(
        "".join(json.dumps({"id": str(i), "sql": one_kilobyte(i)}) + "\n" for i in range(queries)), "utf-8"
    )
    words = [str(command), "sql", "check", "--data-list", str(listed), "--batch", str(batch), "--json"]
    answers = subprocess.run(words, check=True, capture_output=True).stdout.splitlines()
    if len(answers) != queries or not all(json.loads(answer)["allowed"] for answer in answers):
        raise ArithmeticError("expected every query of the batch allowed, got a refusal")
    bare = [sys.executable, "-c", "import duckdb"]
    return (
        _median(lambda: subprocess.run(words, check=True, capture_output=True), repeats),
        _median(lambda: subprocess.run(bare, check=True, capture_output=True), repeats),
    )


@dataclass(frozen=True, slots=True)
class DecisionClocks:
    """Of one decision on an aggregate's admission."""

    cached: Spread
    """The question and the documents were seen before, as when a job is admitted a second time or fetched."""
    uncached: Spread
    """The question is read anew by the gate; the documents' signatures were seen before."""
    cedar: Spread
    """Cedar alone, on facts that are ready: the baseline."""


def decisions(*, count: int = DECISIONS) -> DecisionClocks:
    """`count` decisions each way, in turn."""
    case = admission_case()
    verdict = decide_case(Action.ADMIT_AGGREGATE, case)
    if not verdict.allowed:
        raise ArithmeticError(
            f"expected the bench's own papers to be admitted, got {', '.join(verdict.codes)}"
        )
    library, context = product(), facts_of(case).context()
    cached, uncached, cedar = [], [], []
    for _ in range(count):
        cached.append(_seconds(lambda: decide_case(Action.ADMIT_AGGREGATE, case)))
        question.asked_of.cache_clear()
        uncached.append(_seconds(lambda: decide_case(Action.ADMIT_AGGREGATE, case)))
        cedar.append(
            _seconds(
                lambda: library.evaluate(
                    Action.ADMIT_AGGREGATE, context, principal=case.actor, resource=verdict.scenario
                )
            )
        )
    return DecisionClocks(Spread.of(cached), Spread.of(uncached), Spread.of(cedar))


def atom_rule(*, persons: int, repeats: int, seed: int = 20261124) -> tuple[float, float]:
    """Median seconds of one query over `persons` persons, each of `repeats` on the atoms the ones before left, and of a plain
    regrouping of the same: unique pairs of atom and cell, and their sizes."""
    rng = np.random.default_rng(seed)
    atoms = np.zeros(persons, dtype=np.int32)
    ruled, plain = [], []
    for _ in range(repeats):
        codes = rng.integers(0, 5, persons).astype(np.int32)
        before = time.perf_counter()
        _regrouped(atoms, codes)
        plain.append(time.perf_counter() - before)
        before = time.perf_counter()
        admitted = admit(atoms, codes, k=Limits().atom_size)
        ruled.append(time.perf_counter() - before)
        atoms = admitted.atoms
    return statistics.median(ruled), statistics.median(plain)


def _regrouped(atoms: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    np.unique(atoms.astype(np.int64) * 5 + codes, return_inverse=True, return_counts=True)


def _median(act: Callable[[], object], repeats: int) -> float:
    return statistics.median(_seconds(act) for _ in range(repeats))


def _seconds(act: Callable[[], object]) -> float:
    before = time.perf_counter()
    act()
    return time.perf_counter() - before
