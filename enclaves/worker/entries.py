"""From the rows of a governed statement to who contributes what to which cell.

The row statement (compiled from the closed query, one line a row that passes its filter) gives the row's number, the
person, the keys, and for each aggregate whether the row stands behind it and its clipped amount. Here keys become cells,
amounts become fixed-point integers, and a person's rows in a cell become one entry.

Rules:
- A row outside the public dictionary is in no cell. Without a dictionary the cells are the keys that occur, in order.
- `behind` says row by row what else than the cell a released number depends on: the condition, the null pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from enclaves.worker.errors import OrderInvalid
from policies.aggregate.keys import key_of, spelled
from policies.aggregate.layout import Groups
from policies.atoms.partition import Labels, ranked
from policies.disclosure.cells import Coverage, Key, Shape
from policies.disclosure.errors import AnswerTooLarge
from policies.disclosure.local import Amounts, Contributions
from policies.sql.row_statement import AMOUNT, BEHIND, KEY, PERSON, row_of

_EXACT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Entries:
    """The rows in some cell: numbers in the files, person, cell; measures behind which they stand; the keys of the cells."""

    keys: tuple[tuple[Key, ...], ...]
    rows: tuple[NDArray[np.int64], ...]
    """One for each table of FROM, -1 where a left join found no row."""
    person: Labels
    cell: Labels
    behind: NDArray[np.bool_]
    """[measures, rows]"""
    amounts: NDArray[np.int64]
    """[measures, rows], fixed point, 0 where not behind."""

    def contributions(self, shape: Shape, *, persons: int) -> Contributions:
        """One entry for each person in each cell."""
        pair = self.cell.astype(np.int64) * persons + self.person
        order = np.argsort(pair, kind="stable")
        ordered = pair[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(pair) else order
        first = order[starts]
        amounts = tuple(
            self._amounts(place, order, starts, squared=measure.kind.is_dispersion)
            for place, measure in enumerate(shape.measures)
        )
        return Contributions(self.cell[first], self.person[first], amounts)

    def first_of_each(self, most: int) -> Entries:
        """The same with at most `most` rows of one person, the first of them in the order of the tables' rows."""
        order = np.lexsort(np.stack([*reversed(self.rows), self.person.astype(np.int64)]))
        person = self.person[order]
        starts = np.flatnonzero(np.concatenate([[True], person[1:] != person[:-1]])) if len(person) else order
        rank = np.arange(len(person)) - np.repeat(starts, np.diff(starts, append=len(person)))
        kept = np.sort(order[rank < most])
        return Entries(
            self.keys,
            tuple(rows[kept] for rows in self.rows),
            self.person[kept],
            self.cell[kept],
            self.behind[:, kept],
            self.amounts[:, kept],
        )

    def _amounts(
        self, place: int, order: NDArray[np.intp], starts: NDArray[np.intp], *, squared: bool
    ) -> Amounts:
        values = self.amounts[place][order]
        behind = self.behind[place][order].astype(np.int64)
        squares = values * values if squared else np.zeros_like(values)
        return Amounts(*(_reduced(lane, starts) for lane in (behind, values, squares)))


def read_entries(
    rows: pa.Table, shape: Shape, groups: Groups | None, *, tables: int, max_cells: int | None
) -> Entries:
    """The entries of a row statement's result. Raises AnswerTooLarge, KeyUnreadable, OrderInvalid."""
    keys, cell = _cells(rows, shape, groups, max_cells=max_cells)
    kept = np.flatnonzero(cell >= 0)
    measures = list(enumerate(shape.measures))
    behind = np.stack([_behind(rows, place, measure.coverage)[kept] for place, measure in measures])
    amounts = np.stack([_amount(rows, place, scale=measure.scale)[kept] for place, measure in measures])
    return Entries(
        keys,
        tuple(_integers(rows, row_of(place))[kept] for place in range(tables)),
        _integers(rows, PERSON)[kept].astype(np.int32),
        cell[kept].astype(np.int32),
        behind,
        np.where(behind, amounts, 0),
    )


def _cells(
    rows: pa.Table, shape: Shape, groups: Groups | None, *, max_cells: int | None
) -> tuple[tuple[tuple[Key, ...], ...], NDArray[np.int64]]:
    """The cells and which each row is in, -1 for none."""
    symbol = np.zeros(rows.num_rows, dtype=np.int64)
    levels: list[list[Key]] = []
    for place in range(len(shape.keys)):
        codes, values = _level(rows.column(f"{KEY}{place}"))
        symbol, distinct = _folded(symbol, codes, width=len(values))
        levels = [[level[d // len(values)] for d in distinct] for level in levels]
        levels.append([values[d % len(values)] for d in distinct])
    found = list(zip(*levels, strict=True)) if levels else [()]
    if groups is None:
        order = sorted(range(len(found)), key=lambda at: tuple(spelled(part) or "" for part in found[at]))
        if max_cells is not None and len(order) > max_cells:
            raise AnswerTooLarge(f"expected at most {max_cells} cells, got more")
        place_of = np.empty(max(len(order), 1), dtype=np.int64)
        place_of[order] = np.arange(len(order))
        return tuple(found[at] for at in order), place_of[symbol]
    at = {keys: number for number, keys in enumerate(groups)}
    place_of = np.array([at.get(tuple(map(spelled, key)), -1) for key in found] or [-1], dtype=np.int64)
    return tuple(groups), place_of[symbol]


def _level(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Key]]:
    """Codes of a key column, and the keys; a missing value is a key of its own."""
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    values = [key_of(value) for value in encoded.dictionary.to_pylist()]
    # Two spellings of one key (1.0 and 1, a time at midnight and a date) are one cell.
    different = {(type(value), value): value for value in values}
    place_of = {key: place for place, key in enumerate(different)}
    merged = np.array([place_of[type(value), value] for value in values] or [0], dtype=np.int64)
    indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.asarray(merged[indices], dtype=np.int64), list(different.values()) or [None]


def _folded(
    symbol: NDArray[np.int64], codes: NDArray[np.int64], *, width: int
) -> tuple[NDArray[np.int64], list[int]]:
    if not len(symbol):
        return symbol, []
    dense, values = ranked(symbol * width + codes, bound=(int(symbol.max()) + 1) * width)
    return dense.astype(np.int64), values.tolist()


def _behind(rows: pa.Table, place: int, coverage: Coverage) -> NDArray[np.bool_]:
    name = f"{BEHIND}{place}"
    if name not in rows.column_names:
        if coverage is not Coverage.CELL:
            raise OrderInvalid("expected who stands behind a measure, got nothing")
        return np.ones(rows.num_rows, dtype=np.bool_)
    found = pc.fill_null(rows.column(name), False).to_numpy()
    return np.asarray(found, dtype=np.bool_)


def _amount(rows: pa.Table, place: int, *, scale: int) -> NDArray[np.int64]:
    """Fixed-point amounts; of a count every row is one. A missing one is 0 and stands behind nothing."""
    if f"{AMOUNT}{place}" not in rows.column_names:
        return np.ones(rows.num_rows, dtype=np.int64)
    column: Any = pc.fill_null(pc.cast(rows.column(f"{AMOUNT}{place}"), pa.float64()), 0.0)
    values = np.rint(column.to_numpy() * float(10**scale))
    if len(values) and not (np.isfinite(values).all() and float(np.abs(values).max()) < _EXACT):
        raise OrderInvalid("expected amounts within 62 bits, got one beyond")
    return np.asarray(values, dtype=np.int64)


def _integers(rows: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(rows.column(name), -1).to_numpy(), dtype=np.int64)


def _reduced(lane: NDArray[np.int64], starts: NDArray[np.intp]) -> NDArray[np.int64]:
    if not len(starts):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(np.add.reduceat(lane, starts), dtype=np.int64)
