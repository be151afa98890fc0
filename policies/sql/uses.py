"""Which columns a governed query reads, and what it puts each to.

The answer is read off the closed model: a key is put to `group` (of a measure, a histogram, to `measure`), a filter to
`filter`, a measure to `measure`, the two sides of a join and what is counted as persons to `person` or `join` as they are
listed. The condition of a conditional aggregate or a CASE label may read `group` or `filter` columns: what is listed counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.sql.data_list import DataList, SqlUse
from policies.sql.query import (
    AggregateItem,
    AllOf,
    AnyOf,
    Bin,
    Condition,
    Field,
    Holds,
    Key,
    KeyItem,
    Labels,
    Negation,
    Query,
)
from policies.sql.statement import person_key

Consumed = tuple[Field, SqlUse]


def columns_used(query: Query, data_list: DataList) -> tuple[Consumed, ...]:
    """Every column the whole query reads, the person keys of its tables included, each with its use, once, in order."""
    found = dict.fromkeys(_of_rows(query, data_list))
    for item in query.items:
        found |= dict.fromkeys(_of_item(item, data_list))
    return tuple(sorted(found, key=lambda used: (str(used[0]), used[1].value)))


def uses_consumed(query: Query, data_list: DataList) -> dict[str, tuple[Consumed, ...]]:
    """By output column what it consumed: its own columns, and those that decide which rows it sees."""
    rows = list(_of_rows(query, data_list))
    keys = [used for item in query.keys for used in _of_item(item, data_list)]
    consumed = {}
    for item in query.items:
        # An aggregate is told cell by cell, so it also tells of the keys.
        own = [*_of_item(item, data_list), *(keys if isinstance(item, AggregateItem) else ()), *rows]
        consumed[item.name] = tuple(sorted(set(own), key=lambda used: (str(used[0]), used[1].value)))
    return consumed


def _of_rows(query: Query, data_list: DataList) -> Iterator[Consumed]:
    for table in query.tables:
        yield person_key(table, data_list), SqlUse.PERSON
    for join in query.joins:
        for equality in join.equalities:
            for field in (equality.left, equality.right):
                yield field, _listed(field, data_list, (SqlUse.PERSON, SqlUse.JOIN))
    if query.where is not None:
        for field in fields_of(query.where):
            yield field, SqlUse.FILTER
    if query.having is not None:
        yield query.having.field, SqlUse.PERSON


def _of_item(item: KeyItem | AggregateItem, data_list: DataList) -> Iterator[Consumed]:
    if isinstance(item, KeyItem):
        yield from _of_key(item.key, data_list)
        return
    aggregate = item.aggregate
    if aggregate.field is not None:
        yield aggregate.field, SqlUse.PERSON if aggregate.bounds is None else SqlUse.MEASURE
    if aggregate.condition is not None:
        for field in fields_of(aggregate.condition):
            yield field, _listed(field, data_list, (SqlUse.GROUP, SqlUse.FILTER))


def _of_key(key: Key, data_list: DataList) -> Iterator[Consumed]:
    if isinstance(key, Labels):
        for branch in key.branches:
            for field in fields_of(branch.condition):
                yield field, _listed(field, data_list, (SqlUse.GROUP, SqlUse.FILTER))
        return
    is_histogram = isinstance(key, Bin) and key.bounds is not None
    yield key.field, SqlUse.MEASURE if is_histogram else SqlUse.GROUP


def fields_of(condition: Condition) -> Iterator[Field]:
    """The columns a condition reads."""
    match condition:
        case AllOf(conditions) | AnyOf(conditions):
            for inner in conditions:
                yield from fields_of(inner)
        case Negation(inner):
            yield from fields_of(inner)
        case Holds(field):
            yield field
        case _:
            yield condition.operand.field


def _listed(field: Field, data_list: DataList, wanted: tuple[SqlUse, ...]) -> SqlUse:
    """The first of `wanted` uses that the column is listed for."""
    table = data_list.table(field.table)
    column = None if table is None else table.column(field.column)
    return next((use for use in wanted if column is not None and use in column.uses), wanted[0])
