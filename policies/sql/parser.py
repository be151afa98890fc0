"""DuckDB's own parser, and nothing else of DuckDB: from text to a plain JSON tree, without running a word of it.

- The connection is in memory, empty and shut: no file, no extension, no setting can be changed. It holds no data to leak.
- Partner text travels as a bound parameter of a fixed statement, `json_serialize_sql(text)`, and is never interpolated.
  One text alone takes a statement of its own, parsed once: 0.19 ms instead of 0.28 (measured).
- The engine's words stay here: what cannot be parsed is told by kind only.
- Whatever fails, fails closed, and the next text meets a fresh connection. Calls from several threads take turns.

The only module of `policies` that imports duckdb. The version must be the one that runs the rebuilt statement.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

import duckdb

Node: TypeAlias = dict[str, Any]
"""A node of DuckDB's serialized parse tree, as read from JSON."""

_SETTINGS: Final = (
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET allow_unsigned_extensions=false",
    "SET allow_persistent_secrets=false",
    "SET python_enable_replacements=false",
    "SET enable_external_file_cache=false",
    "SET temp_directory=''",
    "SET extension_directory='nonexistent'",
    "SET memory_limit='256MB'",
    "SET threads=1",
    "SET max_expression_depth=250",
    "SET enable_external_access=false",
    "SET disabled_filesystems='LocalFileSystem'",
    "SET lock_configuration=true",
)
_SERIALIZE: Final = "SELECT json_serialize_sql(text) FROM unnest(?::VARCHAR[]) AS given(text)"
_SERIALIZE_ONE: Final = "SELECT json_serialize_sql($1)"
_STATEMENT_MEMBERS: Final = {"node", "named_param_map"}


class Unparsed(Enum):
    """Why there is no tree."""

    SYNTAX = "DuckDB cannot parse it"
    DEEP = "nested too deeply"
    NOT_A_SELECT = "another kind of statement"
    SEVERAL = "not exactly one statement"


@dataclass(frozen=True, slots=True)
class Tree:
    """The one SELECT of a text: its root node, and whether it holds parameters."""

    node: Node
    has_parameters: bool


Parsed: TypeAlias = Tree | Unparsed


class Parser:
    """One shut connection and its lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._one: duckdb.Statement | None = None

    def parse(self, texts: Sequence[str]) -> list[Parsed]:
        """The tree of each text, in order. A tree never depends on the other texts."""
        if not texts:
            return []
        with self._lock:
            try:
                return [_read(answer) for answer in self._serialize(texts)]
            except (duckdb.Error, RuntimeError, UnicodeError, MemoryError):
                self._connection = None
            return [self._alone(text) for text in texts]

    def _alone(self, text: str) -> Parsed:
        try:
            return _read(self._serialize([text])[0])
        except (duckdb.Error, RuntimeError, UnicodeError, MemoryError, IndexError):
            # An internal error may have spoiled the connection for whoever comes next.
            self._connection = None
            return Unparsed.SYNTAX

    def _serialize(self, texts: Sequence[str]) -> list[str]:
        if self._connection is None or self._one is None:
            self._connection = _shut_connection()
            (self._one,) = self._connection.extract_statements(_SERIALIZE_ONE)
        if len(texts) == 1:
            rows = self._connection.execute(self._one, [texts[0]]).fetchall()
        else:
            rows = self._connection.execute(_SERIALIZE, [list(texts)]).fetchall()
        if len(rows) != len(texts):
            raise RuntimeError("expected one answer a text")
        return [row[0] for row in rows]


def parse(texts: Sequence[str]) -> list[Parsed]:
    """The tree of each text, from the process's one parser."""
    return _PARSER.parse(texts)


_PARSER: Final = Parser()


def _shut_connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _read(answer: str) -> Parsed:
    try:
        value = json.loads(answer)
    except RecursionError:
        return Unparsed.DEEP
    except (ValueError, TypeError):
        return Unparsed.SYNTAX
    if value.get("error") is not False:
        return _kind_of_error(str(value.get("error_type")), str(value.get("error_message")))
    statements = value.get("statements")
    if not isinstance(statements, list) or len(statements) != 1:
        return Unparsed.SEVERAL
    statement = statements[0]
    if set(statement) != _STATEMENT_MEMBERS:
        return Unparsed.SYNTAX
    return Tree(statement["node"], bool(statement["named_param_map"]))


def _kind_of_error(error_type: str, message: str) -> Unparsed:
    if "expression depth" in message:
        return Unparsed.DEEP
    if error_type == "not implemented" and message.startswith("Only SELECT statements"):
        return Unparsed.NOT_A_SELECT
    return Unparsed.SYNTAX
