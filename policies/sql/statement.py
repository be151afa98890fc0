"""The statement that runs: compiled from the closed model, never from partner text.

- Same keys, names, aggregates and filters as asked, over the tables' own names; every measure is clipped inside its aggregate.
- Added columns start with `__` and count distinct persons: `__persons` in each cell, `__persons_<n>` behind the conditional
  aggregate that is output column n (from 1): the persons whose rows it took, of a measure those where it is not NULL.
- With joins a count is the least over the person keys of the tables, keys that an inner join makes equal counted once:
  whichever table a value comes from, at least that many of its persons stand behind the cell.
- HAVING, ORDER BY and LIMIT are not in it: they are the release's, where a withheld cell cannot show as a gap.

Follows the SQL contract, section 5. How many persons lie behind an unconditional measure that may be NULL is told by the
companion (`policies.sql.row_statement`), row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from policies.sql.data_list import DataList
from policies.sql.query import Aggregate, AggregateItem, Function, JoinKind, KeyItem, Query
from policies.sql.rendering import clipped, column, condition, key, name, source
from policies.sql.terms import Field

PERSONS: Final = "__persons"


@dataclass(frozen=True, slots=True)
class PersonColumns:
    """The names of the added columns: of the cell, and of each conditional aggregate by its output position from 0."""

    cell: str
    by_item: dict[int, str]


def person_columns(query: Query) -> PersonColumns:
    """The added columns of the statement of `query`."""
    return PersonColumns(
        PERSONS,
        {
            i: f"{PERSONS}_{i + 1}"
            for i, item in enumerate(query.items)
            if isinstance(item, AggregateItem) and item.aggregate.condition is not None
        },
    )


def compile_statement(query: Query, data_list: DataList) -> str:
    """DuckDB SQL that answers `query` with clipped measures and person counts."""
    added = person_columns(query)
    shown, persons = [], [f"{_persons(query, data_list)} AS {name(added.cell)}"]
    for i, item in enumerate(query.items):
        if isinstance(item, KeyItem):
            shown.append(f"{key(item.key, data_list)} AS {name(item.name)}")
            continue
        shown.append(f"{_rounded(item, data_list)} AS {name(item.name)}")
        if i in added.by_item:
            persons.append(f"{_persons(query, data_list, behind=item.aggregate)} AS {name(added.by_item[i])}")
    statement = f"SELECT {', '.join(shown + persons)} {source(query, data_list)}"
    positions = [str(i + 1) for i, item in enumerate(query.items) if isinstance(item, KeyItem)]
    return f"{statement} GROUP BY {', '.join(positions)}" if positions else statement


def _rounded(item: AggregateItem, data_list: DataList) -> str:
    shown = _aggregate(item.aggregate, data_list)
    if not item.rounded:
        return shown
    return f"round({shown})" if item.digits is None else f"round({shown}, {item.digits})"


def _aggregate(aggregate: Aggregate, data_list: DataList) -> str:
    holds = condition(aggregate.condition, data_list) if aggregate.condition is not None else None
    over = f" FILTER (WHERE {holds})" if holds else ""
    match aggregate.function:
        case Function.COUNT_ROWS:
            return f"COUNT(*){over}"
        case Function.SUM_ONES:
            return f"SUM(CASE WHEN {holds} THEN 1 ELSE 0 END)"
        case Function.COUNT_PERSONS:
            return f"COUNT(DISTINCT {column(_field(aggregate))}){over}"
        case function:
            measure = _measure(aggregate, data_list)
            if aggregate.else_zero:
                return f"{function.value}(CASE WHEN {holds} THEN {measure} ELSE 0 END)"
            return f"{function.value}({measure}){over}"


def _measure(aggregate: Aggregate, data_list: DataList) -> str:
    if aggregate.bounds is None:
        raise LookupError("expected a measure with bounds")
    return clipped(_field(aggregate), aggregate.bounds, data_list)


def _field(aggregate: Aggregate) -> Field:
    if aggregate.field is None:
        raise LookupError("expected an aggregate of a column")
    return aggregate.field


def _persons(query: Query, data_list: DataList, *, behind: Aggregate | None = None) -> str:
    parts = []
    if behind is not None and behind.condition is not None:
        parts.append(condition(behind.condition, data_list))
    if behind is not None and behind.bounds is not None:
        parts.append(f"{column(_field(behind))} IS NOT NULL")
    over = f" FILTER (WHERE {' AND '.join(parts)})" if parts else ""
    if not query.joins and _is_one_row_per_person(query.table, data_list):
        return f"COUNT(*){over}"
    counts = [f"COUNT(DISTINCT {column(field)}){over}" for field in counted_keys(query, data_list)]
    return counts[0] if len(counts) == 1 else f"least({', '.join(counts)})"


def counted_keys(query: Query, data_list: DataList) -> list[Field]:
    """The person keys of the query's tables, those that an inner join makes equal counted once."""
    counted = [person_key(query.table, data_list)]
    covered = set(counted)
    for join in query.joins:
        own = person_key(join.table, data_list)
        equal = any(one.right == own and one.left in covered for one in join.equalities)
        if not (equal and join.kind is JoinKind.INNER):
            counted.append(own)
        covered.add(own)
    return counted


def person_key(table: str, data_list: DataList) -> Field:
    """The person key of a listed table."""
    found = data_list.table(table)
    if found is None:
        raise LookupError("expected a table of the data list")
    return Field(found.name, found.person_key)


def _is_one_row_per_person(table: str, data_list: DataList) -> bool:
    found = data_list.table(table)
    return found is not None and found.one_row_per_person
