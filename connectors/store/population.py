"""The latest row of every person, column by column, as arrays by person number.

One scan of the snapshot serves every chunk of a job. An array has one entry more than there are persons: the last
stands for a person who is not here, so that unknown people take the same path as known ones (design.md §5a).
"""

# ruff: noqa: S608 - the names put into SQL are declared column names, quoted; values are bound.
from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import StoreError
from connectors.store.engine import CATALOG, Connection, name
from connectors.store.scan import Place, scan
from policies.documents.dataset import Column, ColumnType, Dataset

_NUMBERS: Final = {
    ColumnType.INTEGER: "CAST({0} AS DOUBLE)",
    ColumnType.DECIMAL: "{0}",
    ColumnType.BOOLEAN: "CAST({0} AS DOUBLE)",
    # The proleptic Gregorian ordinal, day 1 being 0001-01-01, as `datetime.date.toordinal` counts.
    ColumnType.DATE: "CAST({0} - DATE '0001-01-01' + 1 AS DOUBLE)",
}


@dataclass(slots=True)
class Numbers:
    """A numeric, boolean or date column: float64 [persons + 1]; NaN where missing."""

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]

    def put(self, place: Place, cells: pa.Array) -> None:
        self.values[place] = cells.to_numpy(zero_copy_only=False)
        self.missing[place] = cells.is_null().to_numpy(zero_copy_only=False) if cells.null_count else False

    def room(self, slots: int) -> NDArray[np.float64]:
        return np.empty(slots, dtype=np.float64)

    def take(self, persons: NDArray[np.int32], *, out: NDArray[Any]) -> None:
        np.take(self.values, persons, out=out, mode="clip")


@dataclass(slots=True)
class Texts:
    """A text column: a code per person into the distinct texts; code -1 is a missing value."""

    codes: NDArray[np.int32]
    missing: NDArray[np.bool_]
    code_of: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _distinct: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))

    def put(self, place: Place, cells: pa.Array) -> None:
        encoded = cells.dictionary_encode()
        with self._lock:
            known = [
                self.code_of.setdefault(text, len(self.code_of)) for text in encoded.dictionary.to_pylist()
            ]
        codes = np.array([*known, -1], dtype=np.int32)
        self.codes[place] = codes[encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)]
        self.missing[place] = cells.is_null().to_numpy(zero_copy_only=False)

    def room(self, slots: int) -> NDArray[np.object_]:
        return np.empty(slots, dtype=object)

    def take(self, persons: NDArray[np.int32], *, out: NDArray[Any]) -> None:
        if len(self._distinct) != len(self.code_of) + 1:
            # Code -1 is the last entry.
            self._distinct = np.array([*self.code_of, None], dtype=object)
        out[:] = self._distinct[self.codes[persons]]


Held = Numbers | Texts


class Population:
    """Columns of the latest rows with order column ≤ `up_to`; a person without such a row is not eligible."""

    def __init__(self, dataset: Dataset, *, connection: Connection, persons: int, up_to: int | None) -> None:
        self._dataset = dataset
        self._connection = connection
        self._persons = persons
        self._limit = _limit(dataset, up_to)
        self.eligible = np.zeros(persons + 1, dtype=np.bool_)
        self._held: dict[str, Held] = {}
        self._scanned = False

    def columns(self, names: list[str], *, threads: int) -> dict[str, Held]:
        """The named columns, scanned now unless an earlier call did."""
        new = [
            _scorable(self._dataset, column) for column in dict.fromkeys(names) if column not in self._held
        ]
        if new or not self._scanned:
            found = {column.name: self._empty(column) for column in new}

            def put(place: Place, batch: pa.RecordBatch) -> None:
                self.eligible[place] = True
                for position, column in enumerate(new, start=1):
                    found[column.name].put(place, batch.column(position))

            scan(
                self._connection,
                lambda part: self._query(new, part),
                put,
                persons=self._persons,
                threads=threads,
                values=() if self._limit is None else (self._limit,),
            )
            self._held |= found
            self._scanned = True
        return {column: self._held[column] for column in names}

    def _empty(self, column: Column) -> Held:
        missing = np.ones(self._persons + 1, dtype=np.bool_)
        if column.type is ColumnType.TEXT:
            return Texts(np.full(self._persons + 1, -1, dtype=np.int32), missing)
        return Numbers(np.full(self._persons + 1, np.nan), missing)

    def _query(self, columns: list[Column], part: str) -> str:
        wanted = ["person_no"]
        wanted += [_NUMBERS.get(column.type, "{0}").format(name(column.name)) for column in columns]
        query = f"SELECT {', '.join(wanted)} FROM {CATALOG}.rows WHERE {part}"
        bound = "" if self._limit is None else f" AND {name(str(self._dataset.order_column))} <= ?"
        if self._dataset.one_row_per_person:
            return query + bound
        # Rows are clustered by person, then order column, then row key: a person's latest is the last of them.
        return (
            query
            + f" AND rowid IN (SELECT max(rowid) FROM {CATALOG}.rows WHERE {part}{bound} GROUP BY person_no)"
        )


def _limit(dataset: Dataset, up_to: int | None) -> object:
    """`up_to` as the order column's type; refuses what would leave the row of a person open."""
    if up_to is None:
        if not dataset.one_row_per_person:
            raise StoreError("expected `up_to` for a data set with several rows a person, got none")
        return None
    order = dataset.column(dataset.order_column) if dataset.order_column else None
    if order is None:
        raise StoreError("expected no `up_to` for a data set without an order column, got one")
    match order.type:
        case ColumnType.INTEGER:
            return up_to
        case ColumnType.DATE:
            try:
                return date.fromordinal(up_to)
            except (ValueError, OverflowError):
                raise StoreError("expected `up_to` as the ordinal of a date, got another number") from None
        case _:
            raise StoreError(f"expected an integer or date order column, got {order.type}")


def _scorable(dataset: Dataset, wanted: str) -> Column:
    column = dataset.column(wanted)
    if column is None or column.type is ColumnType.RESIDENT_ID:
        raise StoreError(f"expected a stored column of `{dataset.id}`, got another name")
    return column
