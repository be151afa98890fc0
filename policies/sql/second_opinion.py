"""A second parser must see the same: one SELECT over the same tables, and no other query inside.

DuckDB's tree is what the gate reads; if its parser and another one disagree about a text, the text is not what it seems.

- The text as asked is shown to sqlglot first. 0.3 ms a query (measured on legitimate queries of 116 bytes).
- What sqlglot cannot parse at all may still be valid DuckDB: then the rebuilt statement is shown to it, which it must parse.
- Only queries that everything else allows come here, so their size and nesting are bounded.

The only module that imports sqlglot.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from policies.sql.data_list import fold
from policies.sql.query import Query

_DIALECT: Final = DuckDB()
_FRAMES: Final = 8_000


def agrees(sql: str, statement: str, query: Query) -> bool:
    """Whether sqlglot, too, sees one SELECT over the query's tables in the text, or in the statement rebuilt from it."""
    seen = _selects(sql, query)
    return _selects(statement, query) is True if seen is None else seen


@contextmanager
def _room() -> Iterator[None]:
    """Room for the nesting that the text check allows: sqlglot takes some hundred frames a level (measured: 6,000 for 50)."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _selects(text: str, query: Query) -> bool | None:
    """True or False when sqlglot parses `text`, None when it cannot."""
    try:
        with _room():
            parsed = _DIALECT.parse(text, error_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError, ValueError, TypeError, LookupError, AttributeError):
        return None
    # A semicolon at the end is followed by nothing, which sqlglot counts.
    statements = [one for one in parsed if one is not None]
    if len(statements) != 1 or type(statements[0]) is not exp.Select:
        return False
    tables, inner = [], 0
    for node in statements[0].walk():
        # Parentheses around a join are a Subquery to sqlglot, too, though no query stands in them.
        wrapped = isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query)
        inner += wrapped or isinstance(node, (exp.SetOperation, exp.CTE)) or type(node) is exp.Select
        if isinstance(node, exp.Table):
            tables.append(fold(node.name))
    return inner == 1 and sorted(tables) == sorted(map(fold, query.tables))
