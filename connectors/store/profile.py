"""Counts over a whole snapshot against a declaration, for the quality report: counts only, and exact.

A snapshot fitted its declaration when it was written; a later declaration may be stricter. What may be told of the
counts is `connectors.quality`'s to decide.
"""

# ruff: noqa: S608 - the names put into SQL are declared column names, quoted; values are bound.
from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from connectors.sources import residents
from connectors.sources.cells import limits
from connectors.store.engine import CATALOG, Connection, engine_errors, name
from policies.documents.dataset import Column, ColumnType, Dataset


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """Rows of one column: without a value, outside the bounds, of an undeclared category."""

    column: str
    missing: int
    outside: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts of one snapshot. `distinct_keys` counts row keys, `invalid_residents` persons."""

    rows: int
    persons: int
    distinct_keys: int
    invalid_residents: int
    columns: tuple[ColumnCounts, ...]


def measure(connection: Connection, stored: Dataset, declared: Dataset) -> Profile:
    """Counts of the snapshot written under `stored`, by the rules of `declared`."""
    with engine_errors("profile the snapshot"):
        rows = _count(connection, f"SELECT count(*) FROM {CATALOG}.rows", [])
        columns = tuple(
            _column(connection, column, present=_same(stored, column), rows=rows)
            for column in declared.columns
            if column.name != declared.person_column
        )
        keys = ", ".join("person_no" if key == stored.person_column else name(key) for key in stored.row_key)
        distinct = _count(
            connection, f"SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {CATALOG}.rows)", []
        )
        persons = invalid = 0
        if stored.personal:
            for batch in connection.execute(f"SELECT resident FROM {CATALOG}.persons").to_arrow_reader(
                100_000
            ):
                persons += batch.num_rows
                invalid += _invalid(batch.column(0))
    return Profile(rows, persons, distinct, invalid, columns)


def _same(stored: Dataset, column: Column) -> bool:
    """Whether the snapshot holds a column of this name and type; its bounds and categories may differ."""
    held = stored.column(column.name)
    return held is not None and held.type is column.type


def _column(connection: Connection, column: Column, *, present: bool, rows: int) -> ColumnCounts:
    if not present:
        return ColumnCounts(column.name, missing=rows, outside=0, unknown=0)
    cell = name(column.name)
    counts, values = ["count(*) FILTER (WHERE {0} IS NULL)"], list[object]()
    if column.bounds is not None and column.type in (ColumnType.INTEGER, ColumnType.DECIMAL):
        counts.append("count(*) FILTER (WHERE {0} < ? OR {0} > ?)")
        values += limits(column.bounds, column.type)
    else:
        counts.append("0")
    if column.categories is not None and column.type is not ColumnType.DECIMAL:
        counts.append("count(*) FILTER (WHERE NOT list_contains(?, CAST({0} AS VARCHAR)))")
        values.append(list(column.categories))
    else:
        counts.append("0")
    query = f"SELECT {', '.join(counts).format(cell)} FROM {CATALOG}.rows"
    missing, outside, unknown = connection.execute(query, values).fetchall()[0]
    return ColumnCounts(column.name, int(missing), int(outside), int(unknown))


def _count(connection: Connection, query: str, values: list[object]) -> int:
    return int(connection.execute(query, values).fetchall()[0][0])


def _invalid(numbers: pa.Array) -> int:
    return int((~residents.canonical(numbers)[1]).sum())
