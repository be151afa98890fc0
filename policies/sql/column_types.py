"""What the gate must know of a column's type: its class, and how far its numbers reach.

- Three classes matter, and BOOLEAN. A type outside them is `OTHER` and authorizes nothing that would convert a row.
- An ENUM is text: DuckDB compares it as text, and that never fails on a row.
- Numbers carry their digits: comparing a column with a literal of more digits than DECIMAL(38) can hold beside the column's
  own makes the engine convert *rows*, and fail with the value of one (measured on 1.5.5).

The names are DuckDB's, with its aliases (documentation, "Data Types").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_DIGITS: Final = 38
"""DuckDB's widest DECIMAL."""


class TypeClass(StrEnum):
    """The class of a column's type, or of a literal."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date/time"
    BOOLEAN = "boolean"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Digits:
    """How many digits a number may have before and after its point."""

    whole: int
    scale: int = 0


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A DuckDB type. `digits` is None for floating point and for what is no number."""

    name: str
    type_class: TypeClass
    digits: Digits | None = None

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self.name in _INTEGER_DIGITS

    @property
    def is_timestamp(self) -> bool:
        """Whether values hold a time of day."""
        return self.type_class is TypeClass.DATE and self.name != "DATE"


DOUBLE: Final = ColumnType("DOUBLE", TypeClass.NUMBER)
VARCHAR: Final = ColumnType("VARCHAR", TypeClass.TEXT)

_INTEGER_DIGITS: Final = {
    "TINYINT": 3,
    "SMALLINT": 5,
    "INTEGER": 10,
    "BIGINT": 19,
    "HUGEINT": 39,
    "UTINYINT": 3,
    "USMALLINT": 5,
    "UINTEGER": 10,
    "UBIGINT": 20,
}
_ALIASES: Final = {
    "INT1": "TINYINT",
    "INT2": "SMALLINT",
    "SHORT": "SMALLINT",
    "INT16": "SMALLINT",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT32": "INTEGER",
    "SIGNED": "INTEGER",
    "INT8": "BIGINT",
    "INT64": "BIGINT",
    "LONG": "BIGINT",
    "INT128": "HUGEINT",
    "UINT8": "UTINYINT",
    "UINT16": "USMALLINT",
    "UINT32": "UINTEGER",
    "UINT64": "UBIGINT",
    "FLOAT8": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "FLOAT4": "FLOAT",
    "REAL": "FLOAT",
    "CHAR": "VARCHAR",
    "BPCHAR": "VARCHAR",
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "BOOL": "BOOLEAN",
    "LOGICAL": "BOOLEAN",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP_US": "TIMESTAMP",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "NUMERIC": "DECIMAL",
    "DEC": "DECIMAL",
}
_CLASSES: Final = {
    "DOUBLE": TypeClass.NUMBER,
    "FLOAT": TypeClass.NUMBER,
    "VARCHAR": TypeClass.TEXT,
    "ENUM": TypeClass.TEXT,
    "BOOLEAN": TypeClass.BOOLEAN,
    "DATE": TypeClass.DATE,
    "TIMESTAMP": TypeClass.DATE,
    "TIMESTAMP_S": TypeClass.DATE,
    "TIMESTAMP_MS": TypeClass.DATE,
    "TIMESTAMP_NS": TypeClass.DATE,
    "TIMESTAMP WITH TIME ZONE": TypeClass.DATE,
}
_TYPE: Final = re.compile(r"([A-Z][A-Z0-9_ ]*+)(?:\((.*)\))?", re.DOTALL)
_DECIMAL_DEFAULT: Final = Digits(15, 3)


def read_type(text: str) -> ColumnType:
    """The type that `text` names; one that is not known has class `OTHER`."""
    upper = " ".join(text.split()).upper()
    other = ColumnType(upper, TypeClass.OTHER)
    found = _TYPE.fullmatch(upper)
    if found is None:
        return other
    base, inside = found[1].strip(), found[2]
    name = _ALIASES.get(base, base)
    if name == "DECIMAL":
        digits = _decimal_digits(inside)
        return (
            ColumnType(f"DECIMAL({digits.whole + digits.scale},{digits.scale})", TypeClass.NUMBER, digits)
            if digits
            else other
        )
    if inside is not None and name not in {"VARCHAR", "ENUM"}:
        return other
    if name in _INTEGER_DIGITS:
        return ColumnType(name, TypeClass.NUMBER, Digits(_INTEGER_DIGITS[name]))
    # Two ENUM types are one only when their members are.
    full = upper if name == "ENUM" else name
    return ColumnType(full, _CLASSES.get(name, TypeClass.OTHER))


def _decimal_digits(inside: str | None) -> Digits | None:
    if inside is None:
        return _DECIMAL_DEFAULT
    numbers = [part.strip() for part in inside.split(",")]
    if not 1 <= len(numbers) <= 2 or not all(re.fullmatch(r"[0-9]{1,2}", number) for number in numbers):
        return None
    width, scale = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 0
    return Digits(width - scale, scale) if 1 <= width <= MAX_DIGITS and scale <= width else None
