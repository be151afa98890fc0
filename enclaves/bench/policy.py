"""`domicile bench policy`: what governing costs, each figure beside its baseline in the same run.

Governed SQL over an encrypted store against the rebuilt statement on plain DuckDB; the whole way of an aggregate inside a
domain; the gate's speed; a decision; the atom rule. What each clock holds is said in words in the result (`MEANING`).
The figures to reach are those of the design; whether they are reached is part of the result, and never a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from connectors.errors import StoreError
from enclaves.bench import governed, judging, worker_path
from enclaves.bench.machine import machine
from enclaves.bench.people import Built, build, new_store, people, visits
from enclaves.bench.questions import LEGITIMATE, TIMED, Question
from enclaves.bench.score import Figure
from policies.documents.dataset import Dataset

RATIO: Final = 1.05
FIXED_SECONDS: Final = 0.030
STATEMENTS_PER_SECOND: Final = 1000
BATCH_QUERIES: Final = 1000
BATCH_SECONDS: Final = 10.0
DECISION_MS: Final = 1.0
ATOM_PERSONS: Final = 1_000_000
ATOM_MS: Final = 60.0

MEANING: Final[dict[str, Figure]] = {
    "build": "rows generated, staged, numbered, sorted and sealed by the store's own writer; peak_mb is this process then",
    "original": "the partner's own text on plain DuckDB: unclipped, with HAVING, ORDER BY and LIMIT in the engine",
    "rebuilt": "the statement the gate compiled, on plain DuckDB: the baseline of `governed`",
    "governed": "gate check of the text, rebuilt statement through locked tables, disclosure rules, presented table",
    "first_read": "locked tables opened as a worker opens them, with no extension, and the statement once, nothing read before",
    "warmth": "each right after an uncounted run of its own, two threads, 2 GB, no spilling, result as Arrow, repeats in turn",
    "worker.first": "enclaves.worker.aggregate.answer on an empty lineage: every row is identified for the atom rule",
    "worker.next": "the same question once more, on the lineage the first answer left; masking and the start of a worker apart",
    "worker.statement": "the rebuilt statement alone through the same locked tables: the baseline of `worker`",
    "worker.split": "cumulative seconds of each step in a profiled run; a step that calls another holds it too",
    "gate.checked": "statements a second, one by one, with the second opinion, as before everything that runs",
    "gate.batched": "statements a second as `domicile sql check` judges them, without the second opinion",
    "gate.parsed": "the same texts through the engine's parser alone: the baseline of both",
    "sql_check": "`domicile sql check` from start to exit over 1,000 queries of 1 kB, wall time",
    "sql_check.bare": "a bare Python that imports the engine: the baseline",
    "decision.cached": "decide_case for an aggregate's admission, the documents and the question seen before",
    "decision.uncached": "the same with the question read anew by the gate, signatures seen before",
    "decision.cedar": "Cedar alone on facts that are ready: the baseline",
    "atom_rule": "one query admitted over 1,000,000 persons, each on the atoms all before it left",
    "atom_rule.plain": "unique pairs of atom and cell by NumPy, which refuses nothing: the baseline",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How large and how often; `people_rows` and `worker_rows` where they differ from `rows`."""

    rows: int = 50_000_000
    repeats: int = 5
    worker_rows: int = 1_000_000
    people_rows: int | None = None
    queries: int = BATCH_QUERIES
    persons: int = ATOM_PERSONS
    decisions: int = judging.DECISIONS
    passes: int = judging.PASSES
    seed: int = 20261124


def bench(setting: Setting, directory: Path, *, progress: Callable[[str], None]) -> dict[str, Figure]:
    """All figures of the policy engine; `directory` holds the stores meanwhile."""
    about = machine()
    # The small figures come first: a large store fills the caches of the machine.
    progress("decision, atom rule, gate")
    found: dict[str, Figure] = {
        "machine": about,
        "rows": setting.rows,
        "repeats": setting.repeats,
        "decision": _decision(setting),
        "atom_rule": _atom_rule(setting),
        "gate": _gate(setting),
        "sql_check": _sql_check(setting, directory),
    }
    found["worker"] = {q.table: _worker(setting, q, directory, progress=progress) for q in TIMED}
    found["governed_sql"] = {q.table: _governed(setting, q, directory, progress=progress) for q in TIMED}
    return {**found, "load_after": round(os.getloadavg()[0], 2), "meaning": MEANING}


def _governed(
    setting: Setting, asked: Question, directory: Path, *, progress: Callable[[str], None]
) -> Figure:
    dataset = _dataset(asked, setting.rows, people_rows=setting.people_rows)
    store = new_store(directory / f"governed-{asked.table}")
    built = build(store, dataset, rows=dataset.volume.rows, seed=setting.seed, progress=progress)
    progress(f"{asked.table}: original, rebuilt and governed, {setting.repeats} times")
    try:
        clocks = governed.measure(store, dataset, asked, repeats=setting.repeats)
    except StoreError as error:
        # The figures before it took long, and are right.
        return {"question": asked.sql, "build": _built(built), "not_measured": str(error)}
    finally:
        _remove(store.folder(dataset.id), built)
    over = clocks.governed - RATIO * clocks.rebuilt
    return {
        "question": asked.sql,
        "one_row_per_person": dataset.one_row_per_person,
        "build": _built(built),
        "original_seconds": round(clocks.original, 4),
        "rebuilt_seconds": round(clocks.rebuilt, 4),
        "governed_seconds": round(clocks.governed, 4),
        "of_which": {
            "gate_seconds": round(clocks.gate, 4),
            "statement_seconds": round(clocks.statement, 4),
            "disclosure_seconds": round(clocks.disclosure, 4),
        },
        "first_read_seconds": round(clocks.first, 4),
        "ratio_to_rebuilt": round(clocks.governed / clocks.rebuilt, 3),
        "ratio_to_original": round(clocks.governed / clocks.original, 3),
        "over_ratio_ms": round(over * 1000, 1),
        "cells": clocks.cells,
        "rows_shown": clocks.shown,
        "target": f"at most {RATIO} x rebuilt + {FIXED_SECONDS * 1000:.0f} ms",
        "reached": over <= FIXED_SECONDS,
    }


def _worker(setting: Setting, asked: Question, directory: Path, *, progress: Callable[[str], None]) -> Figure:
    dataset = _dataset(asked, setting.worker_rows)
    store = new_store(directory / f"worker-{asked.table}")
    built = build(store, dataset, rows=setting.worker_rows, seed=setting.seed, progress=progress)
    progress(f"{asked.table}: the way of an aggregate inside a domain")
    clocks = worker_path.measure(store, dataset, asked, repeats=setting.repeats)
    _remove(store.folder(dataset.id), built)
    return {
        "rows": clocks.rows,
        "persons": built.pointer.persons,
        "first_seconds": round(clocks.first, 3),
        "next_seconds": round(clocks.next, 3),
        "statement_seconds": round(clocks.statement, 4),
        "ratio_to_statement": round(clocks.next / clocks.statement, 2),
        "released_cells": clocks.released,
        "split_first": {**clocks.split_first},
        "split_next": {**clocks.split_next},
    }


def _gate(setting: Setting) -> Figure:
    rates = judging.gate_rates(repeats=setting.repeats, passes=setting.passes)
    return {
        "questions": len(LEGITIMATE),
        "checked_per_second": round(rates.checked),
        "batched_per_second": round(rates.batched),
        "parsed_per_second": round(rates.parsed),
        "target": f"at least {STATEMENTS_PER_SECOND} a second",
        "checked_reached": rates.checked >= STATEMENTS_PER_SECOND,
        "batched_reached": rates.batched >= STATEMENTS_PER_SECOND,
    }


def _sql_check(setting: Setting, directory: Path) -> Figure:
    seconds = judging.sql_check_seconds(directory, queries=setting.queries, repeats=setting.repeats)
    if seconds is None:
        return None
    return {
        "queries": setting.queries,
        "seconds": round(seconds[0], 3),
        "bare_seconds": round(seconds[1], 3),
        "target": f"at most {BATCH_SECONDS:.0f} s",
        "reached": seconds[0] <= BATCH_SECONDS,
    }


def _decision(setting: Setting) -> Figure:
    clocks = judging.decisions(count=setting.decisions)
    spreads = {name: judging.Spread(**spread) for name, spread in asdict(clocks).items()}
    found: dict[str, Figure] = {
        f"{name}_{centile}_ms": round(1000 * getattr(spread, centile), 3)
        for name, spread in spreads.items()
        for centile in ("p50", "p99")
    }
    return {
        **found,
        "decisions": setting.decisions,
        "target": f"at most {DECISION_MS:.0f} ms at p50, documents and question seen before",
        "reached": clocks.cached.p50 * 1000 <= DECISION_MS,
    }


def _atom_rule(setting: Setting) -> Figure:
    ruled, plain = judging.atom_rule(persons=setting.persons, repeats=setting.repeats)
    return {
        "persons": setting.persons,
        "ms": round(ruled * 1000, 1),
        "plain_ms": round(plain * 1000, 1),
        "target": f"at most {ATOM_MS:.0f} ms at {ATOM_PERSONS:,} persons",
        "reached": ruled * 1000 <= ATOM_MS,
    }


def _dataset(asked: Question, rows: int, *, people_rows: int | None = None) -> Dataset:
    return visits(rows) if asked.table == visits(rows).id else people(people_rows or rows)


def _built(built: Built) -> Figure:
    return {
        "rows": built.pointer.rows,
        "persons": built.pointer.persons,
        "seconds": round(built.seconds, 1),
        "peak_mb": round(built.peak_mb),
        "file_mb": round(built.file_bytes / 1e6),
    }


def _remove(folder: Path, built: Built) -> None:
    """Two large stores need not lie on the disk at the same time."""
    (folder / built.pointer.file).unlink()
