"""HAVING, ORDER BY and LIMIT, applied to what is released and to nothing else.

Rules:

1. HAVING reads the rounded, released persons. A row below it is dropped.
2. A withheld cell never shows as a gap. If the group dictionary is public, every withheld cell is listed with its marks,
   whatever HAVING says: were it dropped, HAVING would tell something of its persons. Otherwise no withheld cell is
   listed, since its key alone says that somebody is there; the report counts them.
3. ORDER BY reads released values. A mark sorts as NULL; withheld cells come last in every order, by their keys. Ties are
   broken by key, so that no order of storage shows.
4. LIMIT cuts the list that results.

The order of keys: by kind (booleans, numbers, dates, text, NULL last), then by value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cmp_to_key
from typing import TypeAlias

from policies.disclosure.cells import Key, Kind, Shape
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.release import Judged, Mark, Row, Value
from policies.disclosure.report import DisclosureReport

_Sortable: TypeAlias = tuple[int, Fraction | str]


@dataclass(frozen=True, slots=True)
class Order:
    """One item of ORDER BY: the column's index over keys, then measures."""

    column: int
    descending: bool = False
    nulls_last: bool = True


@dataclass(frozen=True, slots=True)
class Having:
    """At least `persons` distinct persons: of the cell, or of the measure with this index (a count of persons)."""

    persons: int
    measure: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The answer as the recipient gets it: rows in their order, and the report on all cells."""

    shape: Shape
    rows: tuple[Row, ...]
    report: DisclosureReport


def present(
    judged: Judged,
    *,
    having: Having | int | None = None,
    order: Sequence[Order | tuple[int, bool, bool]] = (),
    limit: int | None = None,
    public_keys: bool = False,
) -> Table:
    """Filter, sort and cut the released rows. `CellsInvalid` for a column, measure or limit that does not exist."""
    wanted = Having(having) if isinstance(having, int) else having
    orders = [item if isinstance(item, Order) else Order(*item) for item in order]
    _check(judged.shape, wanted, orders, limit)
    rows = [row for row in judged.rows if not row.withheld and _has(row, wanted)]
    rows.sort(key=_by_key)
    # Sorts are stable: the last item of ORDER BY is sorted by first.
    for item in reversed(orders):
        rows.sort(key=_comparing(item, len(judged.shape.keys)))
    if public_keys:
        rows += sorted((row for row in judged.rows if row.withheld), key=_by_key)
    return Table(judged.shape, tuple(rows[:limit]), judged.report)


def _check(shape: Shape, having: Having | None, orders: Sequence[Order], limit: int | None) -> None:
    n_columns = len(shape.keys) + len(shape.measures)
    if any(not 0 <= item.column < n_columns for item in orders):
        raise CellsInvalid(f"expected columns 0 to {n_columns - 1} in an order, got another")
    if limit is not None and limit < 1:
        raise CellsInvalid(f"expected a limit of at least one, got {limit}")
    if having is None or having.measure is None:
        return
    if (
        not 0 <= having.measure < len(shape.measures)
        or shape.measures[having.measure].kind is not Kind.PERSONS
    ):
        raise CellsInvalid("expected a count of persons under HAVING, got another measure")


def _has(row: Row, having: Having | None) -> bool:
    if having is None:
        return True
    persons = row.persons if having.measure is None else row.values[having.measure]
    # As in SQL, NULL is not at least anything.
    return not isinstance(persons, Mark) and persons >= having.persons


def _comparing(item: Order, n_keys: int):  # type: ignore[no-untyped-def]  # the key type of functools is private
    def compare(one: Row, other: Row) -> int:
        left, right = (_part(_column(row, item.column, n_keys)) for row in (one, other))
        if left is None or right is None:
            either = (left is None) - (right is None)
            return either if item.nulls_last else -either
        either = (left > right) - (left < right)
        return -either if item.descending else either

    return cmp_to_key(compare)


def _column(row: Row, column: int, n_keys: int) -> Key | Value:
    return row.key[column] if column < n_keys else row.values[column - n_keys]


def _by_key(row: Row) -> tuple[tuple[bool, _Sortable], ...]:
    parts = (_part(part) for part in row.key)
    return tuple((part is None, (0, "") if part is None else part) for part in parts)


def _part(value: Key | Value) -> _Sortable | None:
    """A value in one order with all others of its kind; None for NULL and marks."""
    match value:
        case None | Mark():
            return None
        case bool():
            return (0, Fraction(value))
        case int() | Decimal():
            return (1, Fraction(value))
        case dt.date():
            return (2, value.isoformat())
        case str():
            return (3, value)
