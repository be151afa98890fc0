"""The parser: a tree or a kind of failure for every text, and a connection that can do nothing else."""

from __future__ import annotations

import duckdb
import pytest

from policies.sql import parser
from policies.sql.parser import Parser, Tree, Unparsed, parse

HOSTILE = [
    ("SELECT " + "+".join(["1"] * 3000), Unparsed.DEEP),
    ("SELECT " + "NOT " * 1900 + "TRUE", Unparsed.DEEP),
    ("SELECT " + "- " * 4000 + "a", Unparsed.DEEP),
    ("SELECT a" + "::INT" * 1500, Unparsed.DEEP),
    ("SELECT " + "(" * 8000, Unparsed.SYNTAX),
    ("SELECT a" + "[1]" * 2500, Unparsed.DEEP),
    ("SELECT 'a\0b'", Unparsed.SYNTAX),
    ("", Unparsed.SEVERAL),
    ("SELECT 1; SELECT 2", Unparsed.SEVERAL),
    ("INSERT INTO t VALUES (1)", Unparsed.NOT_A_SELECT),
    ("SELECT 1; DROP TABLE t", Unparsed.NOT_A_SELECT),
    ("SELECT FROM WHERE", Unparsed.SYNTAX),
]


@pytest.mark.parametrize(("text", "kind"), HOSTILE)
def test_what_cannot_be_parsed_is_told_by_kind(text: str, kind: Unparsed) -> None:
    assert parse([text]) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 " + "UNION SELECT 1 " * 500,
        "SELECT * FROM a" + " JOIN b ON 1=1" * 500,
        "SELECT " + ".".join("a" * 4000),
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    ],
)
def test_a_wide_or_deep_text_is_survived(text: str) -> None:
    (parsed,) = parse([text])
    assert isinstance(parsed, (Tree, Unparsed))


def test_a_quote_in_a_text_stays_in_the_text() -> None:
    (tree,) = parse(["SELECT 'a''); SELECT json_serialize_sql(''x'"])
    assert isinstance(tree, Tree)
    assert tree.node["select_list"][0]["value"]["value"] == "a'); SELECT json_serialize_sql('x"


def test_parameters_are_seen() -> None:
    (tree,) = parse(["SELECT ?"])
    assert isinstance(tree, Tree)
    assert tree.has_parameters


def test_no_text_is_no_answer() -> None:
    assert parse([]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SET threads = 2",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO 'x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'x.db'",
    ],
)
def test_the_connection_is_shut(statement: str) -> None:
    with parser._shut_connection() as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_a_spoiled_connection_is_replaced() -> None:
    own = Parser()
    assert isinstance(own.parse(["SELECT 1"])[0], Tree)
    assert own._connection is not None
    own._connection.close()
    parsed = own.parse(["SELECT 1", "SELECT"])
    assert isinstance(parsed[0], Tree)
    assert parsed[1] is Unparsed.SYNTAX
