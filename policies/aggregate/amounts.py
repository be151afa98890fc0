"""The columns that a question sums, and how to read what every row of their tables would add.

A difference of two sums is a sum over an atom, so an atom may be dominated by one person as little as a cell may
(`policies.atoms.admission`, *Amounts*). Rows outside the answer count as much as those in it: they are what the answer leaves
of an earlier one. So the amounts are read of the whole table, clipped as in the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.sql.data_list import DataList
from policies.sql.query import Query
from policies.sql.rendering import clipped, name
from policies.sql.row_statement import AMOUNT, ROW


@dataclass(frozen=True, slots=True)
class Amount:
    """A summed column: its table, the statement that gives row number and amount, the measures over it by their place."""

    table: str
    column: str
    statement: str
    measures: tuple[int, ...]


def amounts_of(query: Query, data_list: DataList) -> tuple[Amount, ...]:
    """The columns under SUM, AVG, VAR and STDDEV, in the order in which they occur."""
    found: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for place, item in enumerate(query.aggregates):
        field, bounds = item.aggregate.field, item.aggregate.bounds
        if field is None or bounds is None:
            continue
        shown = f"{name(field.table)}.{name(ROW)} AS {name(ROW)}, {clipped(field, bounds, data_list)} AS {name(AMOUNT)}"
        statement = f"SELECT {shown} FROM {name(field.table)}"  # noqa: S608 - declared names, quoted
        found.setdefault((field.table, field.column), (statement, []))[1].append(place)
    return tuple(
        Amount(table, column, statement, tuple(places))
        for (table, column), (statement, places) in found.items()
    )
