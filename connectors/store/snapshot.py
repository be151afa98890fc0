"""A locked snapshot: all a confined worker can reach of a domain's rows to score and to vet, and what it may ask of them.

Rules:
- The connection is locked before anything is asked (see `engine`): no file, network, extension or setting afterwards.
- `features` gives one value a slot for scoring, `column_statistics` figures of whole columns for vetting. Nothing here
  decides whether an answer may leave; that is the caller's permit and the disclosure rules. Statements that the SQL gate
  rebuilt run over `tables`.
- What the engine says when it fails is withheld; a `StoreError` names the class only.
"""

# ruff: noqa: S608 - the names put into SQL are this package's own.
from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import StoreError
from connectors.store import engine
from connectors.store.engine import CATALOG, Connection, engine_errors
from connectors.store.keys import SnapshotKey
from connectors.store.pid_index import PidIndex
from connectors.store.population import Population
from connectors.store.profile import Profile, measure
from connectors.store.scan import Place, scan
from connectors.store.statistics import ColumnStatistics, Question, answer
from policies.documents import strict_json
from policies.documents.dataset import Dataset
from policies.errors import PolicyError

# Slots looked up and filled at a time by one thread.
_BLOCK: Final = 128 * 1024
THREADS: Final = 2


class ColumnValues(NamedTuple):
    """One column in slot order: float64 [N] (NaN where missing) or object [N] of str (None where missing)."""

    values: NDArray[np.float64] | NDArray[np.object_]
    missing: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Features:
    """What a part needs to score N slots; an absent person's values are all missing."""

    present: NDArray[np.bool_]
    values: dict[str, ColumnValues]


class LockedSnapshot:
    """One snapshot file, open and locked. Get one from `open_snapshot`; `close` it, or use it as a context."""

    def __init__(self, connection: Connection, *, threads: int) -> None:
        self._connection = connection
        self._threads = threads
        self._index: PidIndex | None = None
        self._populations: dict[int | None, Population] = {}
        self.dataset = _declaration(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def prepare(self, columns: Sequence[str] = (), *, up_to: int | None = None) -> None:
        """Read the pid index and `columns` ahead, so that the first `features` does not have to."""
        self._pid_index()
        if columns:
            self._population(up_to).columns(list(columns), threads=self._threads)

    def features(
        self, pids: NDArray[np.uint64], columns: Sequence[str], *, up_to: int | None = None
    ) -> Features:
        """Values of `columns` in each person's latest row with order column ≤ `up_to`, in slot order.

        `pids` is uint64 [N, 2], high half first; a slot may repeat a person. `up_to` is an integer, or the ordinal of a
        date (`date.toordinal`); None takes the only row and is refused where a person may have several. Numbers,
        booleans (0, 1) and dates (ordinals) come as float64: integers beyond 2^53 are rounded.
        """
        index = self._pid_index()
        population = self._population(up_to)
        held = population.columns(list(columns), threads=self._threads)
        present = np.empty(len(pids), dtype=np.bool_)
        values = {
            column: ColumnValues(found.room(len(pids)), np.empty(len(pids), dtype=np.bool_))
            for column, found in held.items()
        }

        def fill(start: int) -> None:
            block = slice(start, start + _BLOCK)
            persons = index.locate(pids[block])
            present[block] = population.eligible[persons]
            for column, found in held.items():
                found.take(persons, out=values[column].values[block])
                np.take(found.missing, persons, out=values[column].missing[block], mode="clip")

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(fill, range(0, len(pids), _BLOCK)))
        return Features(present, values)

    def everybody(self, columns: Sequence[str], *, up_to: int | None = None) -> Features:
        """As `features`, of every person with an eligible row, in the order of their numbers; all are present."""
        population = self._population(up_to)
        held = population.columns(list(columns), threads=self._threads)
        # The last number stands for a person who is not here.
        persons = np.flatnonzero(population.eligible[:-1]).astype(np.int32)
        values = {}
        for column, found in held.items():
            values[column] = ColumnValues(found.room(len(persons)), found.missing[persons])
            found.take(persons, out=values[column].values)
        return Features(np.ones(len(persons), dtype=np.bool_), values)

    def column_statistics(
        self, questions: Iterable[Question], *, up_to: int | None = None
    ) -> tuple[ColumnStatistics, ...]:
        """Persons with a value and population variance over the latest rows, one answer a question, in order.

        Exact figures: rounding and suppression are the caller's (protocols.md §6.5).
        """
        asked = tuple(questions)
        held = self._population(up_to).columns([question.column for question in asked], threads=self._threads)
        return tuple(answer(question, held[question.column]) for question in asked)

    def profile(self, declared: Dataset) -> Profile:
        """Counts of the whole snapshot by the rules of `declared`, for the quality report."""
        return measure(self._connection, self.dataset, declared)

    def _pid_index(self) -> PidIndex:
        if self._index is None:
            if not self.dataset.personal:
                raise StoreError(f"expected a personal data set, got `{self.dataset.id}`")
            self._index = PidIndex(self._pids())
        return self._index

    def _pids(self) -> NDArray[np.uint64]:
        with engine_errors("count persons"):
            row = self._connection.execute(f"SELECT count(*) FROM {CATALOG}.persons").fetchone()
        persons = int(row[0]) if row else 0
        pids = np.empty((persons, 2), dtype=np.uint64)

        def put(place: Place, batch: pa.RecordBatch) -> None:
            pids[place, 0], pids[place, 1] = batch.column(1).to_numpy(), batch.column(2).to_numpy()

        def query(part: str) -> str:
            return f"SELECT person_no, pid_high, pid_low FROM {CATALOG}.persons WHERE {part}"

        scan(self._connection, query, put, persons=persons, threads=self._threads)
        return pids

    def _population(self, up_to: int | None) -> Population:
        if up_to not in self._populations:
            self._populations[up_to] = Population(
                self.dataset, connection=self._connection, persons=len(self._pid_index()), up_to=up_to
            )
        return self._populations[up_to]


def open_snapshot(
    path: Path, key: bytes, *, threads: int = THREADS, crypto: Path | None = None
) -> LockedSnapshot:
    """Open and lock the snapshot at `path` with its 32-byte key; `StoreError` for any other key or file.

    `crypto` names the engine's crypto module (`engine.crypto_module`): loaded before the lock it makes reading several
    times faster, at the price of one signed extension in the worker. By default none is loaded.
    """
    return LockedSnapshot(
        engine.open_locked(path, SnapshotKey(key), threads=threads, crypto=crypto), threads=threads
    )


def _declaration(connection: Connection) -> Dataset:
    with engine_errors("read the declaration"):
        row = connection.execute(f"SELECT dataset FROM {CATALOG}.about").fetchone()
    try:
        return Dataset.from_body(strict_json.parse_object(str(row[0]).encode() if row else b""))
    except PolicyError:
        raise StoreError("expected a declaration in the snapshot, got none") from None
