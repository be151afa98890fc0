"""From a governed statement to what is computed of it: measures, fixed-point scales, bounds of one person's totals.

- A measure over a column stands on the persons with a value, a conditional one on those who meet the condition.
- Sums are integers: the scale is the most decimal digits, at most six, with which the sum over the declared rows of all
  domains stays below 2^62; whole numbers have none. A measure that does not fit with none is refused, never wrapped.
- A person's total is bounded by the column's bounds times the rows one person may have. A job joins tables on persons, so that
  every row is about one person; joins on other columns are a matter of alignment and refused here.

protocols.md sections 2.2 and 6.2 (L1). What may be released of the figures is left to `policies.disclosure`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType
from typing import Final

from policies.aggregate.listing import rows_per_person
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.local import PersonBound
from policies.documents.dataset import Dataset
from policies.errors import PolicyError
from policies.sql.data_list import Bounds, DataList
from policies.sql.query import Aggregate, AggregateItem, Function, Join, Query

MAX_SCALE: Final = 6
LARGEST_SUM: Final = 2**62
"""What a lane summed over all domains stays below, noise apart."""
_KINDS: Final[Mapping[Function, Kind]] = MappingProxyType(
    {
        Function.COUNT_ROWS: Kind.COUNT,
        Function.SUM_ONES: Kind.COUNT,
        Function.COUNT_PERSONS: Kind.PERSONS,
        Function.SUM: Kind.SUM,
        Function.AVG: Kind.MEAN,
        Function.VAR_SAMP: Kind.VARIANCE,
        Function.VAR_POP: Kind.VARIANCE_POP,
        Function.STDDEV_SAMP: Kind.STDDEV,
        Function.STDDEV_POP: Kind.STDDEV_POP,
    }
)
_OVER_ALL_ROWS: Final = frozenset({Kind.MEAN, Kind.VARIANCE, Kind.VARIANCE_POP, Kind.STDDEV, Kind.STDDEV_POP})


class QuestionUnreadable(PolicyError):
    """A governed statement that a job cannot answer; the message says what to ask instead."""

    code = "question_unreadable"


@dataclass(frozen=True, slots=True)
class TableSize:
    """Rows of one domain's table, and the most of them that one person may have."""

    rows: int
    rows_per_person: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one domain computes: the shape with the finest scales that fit it, and the rows one person may have."""

    shape: Shape
    amounts: tuple[Bounds | None, ...]
    rows_per_person: int

    def bounds(self, shape: Shape) -> tuple[PersonBound | None, ...]:
        """Bounds of one person's total, one a measure, in the fixed point of the common `shape`."""
        return tuple(
            self._bound(measure, amount) for measure, amount in zip(shape.measures, self.amounts, strict=True)
        )

    def _bound(self, measure: Measure, amount: Bounds | None) -> PersonBound | None:
        most = self.rows_per_person
        if amount is None:
            return None if measure.kind is Kind.PERSONS else PersonBound(0, most)
        low, high = (_fixed(value, measure.scale) for value in (amount.low, amount.high))
        return PersonBound(min(low, low * most), max(high, high * most))


def figures_of(query: Query, data_list: DataList, datasets: Sequence[Dataset], *, domains: int) -> Figures:
    """What a domain computes for `query`; `domains` is how many contribute. Raises QuestionUnreadable."""
    tables = {
        dataset.id: TableSize(dataset.volume.rows, rows_per_person(dataset))
        for dataset in datasets
        if dataset.id in query.tables
    }
    return figures_from(query, data_list, tables, domains=domains)


def figures_from(
    query: Query, data_list: DataList, tables: Mapping[str, TableSize], *, domains: int
) -> Figures:
    """As `figures_of`, of tables of which no more is known than their size, by name."""
    for join in query.joins:
        _check_join(join, data_list)
    sizes = [tables[table] for table in query.tables]
    most = math.prod(size.rows_per_person for size in sizes)
    # A join on persons multiplies a person's rows, not the tables with each other.
    rows = domains * max(size.rows for size in sizes) * most
    measures = tuple(_measure(item, data_list, rows=max(rows, 1)) for item in query.aggregates)
    shape = Shape(tuple(item.name for item in query.keys), measures)
    return Figures(shape, tuple(item.aggregate.bounds for item in query.aggregates), most)


def common(shapes: Sequence[Shape]) -> Shape:
    """The one shape of all domains: the same keys and measures, the coarsest scale. Raises QuestionUnreadable."""
    first = shapes[0]
    asked = [(m.name, m.kind, m.coverage, m.places) for m in first.measures]
    for shape in shapes[1:]:
        theirs = [(m.name, m.kind, m.coverage, m.places) for m in shape.measures]
        if (shape.keys, theirs) != (first.keys, asked):
            raise QuestionUnreadable(
                "expected the same keys and measures of every domain, got different ones"
            )
    scales = [min(shape.measures[place].scale for shape in shapes) for place in range(len(asked))]
    measures = zip(first.measures, scales, strict=True)
    return Shape(first.keys, tuple(Measure(m.name, m.kind, m.coverage, s, m.places) for m, s in measures))


def _measure(item: AggregateItem, data_list: DataList, *, rows: int) -> Measure:
    aggregate = item.aggregate
    kind = _KINDS[aggregate.function]
    if aggregate.else_zero and kind in _OVER_ALL_ROWS:
        raise QuestionUnreadable(
            f"expected no ELSE 0 in `{item.name}`: ask the sum and the count and divide them, or drop ELSE 0"
        )
    return Measure(
        item.name,
        kind,
        _coverage(aggregate),
        scale=_scale(item.name, aggregate, data_list, rows=rows, squared=kind.is_dispersion),
        places=item.digits if item.digits is not None else (0 if item.rounded else None),
    )


def _coverage(aggregate: Aggregate) -> Coverage:
    if aggregate.condition is not None:
        return Coverage.CONDITION
    return Coverage.CELL if aggregate.bounds is None else Coverage.PRESENT


def _scale(name: str, aggregate: Aggregate, data_list: DataList, *, rows: int, squared: bool) -> int:
    if aggregate.field is None or aggregate.bounds is None:
        return 0
    table = data_list.table(aggregate.field.table)
    column = None if table is None else table.column(aggregate.field.column)
    finest = 0 if column is not None and column.type.is_integer else MAX_SCALE
    reach = max(abs(aggregate.bounds.low), abs(aggregate.bounds.high), Decimal(1))
    for scale in range(finest, -1, -1):
        one = _fixed(reach, scale)
        if rows * (one * one if squared else one) < LARGEST_SUM:
            return scale
    raise QuestionUnreadable(
        f"expected sums below 2^62 in `{name}`, got bounds and rows that could exceed it"
    )


def _fixed(value: Decimal, scale: int) -> int:
    return int((value * 10**scale).to_integral_value(rounding=ROUND_CEILING))


def _check_join(join: Join, data_list: DataList) -> None:
    for equality in join.equalities:
        fields = (equality.left, equality.right)
        tables = [data_list.table(field.table) for field in fields]
        columns = [t.column(f.column) for t, f in zip(tables, fields, strict=True) if t is not None]
        if all(column is not None and column.is_person for column in columns):
            return
    raise QuestionUnreadable(f"expected `{join.table}` joined on its person column, got other columns")
