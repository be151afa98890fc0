"""What the text of a query must be before any parser sees it.

- At most 8,192 bytes of UTF-8; only the listed code points; no comment mark anywhere, also inside literals.
- At most 50 levels of parentheses, brackets and CASE, of NOT and of signs: counted on the text, in time linear in its length.
- The first word is SELECT; a semicolon stands only at the very end.
- Spellings that vanish in the parse tree are refused in `policies.sql.spellings`.

Follows the SQL contract, section 3. What the text means is read from DuckDB's tree, never from these tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.sql import hints
from policies.sql.reasons import Code, Findings, Place
from policies.sql.spellings import Token, check_spellings

MAX_BYTES: Final = 8192
MAX_DEPTH: Final = 50
MARKS: Final = "（）、，。：；％《》“”·—～"

# U+3400-4DBF and U+4E00-9FFF are the CJK ideographs of the contract.
_BAD_CHARACTER: Final = re.compile(rf"[^\t\n\r\x20-\x7e\u3400-\u4dbf\u4e00-\u9fff{MARKS}]")
SURROGATE: Final = re.compile("[\ud800-\udfff]")
_COMMENT: Final = re.compile(r"--|/\*|\*/")
# Possessive quantifiers: the scan is linear whatever the text. A literal that is not closed runs to the end.
_TOKEN: Final = re.compile(
    r"""'[^']*+(?:''[^']*+)*+'?|"[^"]*+(?:""[^"]*+)*+"?|[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*+"""
    r"""|[0-9][0-9_]*+(?:\.[0-9_]*+)?(?:[eE][+-]?[0-9]++)?|\S"""
)
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_SIGNS: Final = frozenset("-+~@!")


def check_text(sql: str, findings: Findings) -> bool:
    """Note what is wrong with the text of `sql`; false when it must not be parsed at all."""
    # A character is one to four bytes; the cheap bound comes first, so that a huge text is never encoded.
    if len(sql) > MAX_BYTES or len(sql.encode("utf-8", "replace")) > MAX_BYTES:
        findings.add(Code.TOO_LONG, Place.TEXT, hints.TOO_LONG)
        return False
    readable = True
    bad = _BAD_CHARACTER.search(sql)
    if bad:
        findings.add(Code.BAD_CHARACTER, Place.TEXT, hints.BAD_CHARACTER)
        # What DuckDB itself might take for the end of the text, or for no text, is not shown to it.
        readable = "\0" not in sql and SURROGATE.search(sql) is None
    if _COMMENT.search(sql):
        findings.add(Code.COMMENT, Place.TEXT, hints.COMMENT)
        # Tokens cannot be told where comments may be.
        return readable and _bracket_depth(sql) <= MAX_DEPTH
    tokens = [Token(found[0], found.start()) for found in _TOKEN.finditer(sql)]
    if _depth([token for token, _ in tokens]) > MAX_DEPTH:
        findings.add(Code.TOO_DEEP, Place.TEXT, hints.TOO_DEEP)
        return False
    _check_statement(tokens, findings)
    check_spellings(sql, tokens, findings)
    return readable


def _bracket_depth(sql: str) -> int:
    """An upper bound of the nesting: opening brackets anywhere."""
    return sum(map(sql.count, _OPENING))


def _depth(tokens: Sequence[str]) -> int:
    """The deepest nesting of brackets, CASE, and runs of NOT and signs."""
    depth = deepest = run = 0
    for token in tokens:
        word = token.lower()
        if token in _OPENING or word == "case":
            depth += 1
        elif token in _CLOSING or word == "end":
            depth = max(depth - 1, 0)
        # `NOT (NOT (…` is counted by its brackets; a run counts beside them.
        run = run + 1 if word == "not" or token in _SIGNS else 0
        deepest = max(deepest, depth + run)
    return deepest


def _check_statement(tokens: Sequence[Token], findings: Findings) -> None:
    if not tokens or tokens[0][0].lower() != "select":
        findings.add(Code.NOT_A_SELECT, Place.STATEMENT, hints.NOT_A_SELECT)
    if any(mark == ";" for mark, _ in tokens[:-1]):
        findings.add(Code.MULTIPLE_STATEMENTS, Place.STATEMENT, hints.MULTIPLE_STATEMENTS)


def names_pivot(sql: str) -> bool:
    """Whether a word of the text is PIVOT or UNPIVOT, which DuckDB rewrites into several statements."""
    return any(found[0].lower() in _PIVOTS for found in _TOKEN.finditer(sql))


_PIVOTS: Final = frozenset({"pivot", "unpivot", "pivot_wider", "pivot_longer"})
