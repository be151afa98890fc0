"""What a query speaks of: columns, their coarsenings, conditions over them, and keys. Valid from birth.

A bin of a measure is a histogram and carries the measure's bounds. Follows the SQL contract, section 4, "key" and "pred".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from policies.sql.data_list import Bounds
from policies.sql.literals import Literal, Number, share_a_type

MAX_BINS: Final = 50
MAX_BRANCHES: Final = 20
MAX_COMPARISONS: Final = 100
MAX_IN: Final = 200
MAX_PREFIX: Final = 2**32 - 1
"""DuckDB's longest prefix; it fails on a longer one."""


class QueryInvalid(ValueError):
    """A query that the model cannot mean; a mistake of the reader, never of a partner."""


@dataclass(frozen=True, slots=True)
class Field:
    """A listed column of a listed table. A query uses each table once, so the table's name says which."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


# What a condition compares, and keys.


class IntegerType(StrEnum):
    """The casts around a bin."""

    INTEGER = "INTEGER"
    BIGINT = "BIGINT"


class BinForm(StrEnum):
    """The spellings of a bin of column c and width N; they differ in type and in numbers below zero."""

    FLOOR_TIMES = "floor(c/N)*N"
    FLOOR = "floor(c/N)"
    WHOLE_TIMES = "(c//N)*N"
    WHOLE = "c//N"
    REMAINDER = "c - c % N"


class Unit(StrEnum):
    """Units of date_trunc."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class DatePart(StrEnum):
    """Parts of a date."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    DAYOFWEEK = "dayofweek"
    ISODOW = "isodow"
    HOUR = "hour"


class DateFormat(StrEnum):
    """Formats of strftime."""

    YEAR = "%Y"
    MONTH = "%Y-%m"


@dataclass(frozen=True, slots=True)
class Plain:
    """The column itself."""

    field: Field


@dataclass(frozen=True, slots=True)
class Bin:
    """A fixed bin. With `bounds` the column is a measure, clipped to them, and the key a histogram."""

    field: Field
    width: Number
    form: BinForm
    cast: IntegerType | None = None
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        """Refuse widths that are finer than the contract has them."""
        if self.bounds is None and self.width.value < 1:
            raise QueryInvalid("expected a bin of at least 1")
        if self.bounds is not None and (
            self.form is not BinForm.FLOOR_TIMES
            or self.width.value <= 0
            or self.bounds.high - self.bounds.low > MAX_BINS * self.width.value
        ):
            raise QueryInvalid("expected a histogram floor(m/W)*W of at most 50 bins")


@dataclass(frozen=True, slots=True)
class Truncated:
    """`date_trunc(unit, c)`."""

    field: Field
    unit: Unit


@dataclass(frozen=True, slots=True)
class Part:
    """`date_part(part, c)`."""

    field: Field
    part: DatePart


@dataclass(frozen=True, slots=True)
class Formatted:
    """`strftime(c, format)`."""

    field: Field
    format: DateFormat


@dataclass(frozen=True, slots=True)
class Prefix:
    """`left(c, length)`."""

    field: Field
    length: int

    def __post_init__(self) -> None:
        """Refuse a length that is no prefix."""
        if not 1 <= self.length <= MAX_PREFIX:
            raise QueryInvalid("expected a prefix of at least one character")


@dataclass(frozen=True, slots=True)
class Filled:
    """`coalesce(c, literal)`."""

    field: Field
    literal: Literal


Operand: TypeAlias = Plain | Bin | Truncated | Part | Formatted | Prefix
"""What a condition may compare with a literal."""


# Conditions.


class Operator(StrEnum):
    """Comparisons."""

    EQUAL = "="
    NOT_EQUAL = "<>"
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operand operator literal`."""

    operand: Operand
    operator: Operator
    literal: Literal


@dataclass(frozen=True, slots=True)
class Between:
    """`operand BETWEEN low AND high`."""

    operand: Operand
    low: Literal
    high: Literal


@dataclass(frozen=True, slots=True)
class OneOf:
    """`operand [NOT] IN (literals)`."""

    operand: Operand
    literals: tuple[Literal, ...]
    negated: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty list and a long one."""
        if not 1 <= len(self.literals) <= MAX_IN:
            raise QueryInvalid("expected 1 to 200 literals")


@dataclass(frozen=True, slots=True)
class Missing:
    """`operand IS [NOT] NULL`."""

    operand: Operand
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """A bare BOOLEAN column."""

    field: Field


@dataclass(frozen=True, slots=True)
class Negation:
    """`NOT condition`."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions joined by AND."""

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        """Refuse AND of fewer than two."""
        _check_several(self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by OR."""

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        """Refuse OR of fewer than two."""
        _check_several(self.conditions)


Condition: TypeAlias = Comparison | Between | OneOf | Missing | Holds | Negation | AllOf | AnyOf


def _check_several(conditions: tuple[Condition, ...]) -> None:
    if len(conditions) < 2:
        raise QueryInvalid("expected at least two conditions")


@dataclass(frozen=True, slots=True)
class Branch:
    """`WHEN condition THEN label`."""

    condition: Condition
    label: Literal


@dataclass(frozen=True, slots=True)
class Labels:
    """`CASE WHEN condition THEN label ... [ELSE label] END`."""

    branches: tuple[Branch, ...]
    otherwise: Literal | None = None

    def __post_init__(self) -> None:
        """Refuse no branch, too many, and labels of several classes."""
        labels = [branch.label for branch in self.branches]
        if self.otherwise is not None:
            labels.append(self.otherwise)
        if not 1 <= len(self.branches) <= MAX_BRANCHES or not share_a_type(labels):
            raise QueryInvalid("expected 1 to 20 branches with labels of one type")


Key: TypeAlias = Operand | Filled | Labels
