"""Governed SQL against plain DuckDB: three clocks over one store.

- `original`: the partner's own text on plain DuckDB.
- `rebuilt`: the statement that the gate compiled, on plain DuckDB; the baseline.
- `governed`: the gate's check of the text, the rebuilt statement through the locked tables, the disclosure rules of the
  release and the table as it is presented.

Each repeat runs all three, one after the other, in one process, with the same two threads, the same 2 GB and no spilling; both
sides load the engine's crypto module. Each is run twice and the second time counts: the engine's memory is then as warm for all
three, whatever ran before (measured at 50,000,000 rows: right after another engine in the process a run is 6 to 11 % slower).
Plain DuckDB is an unlocked connection that sees the snapshot's own columns. Fetching the result as Arrow is in every clock.
"""

# ruff: noqa: S608 - the names put into SQL are this room's own, quoted.
from __future__ import annotations

import base64
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.store import DomainStore, Lease, LockedTables, TableFile, crypto_module, open_tables
from connectors.store.engine import Connection, engine_errors, name, open_ingest, text
from connectors.store.tables import THREADS
from enclaves.bench.questions import Question, data_list
from policies.aggregate.keys import key_of
from policies.aggregate.shape import figures_of
from policies.disclosure.cells import Cells, Kind, MeasureLanes, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.presenting import Having, Order, Table, present
from policies.disclosure.release import judge
from policies.documents.dataset import Dataset
from policies.sql.data_list import DataList
from policies.sql.gate import check
from policies.sql.query import Nulls, Query
from policies.sql.statement import person_columns

_T = TypeVar("_T")
MEMORY: Final = "2GB"
"""As much as a locked reader has (`connectors.store.engine`)."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Medians of one question, in seconds; what `governed` is made of; and what was found."""

    original: float
    rebuilt: float
    governed: float
    gate: float
    statement: float
    disclosure: float
    first: float
    """Opening the locked tables without the crypto module, as a worker does, and the rebuilt statement once, all unread."""
    cells: int
    shown: int


@dataclass(frozen=True, slots=True)
class _Parts:
    gate: float
    statement: float
    disclosure: float
    table: Table


def measure(store: DomainStore, dataset: Dataset, question: Question, *, repeats: int) -> Clocks:
    """The clocks of `question` over the published snapshot of `dataset`. Raises StoreError where 2 GB are too few."""
    listed = data_list(dataset)
    rebuilt = check(question.sql, listed).statement
    if rebuilt is None:
        raise ArithmeticError(f"expected the question of `{dataset.id}` to be governed, got a refusal")
    with store.lease(dataset.id) as lease:
        first = _first(lease, dataset, rebuilt)
        with _plain(lease, dataset) as plain, _locked(lease, dataset) as locked:
            original, baseline, runs = [], [], []
            for _ in range(repeats):
                original.append(_second(lambda: _seconds(lambda: _run(plain, question.sql))))
                baseline.append(_second(lambda: _seconds(lambda: _run(plain, rebuilt))))
                runs.append(
                    _second(
                        lambda: _governed(locked, question, listed, dataset, universe=lease.pointer.persons)
                    )
                )
    last = runs[-1].table
    return Clocks(
        original=statistics.median(original),
        rebuilt=statistics.median(baseline),
        governed=statistics.median(run.gate + run.statement + run.disclosure for run in runs),
        gate=statistics.median(run.gate for run in runs),
        statement=statistics.median(run.statement for run in runs),
        disclosure=statistics.median(run.disclosure for run in runs),
        first=first,
        cells=last.report.cells,
        shown=len(last.rows),
    )


def _governed(
    locked: LockedTables, question: Question, listed: DataList, dataset: Dataset, *, universe: int
) -> _Parts:
    marks = [time.perf_counter()]
    verdict = check(question.sql, listed)
    if verdict.statement is None or verdict.query is None:
        raise ArithmeticError("expected the question to stay governed, got a refusal")
    marks.append(time.perf_counter())
    found = locked.run(verdict.statement)
    marks.append(time.perf_counter())
    shape = figures_of(verdict.query, listed, [dataset], domains=1).shape
    cells = cells_of(found, verdict.query, shape)
    judged = judge(cells, Limits(), universe=universe, n_domains=1)
    table = present(
        judged,
        having=None if verdict.query.having is None else Having(verdict.query.having.at_least),
        order=[Order(o.item, o.descending, o.nulls is Nulls.LAST) for o in verdict.query.order],
        limit=verdict.query.limit,
    )
    marks.append(time.perf_counter())
    gate, statement, disclosure = np.diff(marks).tolist()
    return _Parts(gate, statement, disclosure, table)


def cells_of(found: pa.Table, query: Query, shape: Shape) -> Cells:
    """The result of the rebuilt statement as the cells of one domain; keys stand first, of counts and sums, nothing missing."""
    n_cells = found.num_rows
    added = person_columns(query)
    persons = _lane(found, added.cell)
    ones = np.ones(n_cells, dtype=np.int64)
    keys = [[key_of(value) for value in found.column(item.name).to_pylist()] for item in query.keys]
    lanes = []
    for measure, item in zip(shape.measures, query.aggregates, strict=True):
        behind = added.by_item.get(query.items.index(item))
        values = _lane(found, item.name, scale=measure.scale)
        zero = MeasureLanes.zero(n_cells)
        lanes.append(
            MeasureLanes(
                domains=ones,
                base=persons,
                persons=persons if behind is None else _lane(found, behind),
                rows=values if measure.kind is Kind.COUNT else zero.rows,
                total=values if measure.kind is Kind.SUM else zero.total,
                squares=zero.squares,
            )
        )
    return Cells(shape, tuple(zip(*keys, strict=True)) if keys else ((),), ones, persons, tuple(lanes))


def _lane(found: pa.Table, column: str, *, scale: int = 0) -> NDArray[np.int64]:
    values = np.asarray(found.column(column).to_numpy(), dtype=np.float64)
    return np.asarray(np.rint(values * 10**scale), dtype=np.int64)


def _first(lease: Lease, dataset: Dataset, statement: str) -> float:
    before = time.perf_counter()
    with open_tables({dataset.id: TableFile(lease.path, lease.key)}) as tables:
        tables.run(statement)
    return time.perf_counter() - before


def _locked(lease: Lease, dataset: Dataset) -> LockedTables:
    return open_tables({dataset.id: TableFile(lease.path, lease.key)}, crypto=crypto_module())


@contextmanager
def _plain(lease: Lease, dataset: Dataset) -> Iterator[Connection]:
    """Plain DuckDB over the same file: nothing is locked, and the table is a view of the file's columns as they are."""
    with open_ingest(Path(), memory_limit=MEMORY, threads=THREADS) as connection:
        connection.execute("SET temp_directory=''")
        key = base64.b64encode(lease.key).decode()
        connection.execute(f"ATTACH {text(str(lease.path))} AS t0 (READ_ONLY, ENCRYPTION_KEY {text(key)})")
        columns = [name(column.name) for column in dataset.columns if column.name != dataset.person_column]
        shown = ", ".join([f"person_no AS {name(str(dataset.person_column))}", *columns])
        connection.execute(f"CREATE TEMP VIEW {name(dataset.id)} AS SELECT {shown} FROM t0.rows")
        yield connection


def _run(plain: Connection, statement: str) -> pa.Table:
    with engine_errors("run on plain DuckDB"):
        return plain.execute(statement).to_arrow_table()


def _second(act: Callable[[], _T]) -> _T:
    act()
    return act()


def _seconds(act: Callable[[], object]) -> float:
    before = time.perf_counter()
    act()
    return time.perf_counter() - before
