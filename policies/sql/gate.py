"""The SQL gate: from a partner's text to a statement that may run, or to the reasons why none may.

A pipeline of narrowing steps; what a later step reads, an earlier one has bounded.

1. The text: size, characters, comments, nesting, one statement that begins with SELECT (`text`).
2. The tree: DuckDB's own parser, on an empty connection, executing nothing (`parser`).
3. The meaning: the tree is walked against an allow-list into the closed model, noting every reason (`reading`).
4. The statement: compiled from the model (`statement`); of the partner's text nothing is left.
5. The second opinion: another parser, too, must see one SELECT over the same tables (`second_opinion`). Asked in `check`,
   which stands before everything that runs, and not in `check_batch`, which is advice on many queries that do not.

The verdict of a query depends on its text and the data list only. Whatever goes wrong on the way is a refusal.
Follows the SQL contract. What may be released of the result is decided elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias, TypeGuard

from policies.sql import hints
from policies.sql.data_list import DataList
from policies.sql.parser import Parsed, Tree, Unparsed, parse
from policies.sql.query import Query
from policies.sql.reading.read import read_query
from policies.sql.reasons import Code, Findings, Place, Reason
from policies.sql.statement import compile_statement
from policies.sql.text import SURROGATE, check_text, names_pivot

MAX_ID: Final = 128
_BATCH: Final = 200
"""Texts that travel to the parser together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a query may run. Allowed: a statement, its model and no reason; refused: at least one reason and neither."""

    allowed: bool
    reasons: tuple[Reason, ...]
    statement: str | None = None
    query: Query | None = None


Answer: TypeAlias = dict[str, object]
"""One line of the contract: `id`, `allowed`, `reasons`, `statement`."""


def check(sql: str, data_list: DataList) -> Verdict:
    """Judge one query, the second opinion included."""
    verdict = _check_all([sql], data_list)[0]
    if verdict.statement is None or verdict.query is None or _agrees(sql, verdict.statement, verdict.query):
        return verdict
    findings = Findings()
    findings.add(Code.SYNTAX, Place.STATEMENT, hints.SYNTAX)
    return _refused(findings)


def check_batch(lines: Iterable[bytes], data_list: DataList, *, chinese: bool = False) -> Iterator[Answer]:
    """Judge a batch, one answer for each line that is not blank, in order. `id` is None when the line has none to echo."""
    readable = (line for line in lines if line.strip())
    while chunk := list(islice(readable, _BATCH)):
        requests = [_read_line(line) for line in chunk]
        verdicts = iter(_check_all([sql for _, sql in requests if sql is not None], data_list))
        for identity, sql in requests:
            verdict = next(verdicts) if sql is not None else _bad_line()
            yield {
                "id": identity,
                "allowed": verdict.allowed,
                "reasons": [reason.to_json(chinese=chinese) for reason in verdict.reasons],
                "statement": verdict.statement,
            }


def _check_all(texts: list[str], data_list: DataList) -> list[Verdict]:
    """Judge texts together; only the parser sees them so, and each tree depends on its own text alone."""
    findings = [Findings() for _ in texts]
    parseable = [check_text(text, found) for text, found in zip(texts, findings, strict=True)]
    trees = iter(parse([text for text, may in zip(texts, parseable, strict=True) if may]))
    return [
        _judge(text, next(trees) if may else None, data_list, found)
        for text, may, found in zip(texts, parseable, findings, strict=True)
    ]


def _judge(text: str, parsed: Parsed | None, data_list: DataList, findings: Findings) -> Verdict:
    if parsed is None:
        return _refused(findings)
    if not isinstance(parsed, Tree):
        _note_unparsed(text, parsed, findings)
        return _refused(findings)
    try:
        query = read_query(parsed, data_list, findings)
        if query is None or len(findings):
            return _refused(findings)
        return Verdict(True, (), compile_statement(query, data_list), query)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        # A tree of a shape that nobody foresaw: refused, whatever the mistake of the reader was.
        return _refused(findings)


def _agrees(text: str, statement: str, query: Query) -> bool:
    # Loaded with the first query that everything else allows: a batch, which never asks it, starts without it.
    from policies.sql.second_opinion import agrees

    return agrees(text, statement, query)


def _refused(findings: Findings) -> Verdict:
    if not len(findings):
        findings.add(Code.SYNTAX, Place.STATEMENT, hints.SYNTAX)
    return Verdict(False, tuple(findings))


def _note_unparsed(text: str, parsed: Unparsed, findings: Findings) -> None:
    match parsed:
        case Unparsed.DEEP:
            findings.add(Code.TOO_DEEP, Place.STATEMENT, hints.TOO_DEEP)
        case Unparsed.SEVERAL:
            findings.add(Code.MULTIPLE_STATEMENTS, Place.STATEMENT, hints.MULTIPLE_STATEMENTS)
        case Unparsed.NOT_A_SELECT:
            # DuckDB makes several statements of a PIVOT, wherever it stands.
            if names_pivot(text):
                findings.add(Code.TABLE_FUNCTION, Place.FROM, hints.TABLE_FUNCTION)
            if not len(findings):
                findings.add(Code.NOT_A_SELECT, Place.STATEMENT, hints.NOT_A_SELECT)
        case Unparsed.SYNTAX:
            findings.add(Code.SYNTAX, Place.STATEMENT, hints.SYNTAX)


def _bad_line() -> Verdict:
    findings = Findings()
    findings.add(Code.BAD_LINE, Place.TEXT, hints.BAD_LINE)
    return Verdict(False, tuple(findings))


def _read_line(line: bytes) -> tuple[str | None, str | None]:
    """The id to echo and the text to judge; the text is None when the line is not of the contract."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(value, dict):
        return None, None
    identity, sql = value.get("id"), value.get("sql")
    if not _is_text(identity) or len(identity) > MAX_ID:
        return None, None
    return identity, sql if _is_text(sql) else None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and SURROGATE.search(value) is None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("expected each member once")
    return members
