"""The companion statements: what the release rules must know of persons, compiled from the closed model like the statement.

- They run inside the domain only; their results hold persons and never leave it.
- `person totals`: one row a cell and person, with what that person adds to each aggregate. Dominance and clipping of a person's
  total are judged on it, and how many persons stand behind a measure that may be NULL.
- `person cells`: which persons stand in which cell and behind which aggregate; the codes of the atom rule.
- Rows without a person are left out of both; a rule that counts persons cannot count them.

Columns: `__k<i>` key i, `__person`, and of aggregate i, each counted from 0 in the order of the output: `__n<i>` rows, of a
measure those where it is not NULL; `__s<i>` and `__q<i>` the sum of its clipped values and of their squares (DOUBLE); `__c<i>`
whether a row of the person stands behind it (left out where every row does).
"""

from __future__ import annotations

from typing import Final

from policies.sql.data_list import DataList
from policies.sql.query import Aggregate, Query
from policies.sql.rendering import clipped, column, condition, key, name, source
from policies.sql.statement import person_key

PERSON: Final = "__person"
KEY: Final = "__k"
COUNT: Final = "__n"
SUM: Final = "__s"
SQUARES: Final = "__q"
BEHIND: Final = "__c"


def compile_person_totals(
    query: Query, data_list: DataList, *, one_row_per_person: bool, table: str | None = None
) -> str:
    """Totals by cell and person of `table` (default the first of FROM); with `one_row_per_person` each row is one already."""
    person = column(person_key(table or query.table, data_list))
    head = _head(query, data_list, person)
    totals = [
        shown
        for i, item in enumerate(query.aggregates)
        for shown in _totals(i, item.aggregate, data_list, summed=not one_row_per_person)
    ]
    statement = f"SELECT {', '.join(head + totals)} {_of_persons(query, data_list, person)}"
    if one_row_per_person:
        return statement
    return f"{statement} GROUP BY {', '.join(str(i + 1) for i in range(len(head)))}"


def compile_person_cells(query: Query, data_list: DataList, *, table: str | None = None) -> str:
    """The distinct persons of `table` (default the first of FROM) by cell and by the aggregates they stand behind."""
    person = column(person_key(table or query.table, data_list))
    shown = _head(query, data_list, person)
    for i, item in enumerate(query.aggregates):
        behind = _behind(item.aggregate, data_list)
        if behind is not None:
            shown.append(f"{behind} AS {name(f'{BEHIND}{i}')}")
    return f"SELECT DISTINCT {', '.join(shown)} {_of_persons(query, data_list, person)}"


def _head(query: Query, data_list: DataList, person: str) -> list[str]:
    keys = [f"{key(item.key, data_list)} AS {name(f'{KEY}{i}')}" for i, item in enumerate(query.keys)]
    return [*keys, f"{person} AS {name(PERSON)}"]


def _of_persons(query: Query, data_list: DataList, person: str) -> str:
    rows = source(query, data_list)
    return f"{rows} {'WHERE' if query.where is None else 'AND'} {person} IS NOT NULL"


def _totals(i: int, aggregate: Aggregate, data_list: DataList, *, summed: bool) -> list[str]:
    behind = _behind(aggregate, data_list)
    ones = f"CAST({behind} AS BIGINT)" if behind is not None else "1"
    totals = [(COUNT, ones)]
    if aggregate.bounds is not None:
        value = f"CAST({_value(aggregate, data_list)} AS DOUBLE)"
        totals += [(SUM, f"coalesce({value}, 0)"), (SQUARES, f"coalesce(multiply({value}, {value}), 0)")]
    return [f"{f'SUM({shown})' if summed else shown} AS {name(f'{prefix}{i}')}" for prefix, shown in totals]


def _value(aggregate: Aggregate, data_list: DataList) -> str:
    """What a row adds to a measure: its clipped value, 0 or NULL."""
    if aggregate.field is None or aggregate.bounds is None:
        raise LookupError("expected a measure with bounds")
    value = clipped(aggregate.field, aggregate.bounds, data_list)
    if aggregate.condition is None:
        return f"({value})"
    ending = " ELSE 0" if aggregate.else_zero else ""
    return f"(CASE WHEN {condition(aggregate.condition, data_list)} THEN {value}{ending} END)"


def _behind(aggregate: Aggregate, data_list: DataList) -> str | None:
    """Whether a row stands behind the aggregate, never NULL; None when every row does."""
    parts = []
    if aggregate.condition is not None:
        parts.append(f"coalesce({condition(aggregate.condition, data_list)}, FALSE)")
    if aggregate.field is not None:
        parts.append(f"{column(aggregate.field)} IS NOT NULL")
    return f"({' AND '.join(parts)})" if parts else None
