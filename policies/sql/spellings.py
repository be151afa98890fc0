"""Spellings that leave no trace in DuckDB's tree, told by the tokens of the text.

- A dot-call, `(c).sum()`: the tree has SUM(c).
- A star that becomes COUNT(*): `COUNT(t.*)`, `COUNT((*))`.
- GROUPING SETS of one set, an empty set, a WINDOW clause that nobody uses, LATERAL.
- What DuckDB drops from a call of IF or IFNULL: FILTER, DISTINCT, ORDER BY, a schema; and VARIADIC from any call.
- A schema in front of a type, `main.DATE '...'`, `CAST(c AS main.INTEGER)`, or of a call that the grammar itself writes with
  one: `main.date_part('month', c)` has the tree of EXTRACT(month FROM c).
- Strings with a prefix or in dollars, and names in single quotes: names are unquoted or in double quotes.

None of them is needed to ask anything, and each says something else than the tree does: refused, whatever the rest is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from policies.sql import hints
from policies.sql.reasons import Code, Findings, Place


class Token(NamedTuple):
    """A word, mark, number or quoted text, as written, and where it starts."""

    text: str
    start: int


# A text without any of these has none of the spellings; one that has them, perhaps in a literal, is looked at by token.
# A plain COUNT(*), which most queries hold, is none of them.
_SUSPECT: Final = re.compile(
    r"""[)\]}']\s*+\.|\.\s*+\*|(?<![\s(,]count)\(\s*+\*|grouping|window|lateral|(?:[,(]|by)\s*+\(\s*+\)|\$|&'|[exbn]'"""
    r"""|\.\s*+["\w]+\s*+['(]|(?:as|:)\s*+["\w]+\s*+\.|variadic|\bif(?:null)?"?\s*+\(|(?:as|from|join)\s*+'|'\s*+:(?!:)|using\s*+\([^)]*'""",
    re.IGNORECASE,
)
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_CONDITIONAL: Final = frozenset({"if", "ifnull"})
_DROPPED: Final = frozenset({"distinct", "all", "order", "variadic"})
_DROPPED_AFTER: Final = (["filter"], ["export_state"], ["within"])
_PREFIXES: Final = frozenset({"e", "x", "b", "n", "&"})
_BEFORE_EMPTY_SET: Final = frozenset({",", "by", "("})
_NOTHING: Final = Token("", -1)


def check_spellings(sql: str, tokens: Sequence[Token], findings: Findings) -> None:
    """Note the spellings among `tokens`, which are those of `sql`."""
    if not _SUSPECT.search(sql):
        return
    for i, here in enumerate(tokens):
        before = tokens[i - 1] if i else _NOTHING
        after = tokens[i + 1] if i + 1 < len(tokens) else _NOTHING
        _check_calls(before.text, here.text, after.text, findings)
        _check_clauses(before.text.lower(), here.text.lower(), after.text.lower(), findings)
        if here.text == "$" or (
            after.text[:1] == "'"
            and after.start == here.start + len(here.text)
            and here.text.lower() in _PREFIXES
        ):
            findings.add(Code.LITERAL, Place.STATEMENT, hints.PLAIN_LITERAL)
    words = [token.text.lower() for token in tokens]
    _check_quoted_names(words, findings)
    _check_prefixes(words, findings)
    for i, word in enumerate(words):
        if word == "variadic" or (word.strip('"') in _CONDITIONAL and words[i + 1 : i + 2] == ["("]):
            _check_conditional(words, i, findings)


def _check_calls(before: str, here: str, after: str, findings: Findings) -> None:
    if here == "." and (before in _CLOSING or before[:1] == "'"):
        findings.add(Code.FUNCTION, Place.STATEMENT, hints.DOT_CALL)
    opens_star = here == "(" and after == "*" and before.strip('"').lower() != "count"
    if (here == "." and after == "*") or opens_star:
        findings.add(Code.STAR, Place.STATEMENT, hints.STAR)


def _check_clauses(before: str, here: str, after: str, findings: Findings) -> None:
    is_empty_set = here == "(" and after == ")" and before in _BEFORE_EMPTY_SET
    if is_empty_set or (here == "grouping" and after == "sets"):
        findings.add(Code.GROUPING_SETS, Place.GROUP_BY, hints.GROUPING_SETS)
    elif here == "window" and before not in {".", ""}:
        findings.add(Code.WINDOW, Place.STATEMENT, hints.WINDOW)
    elif here == "lateral" and before != ".":
        findings.add(Code.JOIN_KIND, Place.JOIN, hints.JOIN_KIND)


def _check_prefixes(words: Sequence[str], findings: Findings) -> None:
    """Refuse a prefix of a type or a call: `x.T '...'`, `AS x.T`, `::x.T`, `x.f(...)`."""
    for i, word in enumerate(words):
        before_literal_or_call = words[i + 2 : i + 3] and words[i + 2][:1] in {"'", "("}
        of_cast = i > 2 and (words[i - 2] == "as" or list(words[i - 3 : i - 1]) == [":", ":"])
        if word == "." and (before_literal_or_call or of_cast):
            findings.add(Code.QUALIFIED_NAME, Place.STATEMENT, hints.QUALIFIED_NAME)


def _check_conditional(words: Sequence[str], at: int, findings: Findings) -> None:
    """Refuse what is dropped from the call at `at`."""
    if words[at - 1 : at] == ["."]:
        findings.add(Code.QUALIFIED_NAME, Place.STATEMENT, hints.QUALIFIED_NAME)
    depth, end = 0, at + 1
    while end < len(words):
        depth += (words[end] in _OPENING) - (words[end] in _CLOSING)
        if depth == 0:
            break
        if depth == 1 and words[end] in _DROPPED:
            findings.add(Code.FUNCTION, Place.STATEMENT, hints.PLAIN_CALL)
        end += 1
    if words[at] == "variadic" or words[end + 1 : end + 2] in _DROPPED_AFTER:
        findings.add(Code.FUNCTION, Place.STATEMENT, hints.PLAIN_CALL)


def _check_quoted_names(words: Sequence[str], findings: Findings) -> None:
    """Refuse names in single quotes, which are as good as any in the tree."""
    in_using = False
    for i, here in enumerate(words):
        before = words[i - 1] if i else ""
        in_using = (in_using or (before == "using" and here == "(")) and here != ")"
        if here[:1] != "'":
            continue
        if before == "as" or (words[i + 1 : i + 2] == [":"] and words[i + 2 : i + 3] != [":"]):
            findings.add(Code.ALIAS, Place.STATEMENT, hints.DOUBLE_QUOTES)
        elif before == "join" or (before == "from" and words[i - 2] != "distinct"):
            findings.add(Code.UNKNOWN_TABLE, Place.FROM, hints.DOUBLE_QUOTES)
        elif in_using:
            findings.add(Code.UNKNOWN_COLUMN, Place.JOIN, hints.DOUBLE_QUOTES)
