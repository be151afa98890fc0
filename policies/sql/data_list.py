"""The data list: which tables and columns exist for a partner, and what each column may be used for.

- What the list does not name does not exist. Names are compared without the case of ASCII letters, and are shown as listed.
- Strictest wins: `feature` cancels every other use; then `person`, which every `person_key` is, cancels `group`, `filter`
  and `measure`. An empty `uses` authorizes nothing.
- A member that is not known (a description, a unit) is somebody else's and authorizes nothing; one that is missing or of
  another kind is refused.

Follows the SQL contract, section 2. Who may have such a list is decided by `policies.decision`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

from policies.errors import PolicyError
from policies.sql.column_types import ColumnType, read_type

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_NAME: Final = 256


class DataListInvalid(PolicyError):
    """A data list that cannot be used; the message names the place."""

    code: ClassVar[str] = "malformed"


class SqlUse(StrEnum):
    """What a column may be used for in governed SQL."""

    PERSON = "person"
    JOIN = "join"
    GROUP = "group"
    FILTER = "filter"
    MEASURE = "measure"
    FEATURE = "feature"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range to which every value of a measure is clipped, ends included."""

    low: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        """Refuse a range that holds nothing."""
        if not (self.low.is_finite() and self.high.is_finite() and self.low <= self.high):
            raise DataListInvalid("expected bounds [lo, hi] with lo <= hi, got others")


@dataclass(frozen=True, slots=True)
class Column:
    """A listed column with the uses that are in force."""

    name: str
    type: ColumnType
    uses: frozenset[SqlUse]
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        """Put the strictest use in force."""
        object.__setattr__(self, "uses", _in_force(self.uses))

    @property
    def is_person(self) -> bool:
        """Whether values stand for persons."""
        return SqlUse.PERSON in self.uses

    @property
    def is_feature(self) -> bool:
        """Whether the column may enter an approved model and nothing else."""
        return SqlUse.FEATURE in self.uses


@dataclass(frozen=True, slots=True)
class Table:
    """A listed table. `one_row_per_person` is the keeper's word that each person has at most one row."""

    name: str
    domain: str
    person_key: str
    rows: int
    columns: tuple[Column, ...]
    one_row_per_person: bool = False
    _by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse names that occur twice and a person key that is no column; make the person key a person column."""
        key = fold(self.person_key)
        columns = tuple(_as_person(column) if fold(column.name) == key else column for column in self.columns)
        by_name = {fold(column.name): column for column in columns}
        if len(by_name) != len(columns):
            raise DataListInvalid(f"expected each column of {_shown(self.name)} once, got a name twice")
        if key not in by_name:
            raise DataListInvalid(
                f"expected person_key of {_shown(self.name)} among its columns, got another name"
            )
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "person_key", by_name[key].name)
        object.__setattr__(self, "_by_name", by_name)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return self._by_name.get(fold(name))


@dataclass(frozen=True, slots=True)
class DataList:
    """The tables that exist for a partner."""

    tables: tuple[Table, ...]
    _by_name: Mapping[str, Table] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse two tables of one name."""
        by_name = {fold(table.name): table for table in self.tables}
        if len(by_name) != len(self.tables):
            raise DataListInvalid("expected each table once, got a name twice")
        object.__setattr__(self, "_by_name", by_name)

    def table(self, name: str) -> Table | None:
        """The table of that name, or None."""
        return self._by_name.get(fold(name))

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read LIST.json; raises `DataListInvalid` and nothing else."""
        if len(data) > MAX_BYTES:
            raise DataListInvalid(f"expected at most {MAX_BYTES} bytes, got {len(data)}")
        try:
            value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_float=Decimal)
        except DataListInvalid:
            raise
        except (ValueError, RecursionError, ArithmeticError):
            raise DataListInvalid("expected a JSON object in UTF-8, got other bytes") from None
        tables = _member(_an_object(value, "the list"), "tables", list, "the list")
        return cls(tuple(_read_table(table, f"table {i + 1}") for i, table in enumerate(tables)))


def fold(name: str) -> str:
    """`name` as names are compared: ASCII letters without their case, everything else as it is."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_CANCELED_BY_PERSON: Final = frozenset({SqlUse.GROUP, SqlUse.FILTER, SqlUse.MEASURE})


def _in_force(uses: frozenset[SqlUse]) -> frozenset[SqlUse]:
    if SqlUse.FEATURE in uses:
        return frozenset({SqlUse.FEATURE})
    return uses - _CANCELED_BY_PERSON if SqlUse.PERSON in uses else uses


def _as_person(column: Column) -> Column:
    return Column(column.name, column.type, column.uses | {SqlUse.PERSON}, column.bounds)


def _read_table(value: object, place: str) -> Table:
    members = _an_object(value, place)
    rows = members.get("rows")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        raise DataListInvalid(f"expected `rows` of {place} as a count, got another value")
    columns = _member(members, "columns", list, place)
    return Table(
        name=_name(members, "name", place),
        domain=_name(members, "domain", place),
        person_key=_name(members, "person_key", place),
        rows=rows,
        columns=tuple(_read_column(column, f"column {i + 1} of {place}") for i, column in enumerate(columns)),
    )


def _read_column(value: object, place: str) -> Column:
    members = _an_object(value, place)
    uses = _member(members, "uses", list, place)
    known = {use.value: use for use in SqlUse}
    if not all(isinstance(use, str) and use in known for use in uses):
        raise DataListInvalid(f"expected `uses` of {place} among {', '.join(known)}, got another value")
    return Column(
        name=_name(members, "name", place),
        type=read_type(_name(members, "type", place)),
        uses=frozenset(known[use] for use in uses),
        bounds=_read_bounds(members.get("bounds"), place),
    )


def _read_bounds(value: object, place: str) -> Bounds | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        raise DataListInvalid(f"expected `bounds` of {place} as [lo, hi], got another value")
    return Bounds(Decimal(value[0]), Decimal(value[1]))


def _is_number(value: object) -> bool:
    if isinstance(value, Decimal):
        # Bounds beyond what a DOUBLE holds could not be written into a statement.
        return value.is_finite() and math.isfinite(float(value))
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**126


def _an_object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataListInvalid(f"expected {place} as an object, got another value")
    return value


def _member(members: dict[str, Any], name: str, kind: type[list[Any]], place: str) -> list[Any]:
    value = members.get(name)
    if not isinstance(value, kind):
        raise DataListInvalid(f"expected `{name}` of {place} as a list, got another value")
    return value


def _name(members: dict[str, Any], name: str, place: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not value.isprintable():
        raise DataListInvalid(f"expected `{name}` of {place} as printable text, got another value")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DataListInvalid("expected each member once, got one twice")
    return members


def _shown(name: str) -> str:
    return f"`{name[:40]}`".replace("\n", " ")
