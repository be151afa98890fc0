"""A second parser must see the same: one SELECT over the same tables, and no other query inside.

DuckDB's tree is what the gate reads; if its parser and another one disagree about a text, the text is not what it seems.

- The text as asked is shown to sqlglot first. 0.3 ms a query (measured on legitimate queries of 116 bytes).
- What sqlglot cannot parse at all may still be valid DuckDB: then the rebuilt statement is shown to it, which it must parse.
- Only queries that everything else allows come here, so their size and nesting are bounded.

The only module that imports sqlglot.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from policies.sql.data_list import fold
from policies.sql.query import Query

_DIALECT: Final = DuckDB()


def agrees(sql: str, statement: str, query: Query) -> bool:
    """Whether sqlglot, too, sees one SELECT over the query's tables in the text, or in the statement rebuilt from it."""
    seen = _selects(sql, query)
    return _selects(statement, query) is True if seen is None else seen


def _selects(text: str, query: Query) -> bool | None:
    """True or False when sqlglot parses `text`, None when it cannot."""
    try:
        parsed = _DIALECT.parse(text, error_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError, ValueError, TypeError, LookupError, AttributeError):
        return None
    # A semicolon at the end is followed by nothing, which sqlglot counts.
    statements = [one for one in parsed if one is not None]
    if len(statements) != 1 or type(statements[0]) is not exp.Select:
        return False
    tables, inner = [], 0
    for node in statements[0].walk():
        inner += isinstance(node, (exp.Subquery, exp.SetOperation, exp.CTE)) or type(node) is exp.Select
        if isinstance(node, exp.Table):
            tables.append(fold(node.name))
    return inner == 1 and sorted(tables) == sorted(map(fold, query.tables))
