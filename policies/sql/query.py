"""The closed query model: everything that a governed query can mean, and nothing else.

- A `Query` is valid from birth: names are those of the data list, literals are values and not text, limits hold.
- It is all that reaches the statement that runs and its companion; the partner's text ends before it.
- A bin key of a measure is a histogram and carries the measure's bounds; every measure carries its bounds.

Follows the SQL contract, section 4. Reading it from a tree is the work of `policies.sql.reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from policies.sql.data_list import Bounds
from policies.sql.terms import (
    AllOf,
    AnyOf,
    Between,
    Bin,
    BinForm,
    Branch,
    Comparison,
    Condition,
    DateFormat,
    DatePart,
    Field,
    Filled,
    Formatted,
    Holds,
    IntegerType,
    Key,
    Labels,
    Missing,
    Negation,
    OneOf,
    Operand,
    Operator,
    Part,
    Plain,
    Prefix,
    QueryInvalid,
    Truncated,
    Unit,
)

__all__ = [
    "COUNTS",
    "MAX_AGGREGATES",
    "MAX_KEYS",
    "MAX_LIMIT",
    "MAX_ROUND",
    "MAX_TABLES",
    "Aggregate",
    "AggregateItem",
    "AllOf",
    "AnyOf",
    "Between",
    "Bin",
    "BinForm",
    "Branch",
    "Comparison",
    "Condition",
    "DateFormat",
    "DatePart",
    "Equality",
    "Field",
    "Filled",
    "Formatted",
    "Function",
    "Holds",
    "IntegerType",
    "Item",
    "Join",
    "JoinKind",
    "Key",
    "KeyItem",
    "Labels",
    "Missing",
    "Negation",
    "Nulls",
    "OneOf",
    "Operand",
    "Operator",
    "Order",
    "Part",
    "Persons",
    "Plain",
    "Prefix",
    "Query",
    "QueryInvalid",
    "Truncated",
    "Unit",
]

MAX_KEYS: Final = 3
MAX_AGGREGATES: Final = 10
MAX_TABLES: Final = 3
MAX_LIMIT: Final = 500
MAX_ROUND: Final = 6


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
