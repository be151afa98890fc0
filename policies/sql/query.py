"""The closed query model: everything that a governed query can mean, and nothing else.

- A `Query` is valid from birth: names are those of the data list, literals are values and not text, limits hold.
- It is all that reaches the statement that runs and its companions; the partner's text ends before it.
- A bin key of a measure is a histogram and carries the measure's bounds; every measure carries its bounds.

Follows the SQL contract, section 4. Reading it from a tree is the work of `policies.sql.reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from policies.sql.data_list import Bounds
from policies.sql.literals import Literal, Number

MAX_KEYS: Final = 3
MAX_AGGREGATES: Final = 10
MAX_TABLES: Final = 3
MAX_BINS: Final = 50
MAX_BRANCHES: Final = 20
MAX_COMPARISONS: Final = 100
MAX_IN: Final = 200
MAX_LIMIT: Final = 500
MAX_ROUND: Final = 6
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
        if not 1 <= len(self.branches) <= MAX_BRANCHES or len({label.type_class for label in labels}) != 1:
            raise QueryInvalid("expected 1 to 20 branches with labels of one class")


Key: TypeAlias = Operand | Filled | Labels


# Aggregates.


class Function(StrEnum):
    """Aggregates."""

    COUNT_ROWS = "COUNT"
    COUNT_PERSONS = "COUNT(DISTINCT)"
    SUM_ONES = "SUM(1)"
    """`SUM(CASE WHEN condition THEN 1 ELSE 0 END)`: counts, but is NULL over no row."""
    SUM = "SUM"
    AVG = "AVG"
    VAR_SAMP = "VAR_SAMP"
    VAR_POP = "VAR_POP"
    STDDEV_SAMP = "STDDEV_SAMP"
    STDDEV_POP = "STDDEV_POP"


COUNTS: Final = frozenset({Function.COUNT_ROWS, Function.COUNT_PERSONS, Function.SUM_ONES})


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over the rows where `condition` holds; with `else_zero` a measure counts as 0 where it does not."""

    function: Function
    field: Field | None = None
    bounds: Bounds | None = None
    condition: Condition | None = None
    else_zero: bool = False

    def __post_init__(self) -> None:
        """Refuse a measure without bounds, and every other thing that does not go together."""
        measures = self.function not in COUNTS
        has_field = measures or self.function is Function.COUNT_PERSONS
        if (
            has_field != (self.field is not None)
            or measures != (self.bounds is not None)
            or (self.else_zero and not (measures and self.condition is not None))
            or (self.function is Function.SUM_ONES and self.condition is None)
        ):
            raise QueryInvalid("expected an aggregate whose parts go together")


# The query.


@dataclass(frozen=True, slots=True)
class KeyItem:
    """An output column that is a key."""

    key: Key
    name: str


@dataclass(frozen=True, slots=True)
class AggregateItem:
    """An output column that is an aggregate; `rounded` says whether ROUND stands around it, and to how many digits."""

    aggregate: Aggregate
    name: str
    rounded: bool = False
    digits: int | None = None

    def __post_init__(self) -> None:
        """Refuse digits out of range."""
        if self.digits is not None and not (self.rounded and 0 <= self.digits <= MAX_ROUND):
            raise QueryInvalid("expected ROUND with 0 to 6 digits")


Item: TypeAlias = KeyItem | AggregateItem


class JoinKind(StrEnum):
    """Joins."""

    INNER = "INNER"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class Equality:
    """`left = right`, where `right` is of the joined table."""

    left: Field
    right: Field


@dataclass(frozen=True, slots=True)
class Join:
    """A joined table and its equalities."""

    table: str
    kind: JoinKind
    equalities: tuple[Equality, ...]

    def __post_init__(self) -> None:
        """Refuse a join that does not tie its table to an earlier one."""
        if not self.equalities or any(
            equality.right.table != self.table or equality.left.table == self.table
            for equality in self.equalities
        ):
            raise QueryInvalid("expected equalities between the joined table and earlier ones")


@dataclass(frozen=True, slots=True)
class Persons:
    """`HAVING COUNT(DISTINCT field) >= at_least`."""

    field: Field
    at_least: int

    def __post_init__(self) -> None:
        """Refuse a count below zero."""
        if self.at_least < 0:
            raise QueryInvalid("expected a count")


class Nulls(StrEnum):
    """Where NULL sorts."""

    FIRST = "FIRST"
    LAST = "LAST"


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by the output column at `item` (from 0). DuckDB puts NULL last unless told otherwise."""

    item: int
    descending: bool = False
    nulls: Nulls = Nulls.LAST


@dataclass(frozen=True, slots=True)
class Query:
    """A governed query. HAVING, ORDER BY and LIMIT are for the release, where a withheld cell cannot show as a gap."""

    table: str
    joins: tuple[Join, ...]
    where: Condition | None
    items: tuple[Item, ...]
    having: Persons | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is over a limit of the contract."""
        names = [name.lower() for name in (item.name for item in self.items)]
        if not (
            1 <= len(self.aggregates) <= MAX_AGGREGATES
            and len({item.key for item in self.keys}) <= MAX_KEYS
            and len(self.tables) <= MAX_TABLES
            and len(set(self.tables)) == len(self.tables)
            and len(set(names)) == len(names)
            and not any(name.startswith("__") for name in names)
            and (self.limit is None or 1 <= self.limit <= MAX_LIMIT)
            and all(0 <= order.item < len(self.items) for order in self.order)
        ):
            raise QueryInvalid("expected a query within the limits of the contract")

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables in the order of FROM."""
        return (self.table, *(join.table for join in self.joins))

    @property
    def keys(self) -> tuple[KeyItem, ...]:
        """The items that are keys, in order."""
        return tuple(item for item in self.items if isinstance(item, KeyItem))

    @property
    def aggregates(self) -> tuple[AggregateItem, ...]:
        """The items that are aggregates, in order."""
        return tuple(item for item in self.items if isinstance(item, AggregateItem))
