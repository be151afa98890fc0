"""Why a query is refused: a code, the column it concerns, the place, and the smallest change that would pass.

The codes and places are those of the SQL contract, sections 1 and 6. What a hint says is in `policies.sql.hints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why a query is refused (contract, section 6)."""

    BAD_LINE = "BAD_LINE"
    TOO_LONG = "TOO_LONG"
    TOO_DEEP = "TOO_DEEP"
    BAD_CHARACTER = "BAD_CHARACTER"
    COMMENT = "COMMENT"
    SYNTAX = "SYNTAX"
    MULTIPLE_STATEMENTS = "MULTIPLE_STATEMENTS"
    NOT_A_SELECT = "NOT_A_SELECT"
    UNKNOWN_TABLE = "UNKNOWN_TABLE"
    QUALIFIED_NAME = "QUALIFIED_NAME"
    UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
    COLUMN_USE = "COLUMN_USE"
    FEATURE_ONLY = "FEATURE_ONLY"
    PERSON_COLUMN = "PERSON_COLUMN"
    NO_BOUNDS = "NO_BOUNDS"
    STAR = "STAR"
    RAW_COLUMN = "RAW_COLUMN"
    NO_AGGREGATE = "NO_AGGREGATE"
    AGGREGATE = "AGGREGATE"
    AGGREGATE_ARGUMENT = "AGGREGATE_ARGUMENT"
    AGGREGATE_EXPRESSION = "AGGREGATE_EXPRESSION"
    CONDITION = "CONDITION"
    FUNCTION = "FUNCTION"
    GROUP_KEY = "GROUP_KEY"
    BIN_TOO_FINE = "BIN_TOO_FINE"
    TOO_MANY = "TOO_MANY"
    GROUPING_SETS = "GROUPING_SETS"
    WINDOW = "WINDOW"
    SAMPLE = "SAMPLE"
    JOIN_KIND = "JOIN_KIND"
    JOIN_CONDITION = "JOIN_CONDITION"
    SELF_JOIN = "SELF_JOIN"
    SUBQUERY = "SUBQUERY"
    SET_OPERATION = "SET_OPERATION"
    TABLE_FUNCTION = "TABLE_FUNCTION"
    PREDICATE = "PREDICATE"
    LITERAL = "LITERAL"
    HAVING = "HAVING"
    ORDER_BY = "ORDER_BY"
    LIMIT = "LIMIT"
    ALIAS = "ALIAS"


class Place(StrEnum):
    """Where in the query (contract, section 1)."""

    TEXT = "text"
    STATEMENT = "statement"
    SELECT = "select"
    FROM = "from"
    JOIN = "join"
    WHERE = "where"
    GROUP_BY = "group by"
    HAVING = "having"
    ORDER_BY = "order by"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Hint:
    """The smallest change that would pass, one sentence in each language."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a refusal. `column` is `table.column` as listed, or the name as written when it does not resolve."""

    code: Code
    column: str | None
    where: Place
    hint: str
    hint_zh: str

    def to_json(self, *, chinese: bool = False) -> dict[str, str | None]:
        """The members of the contract, the hint in English unless asked otherwise."""
        return {
            "code": self.code.value,
            "column": self.column,
            "where": self.where.value,
            "hint": self.hint_zh if chinese else self.hint,
        }


class Findings:
    """The reasons found so far, each code, column and place once, in the order found."""

    def __init__(self) -> None:
        self._found: dict[tuple[Code, str | None, Place], Reason] = {}

    def add(self, code: Code, where: Place, hint: Hint, *, column: str | None = None) -> None:
        """Note a reason."""
        reason = Reason(code, column, where, hint.en, hint.zh)
        self._found.setdefault((code, column, where), reason)

    def locate(self, code: Code, where: Place, hint: Hint) -> None:
        """Note a reason that the text may have told of the whole statement; now that its place is known, it is told once."""
        self._found.pop((code, None, Place.STATEMENT), None)
        self.add(code, where, hint)

    def __iter__(self) -> Iterator[Reason]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def has(self, code: Code) -> bool:
        """Whether a reason with `code` was found."""
        return any(found is code for found, _, _ in self._found)
