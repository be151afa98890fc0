"""What a governed query releases with noise, and how far off each of its outputs will be.

Rules:
1. Only counts, sums and sums of squares get noise. An average is a sum over a count, a variance also needs the sum of
   squares; each such part is released once, whoever needs it, and the outputs are computed from the released parts.
2. A person adds at most `rows` rows of the query's source to a cell, one where the only table has one row a person.
   COUNT(DISTINCT key) counts a person once if the key is its table's person key.
3. Sums get a power-of-two scale of their own (`policies.privacy.sensitivity.scale_of`); counts need none.
4. The error of a ratio needs the number of rows of a cell: the delta method with the largest mean that the bounds allow, so
   that the truth is usually nearer. A standard deviation is off by at most the root of its variance's error.

Which rows a query reads and how they are clipped: `policies.sql`. Source: protocols.md §6.2 and §6.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from policies.privacy.accuracy import NORMAL_95
from policies.privacy.plan import Noise, plan
from policies.privacy.sensitivity import Measure, count, scale_of
from policies.sql.data_list import DataList
from policies.sql.query import Aggregate, Function, Query


class Sum(StrEnum):
    """What is added up over the rows of a cell."""

    ROWS = "rows"
    PERSONS = "persons"
    VALUES = "values"
    SQUARES = "squares"


Part = tuple[Sum, Aggregate]
"""One released number a cell: what is added up, and over which rows; equal parts are released once."""

_DEVIATIONS: Final = frozenset({Function.STDDEV_SAMP, Function.STDDEV_POP})
_COUNTED: Final[Mapping[Function, Sum]] = {
    Function.COUNT_ROWS: Sum.ROWS,
    Function.SUM_ONES: Sum.ROWS,
    Function.COUNT_PERSONS: Sum.PERSONS,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """An output's name, and half the width of its 95 % interval; None where that needs the size of a cell."""

    name: str
    error_95: float | None
    """In the output's own unit; for counts and sums a whole number of steps of the released part."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A query's released parts with their noise, and what to expect of each output."""

    noises: tuple[Noise, ...]
    estimates: tuple[Estimate, ...]


def price(
    query: Query, data_list: DataList, *, rho: Fraction, rows: int, groups: int, cell_rows: int | None
) -> Priced:
    """What `rho` buys for `query`.

    `rows` and `groups` bound one person's rows and cells; `cell_rows` is the size of the cells that the error of averages is
    meant for. Raises PrivacyInvalid.
    """
    own_rows = rows_of_a_person(query, data_list, rows=rows)
    parts = list(dict.fromkeys(part for item in query.aggregates for part in parts_of(item.aggregate)))
    noises = plan([_measure(part, data_list, rows=own_rows) for part in parts], groups=groups, rho=rho)
    found = dict(zip(parts, noises, strict=True))
    estimates = tuple(
        Estimate(item.name, _error(item.aggregate, found, cell_rows=cell_rows)) for item in query.aggregates
    )
    return Priced(noises, estimates)


def rows_of_a_person(query: Query, data_list: DataList, *, rows: int) -> int:
    """The most rows that one person has in the query's source."""
    table = data_list.table(query.table)
    alone = not query.joins and table is not None and table.one_row_per_person
    return 1 if alone else rows


def parts_of(aggregate: Aggregate) -> tuple[Part, ...]:
    """The released parts that an aggregate is computed from."""
    if aggregate.function in _COUNTED:
        plain = Aggregate(
            Function.COUNT_PERSONS if aggregate.function is Function.COUNT_PERSONS else Function.COUNT_ROWS,
            field=aggregate.field,
            condition=aggregate.condition,
        )
        return ((_COUNTED[aggregate.function], plain),)
    # One name for all functions of the same measure over the same rows, so that their parts are equal.
    same = Aggregate(
        Function.SUM,
        field=aggregate.field,
        bounds=aggregate.bounds,
        condition=aggregate.condition,
        else_zero=aggregate.else_zero,
    )
    if aggregate.function is Function.SUM:
        return ((Sum.VALUES, same),)
    if aggregate.function is Function.AVG:
        return ((Sum.VALUES, same), (Sum.ROWS, same))
    return ((Sum.VALUES, same), (Sum.ROWS, same), (Sum.SQUARES, same))


def _measure(part: Part, data_list: DataList, *, rows: int) -> Measure:
    kind, aggregate = part
    field = aggregate.field
    name = kind.value if field is None else f"{kind.value} of {field}"
    if kind is Sum.ROWS:
        return count(name, rows=rows)
    if kind is Sum.PERSONS:
        table = None if field is None else data_list.table(field.table)
        is_key = table is not None and field is not None and table.person_key == field.column
        return count(name, rows=1 if is_key else rows)
    low, high = _bounds(aggregate)
    if kind is Sum.SQUARES:
        low, high = Fraction(0), max(low * low, high * high)
    return Measure(name, low, high, rows=rows, scale=scale_of(low, high, rows=rows))


def _bounds(aggregate: Aggregate) -> tuple[Fraction, Fraction]:
    if aggregate.bounds is None:
        return Fraction(0), Fraction(1)
    low, high = Fraction(aggregate.bounds.low), Fraction(aggregate.bounds.high)
    # A row that does not meet the condition counts as 0.
    return (min(low, Fraction(0)), max(high, Fraction(0))) if aggregate.else_zero else (low, high)


def _error(aggregate: Aggregate, noises: Mapping[Part, Noise], *, cell_rows: int | None) -> float | None:
    own = {part[0]: noises[part] for part in parts_of(aggregate)}
    if len(own) == 1:
        (noise,) = own.values()
        return float(noise.error_95)
    if cell_rows is None:
        return None
    largest = float(max(map(abs, _bounds(aggregate))))
    values, rows = _deviation(own[Sum.VALUES]), _deviation(own[Sum.ROWS])
    if aggregate.function is Function.AVG:
        return _width([values, largest * rows]) / cell_rows
    squares = _deviation(own[Sum.SQUARES])
    off = _width([squares, 2 * largest * values, largest**2 * rows]) / cell_rows
    return math.sqrt(off) if aggregate.function in _DEVIATIONS else off


def _deviation(noise: Noise) -> float:
    """The standard deviation of a part's noise, in its own unit."""
    return math.sqrt(noise.sigma2) / float(noise.measure.scale)


def _width(deviations: Iterable[float]) -> float:
    return float(NORMAL_95) * math.hypot(*deviations)
