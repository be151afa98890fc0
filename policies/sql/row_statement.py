"""The companion that tells the disclosure rules who stands where: one line for each row that passes the filter.

Compiled from the closed model like the statement itself, with the same keys, filters, conditions and clipping; it runs inside
the domain and its result never leaves the worker. Columns, by output position of keys and of aggregates, each from 0:

    __row          number of the row in the first table's file; `__row1`, `__row2` in those of the joined ones,
                   NULL where a left join found none
    __person       the person of the first table
    __k<i>         key i
    __b<i>         whether the row stands behind aggregate i: its condition holds and its measure is not NULL
                   (left out where every row does)
    __v<i>         the clipped measure of aggregate i (left out for counts)
"""

from __future__ import annotations

from typing import Final

from policies.sql.data_list import DataList
from policies.sql.query import Aggregate, Query
from policies.sql.rendering import clipped, column, condition, key, name, source
from policies.sql.statement import person_key

ROW: Final = "__row"
PERSON: Final = "__person"
KEY: Final = "__k"
BEHIND: Final = "__b"
AMOUNT: Final = "__v"


def row_of(place: int) -> str:
    """The column that numbers the rows of the table at `place` in FROM."""
    return f"{ROW}{place}" if place else ROW


def compile_rows(query: Query, data_list: DataList) -> str:
    """DuckDB SQL over tables whose views number their rows as `__row`."""
    shown = [
        f"{name(table)}.{name(ROW)} AS {name(row_of(place))}" for place, table in enumerate(query.tables)
    ]
    shown.append(f"{column(person_key(query.table, data_list))} AS {name(PERSON)}")
    shown += [f"{key(item.key, data_list)} AS {name(f'{KEY}{i}')}" for i, item in enumerate(query.keys)]
    for i, item in enumerate(query.aggregates):
        aggregate = item.aggregate
        behind = _behind(aggregate, data_list)
        if behind:
            shown.append(f"{' AND '.join(behind)} AS {name(f'{BEHIND}{i}')}")
        if aggregate.field is not None and aggregate.bounds is not None:
            shown.append(f"{clipped(aggregate.field, aggregate.bounds, data_list)} AS {name(f'{AMOUNT}{i}')}")
    return f"SELECT {', '.join(shown)} {source(query, data_list)}"


def _behind(aggregate: Aggregate, data_list: DataList) -> list[str]:
    parts = []
    if aggregate.condition is not None:
        parts.append(f"({condition(aggregate.condition, data_list)})")
    if aggregate.field is not None:
        parts.append(f"({column(aggregate.field)} IS NOT NULL)")
    return parts
