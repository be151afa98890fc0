"""The text side of the grammar oracle: size, code points, comment marks and tokens of section 3 of the contract.

The tokenizer is written by hand from DuckDB's lexical rules as seen from outside (adjacent strings, dollar quotes,
escape strings, operators that swallow a sign), so that it shares nothing with the parser of the gate. What it cannot
name is refused: the oracle errs towards refusal, never towards acceptance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_BYTES = 8192
MAX_LEVELS = 50
CHINESE_MARKS = "（）、，。：；％《》“”·—～"
_ALLOWED = re.compile(f"[\\t\\n\\r\\x20-\\x7e\\u3400-\\u4dbf\\u4e00-\\u9fff{CHINESE_MARKS}]*")
_COMMENT_MARKS = ("--", "/*", "*/")

_NAME = re.compile("[A-Za-z_\\x80-\\U0010ffff][A-Za-z0-9_$\\x80-\\U0010ffff]*")
_NUMBER = re.compile(
    r"(?:\d+(?:_\d+)*\.(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*|\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?",
)
_OPERATOR = re.compile(r"[~!@#^&|`?+\-*/%<>=]+")
_KEEPS_SIGN = set("~!@#^&|`?%")
_DOLLAR = re.compile("\\$(?:[A-Za-z_\\x80-\\U0010ffff][A-Za-z0-9_\\x80-\\U0010ffff]*)?\\$")
_BETWEEN_STRINGS = re.compile(r"[ \t\r]*\n\s*'")
_OPERATORS = {"=", "==", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%"}


class Refused(Exception):
    """The text lies outside the contract; the message says where, for the reader of a failing test."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is one of name, quoted, number, string, mark; `text` is the value, unescaped."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The keyword this token may be: unquoted names only, ASCII lower case."""
        return ascii_lower(self.text) if self.kind == "name" else ""


def ascii_lower(text: str) -> str:
    """Lower case for A-Z alone, as the contract compares names."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def check_text(sql: str) -> None:
    """Raise `Refused` unless size, code points and comment marks are as section 3 asks."""
    try:
        size = len(sql.encode("utf-8"))
    except UnicodeEncodeError as e:
        raise Refused("not valid Unicode") from e
    if size > MAX_BYTES:
        raise Refused("over 8,192 bytes")
    if not _ALLOWED.fullmatch(sql):
        raise Refused("code point outside the list")
    if any(mark in sql for mark in _COMMENT_MARKS):
        raise Refused("comment mark")


def tokens_of(sql: str) -> list[Token]:
    """Tokens of `sql`, the one closing semicolon dropped; raises `Refused` for what no allowed query holds."""
    found: list[Token] = []
    at = 0
    while at < len(sql):
        if sql[at] in " \t\r\n":
            at += 1
            continue
        token, at = _next_token(sql, at)
        found.append(token)
    if found and found[-1] == Token("mark", ";"):
        found.pop()
    if Token("mark", ";") in found:
        raise Refused("more than one semicolon")
    _check_levels(found)
    return found


def _next_token(sql: str, at: int) -> tuple[Token, int]:
    char = sql[at]
    if char == "'":
        return _string(sql, at)
    if char in "eE" and sql[at + 1 : at + 2] == "'":
        return _escape_string(sql, at + 1)
    if (char in "nNxXbBuU" and sql[at + 1 : at + 2] == "'") or re.match(r"[uU]&['\"]", sql[at:]):
        raise Refused("a prefixed string")
    if char == '"':
        return _quoted(sql, at)
    if char == "$":
        return _dollar_string(sql, at)
    if (number := _NUMBER.match(sql, at)) is not None:
        return Token("number", number.group().replace("_", "")), number.end()
    if (name := _NAME.match(sql, at)) is not None:
        return Token("name", name.group()), name.end()
    if sql.startswith("::", at):
        return Token("mark", "::"), at + 2
    if (operator := _OPERATOR.match(sql, at)) is not None:
        return _operator(operator.group(), at)
    if char in "(),.;:":
        return Token("mark", char), at + 1
    raise Refused(f"no token starts with `{char}`")


def _string(sql: str, at: int) -> tuple[Token, int]:
    """A quoted string; strings with a line break between them are one (SQL:2016 5.3)."""
    value = ""
    while True:
        end = at + 1
        while True:
            close = sql.find("'", end)
            if close < 0:
                raise Refused("unterminated string")
            value += sql[end:close]
            if sql[close + 1 : close + 2] != "'":
                break
            value, end = value + "'", close + 2
        more = _BETWEEN_STRINGS.match(sql, close + 1)
        if more is None:
            return Token("string", value), close + 1
        at = more.end() - 1


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _escape_string(sql: str, at: int) -> tuple[Token, int]:
    value = ""
    at += 1
    while at < len(sql):
        char = sql[at]
        if char == "'" and sql[at + 1 : at + 2] == "'":
            value, at = value + "'", at + 2
        elif char == "'":
            return Token("string", value), at + 1
        elif char == "\\" and at + 1 < len(sql):
            code = re.compile(r"x([0-9a-fA-F]{1,2})|([0-7]{1,3})").match(sql, at + 1)
            if code is not None:
                value += chr(int(code.group(1), 16) if code.group(1) else int(code.group(2), 8) & 0xFF)
                at = code.end()
            else:
                value, at = value + _ESCAPES.get(sql[at + 1], sql[at + 1]), at + 2
        else:
            value, at = value + char, at + 1
    raise Refused("unterminated string")


def _quoted(sql: str, at: int) -> tuple[Token, int]:
    value, end = "", at + 1
    while True:
        close = sql.find('"', end)
        if close < 0:
            raise Refused("unterminated name")
        value += sql[end:close]
        if sql[close + 1 : close + 2] != '"':
            return Token("quoted", value), close + 1
        value, end = value + '"', close + 2


def _dollar_string(sql: str, at: int) -> tuple[Token, int]:
    opening = _DOLLAR.match(sql, at)
    if opening is None:
        raise Refused("a parameter")
    close = sql.find(opening.group(), opening.end())
    if close < 0:
        raise Refused("unterminated string")
    return Token("string", sql[opening.end() : close]), close + len(opening.group())


def _operator(run: str, at: int) -> tuple[Token, int]:
    """The longest operator; a trailing sign belongs to it only after one of ``~!@#^&|`?%`` (PostgreSQL 4.1.3)."""
    while len(run) > 1 and run[-1] in "+-" and not _KEEPS_SIGN & set(run[:-1]):
        run = run[:-1]
    if run not in _OPERATORS:
        raise Refused(f"operator `{run}`")
    plain = {"==": "=", "!=": "<>"}.get(run, run)
    return Token("mark", plain), at + len(run)


def _check_levels(found: list[Token]) -> None:
    level = 0
    for token in found:
        if token.kind == "mark" and token.text in "()":
            level += 1 if token.text == "(" else -1
            if level > MAX_LEVELS:
                raise Refused("over 50 levels")
