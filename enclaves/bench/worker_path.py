"""The whole way of an aggregate inside a domain (`enclaves.worker.aggregate.answer`), timed and split by step.

One question over one table, in this process: the row statement through locked tables, rows to entries, the local rules, the
question apart from its sensitive columns, the atom rule. Masking and starting a worker are not in it. Asked twice: `first` on
an empty lineage, where every row is identified and joins the units of the atom rule, and `next` on the lineage the first
answer left. The splits are profiles of one more of each: cumulative seconds of the functions named, so that a step that calls
another of them holds it too.
"""

from __future__ import annotations

import cProfile
import hashlib
import pstats
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Final

from connectors.store import DomainStore, Lease, LockedTables, TableFile, open_tables
from enclaves.bench.questions import Question, data_list
from enclaves.worker import weighing
from enclaves.worker.aggregate import Answered, answer
from enclaves.worker.entries import Entries, read_entries
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import Masks
from enclaves.worker.question import QuestionOrder, TableOrder
from policies.aggregate.amounts import amounts_of
from policies.aggregate.apart import apart_of, sensitive_fields
from policies.aggregate.layout import Layout
from policies.aggregate.shape import figures_of
from policies.disclosure.limits import Limits
from policies.disclosure.local import judge_locally
from policies.documents.dataset import Dataset
from policies.sql.gate import Verdict, check
from policies.sql.row_statement import compile_rows

_STEPS: Final[dict[str, Callable[..., object]]] = {
    "statements": LockedTables.run,
    "population": LockedTables.population,
    "identities": LockedTables.identities,
    "lineage_persons": Lineage.joined,
    "lineage_rows": Lineage.with_rows,
    "entries": read_entries,
    "contributions": Entries.contributions,
    "local_rules": judge_locally,
    "atom_rule": weighing.weigh,
}


@dataclass(frozen=True, slots=True)
class WorkerClocks:
    """Seconds; medians for `next` and for `statement`, the rebuilt statement alone on the same tables."""

    first: float
    next: float
    statement: float
    rows: int
    released: int
    split_first: dict[str, float]
    split_next: dict[str, float]


def measure(store: DomainStore, dataset: Dataset, question: Question, *, repeats: int) -> WorkerClocks:
    """The clocks of `question` over the published snapshot of `dataset`."""
    listed = data_list(dataset)
    verdict = check(question.sql, listed)
    with (
        store.lease(dataset.id) as lease,
        open_tables({dataset.id: TableFile(lease.path, lease.key)}) as tables,
    ):
        rebuilt = str(verdict.statement)
        order = question_order(verdict, dataset, lease, lineages=(Lineage(),))
        tables.run(order.statement)
        seconds, answered = _timed(order, tables)
        split_first = _split(order, tables)
        later = question_order(verdict, dataset, lease, lineages=tuple(answered.lineages))
        times, alone = [], []
        for _ in range(repeats):
            times.append(_timed(later, tables)[0])
            before = time.perf_counter()
            tables.run(rebuilt)
            alone.append(time.perf_counter() - before)
        return WorkerClocks(
            first=seconds,
            next=statistics.median(times),
            statement=statistics.median(alone),
            rows=lease.pointer.rows,
            released=int(answered.judged.released.sum()),
            split_first=split_first,
            split_next=_split(later, tables),
        )


def question_order(
    verdict: Verdict, dataset: Dataset, lease: Lease, *, lineages: Sequence[Lineage]
) -> QuestionOrder:
    """What a worker would be told of a question over one table, masks apart, in one domain without a dictionary."""
    listed = data_list(dataset)
    if verdict.query is None:
        raise ArithmeticError(f"expected the question of `{dataset.id}` to be governed, got a refusal")
    figures = figures_of(verdict.query, listed, [dataset], domains=1)
    return QuestionOrder(
        permit=hashlib.sha256(b"bench").hexdigest(),
        tables={dataset.id: TableOrder(lease.key, lease.pointer.snapshot)},
        units=verdict.query.tables,
        statement=compile_rows(verdict.query, listed),
        apart=apart_of(verdict.query, listed, sensitive_fields([dataset])),
        amounts=amounts_of(verdict.query, listed),
        layout=Layout(figures.shape, None),
        bounds=figures.bounds(figures.shape),
        limits=Limits(),
        one_domain=True,
        masks=Masks(
            party="bench",
            pair_keys={},
            receiver_key=secrets.token_bytes(32),
            opening_key=secrets.token_bytes(32),
        ),
        lineages=tuple(lineages),
    )


def _timed(order: QuestionOrder, tables: LockedTables) -> tuple[float, Answered]:
    before = time.perf_counter()
    answered = answer(order, tables)
    return time.perf_counter() - before, answered


def _split(order: QuestionOrder, tables: LockedTables) -> dict[str, float]:
    profile = cProfile.Profile()
    profile.runcall(answer, order, tables)
    by_place = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # typeshed leaves `stats` out
    return {
        step: round(by_place[place][3], 4) if (place := _place(function)) in by_place else 0.0
        for step, function in _STEPS.items()
    }


def _place(function: Callable[..., object]) -> tuple[str, int, str]:
    """How the profiler names a function."""
    if not isinstance(function, FunctionType):
        raise TypeError("expected a Python function, got another callable")
    code = function.__code__
    return code.co_filename, code.co_firstlineno, code.co_name
