"""Whether a rebuilt statement answers what the original asked: cell by cell, on the rows of two connections."""

from __future__ import annotations

import math
from typing import Any

import duckdb

from tests.policies.sql.grammar_oracle import key_positions
from tests.policies.sql.oracle_names import read_tables
from tests.policies.sql.oracle_parser import parse


def compared(
    sql: str, statement: str, *, asked_of: duckdb.DuckDBPyConnection, ran_on: duckdb.DuckDBPyConnection
) -> int:
    """Check the original's rows on `asked_of` against the statement's on `ran_on`; gives how many cells were compared.

    HAVING and LIMIT may be left to the release, so the statement may hold more rows, then and only then.
    """
    select = parse(sql)
    keys = key_positions(sql, read_tables())
    names, rebuilt = fetched(ran_on, statement)
    kept = [i for i, name in enumerate(names) if not name.startswith("__")]
    assert len(kept) == len(select.items), sql
    for i, item in zip(kept, select.items, strict=True):
        assert item.alias is None or names[i] == item.alias, sql
    found = {tuple(plain(row[kept[k]]) for k in keys): [row[i] for i in kept] for row in rebuilt}
    assert len(found) == len(rebuilt), sql
    _, original = fetched(asked_of, sql)
    if select.having is None and select.limit is None:
        assert len(original) == len(rebuilt), sql
    for row in original:
        other = found[tuple(plain(row[k]) for k in keys)]
        assert all(same(a, b) for a, b in zip(row, other, strict=True)), (sql, row, other)
    return len(original) * len(select.items)


def fetched(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    result = connection.execute(sql)
    return [column[0] for column in result.description or []], result.fetchall()


def plain(value: Any) -> Any:
    """A key that is equal whatever number type the engine chose."""
    return round(float(value), 6) if isinstance(value, int | float) or hasattr(value, "as_tuple") else value


def same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    left, right = plain(a), plain(b)
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)
