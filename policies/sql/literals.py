"""Literals as values: what a partner may compare a column with, free of the text it came in.

- A number is finite and exact as written; `approximate` says that it was written with an exponent and compares as DOUBLE.
- A date is a day of the calendar from year 1 to 9999, a point in time one without zone, both in ISO form.
- A literal fits a column only when comparing them converts no row to a narrower type: the engine would fail and show the row.

Follows the SQL contract, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import ClassVar, Final, TypeAlias

from policies.sql.column_types import MAX_DIGITS, ColumnType, Digits, TypeClass, read_type

_NO_COLUMN: Final = read_type("TINYINT")
"""The narrowest number: it asks for nothing of its own."""
_MAX_WHOLE: Final = 2**127
_MAX_BIGINT: Final = 2**63


class LiteralInvalid(ValueError):
    """A value that no literal of the contract has."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    type_class: ClassVar[TypeClass] = TypeClass.NUMBER
    value: Decimal
    approximate: bool = False
    pointed: bool = False
    """Written with a point, perhaps with nothing behind it; `7.` divides as a DECIMAL and `7` as a whole number."""
    digits: Digits | None = field(init=False, repr=False, compare=False)
    """Digits before and after the point; None when the number is approximate."""

    def __post_init__(self) -> None:
        """Refuse what is no finite number, or wider than DuckDB's exact types."""
        if not self.value.is_finite():
            raise LiteralInvalid("expected a finite number")
        digits = None if self.approximate else _digits(self.value)
        if digits is not None and digits.scale and not self.pointed:
            object.__setattr__(self, "pointed", True)
        if digits is not None and digits.scale and digits.whole + digits.scale > MAX_DIGITS:
            raise LiteralInvalid("expected a number of at most 38 digits")
        if digits is not None and not digits.scale and not -_MAX_WHOLE < self.value < _MAX_WHOLE:
            raise LiteralInvalid("expected a number within HUGEINT")
        object.__setattr__(self, "digits", digits)

    @property
    def is_whole(self) -> bool:
        """Whether it was written without point and exponent."""
        return not self.approximate and not self.pointed


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    type_class: ClassVar[TypeClass] = TypeClass.TEXT
    value: str


@dataclass(frozen=True, slots=True)
class Truth:
    """TRUE or FALSE."""

    type_class: ClassVar[TypeClass] = TypeClass.BOOLEAN
    value: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A date, as YYYY-MM-DD."""

    type_class: ClassVar[TypeClass] = TypeClass.DATE
    value: str

    def __post_init__(self) -> None:
        """Refuse what is no day of the calendar."""
        _check_day(self.value)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, as YYYY-MM-DD HH:MM:SS[.ffffff], without zone."""

    type_class: ClassVar[TypeClass] = TypeClass.DATE
    value: str

    def __post_init__(self) -> None:
        """Refuse what is no point in time."""
        day, _, clock = self.value.partition(" ")
        _check_day(day)
        try:
            time.fromisoformat(clock)
        except ValueError:
            raise LiteralInvalid("expected a time of day") from None


Literal: TypeAlias = Number | Text | Truth | Day | Moment

_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_CLOCK: Final = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?")


def day_of(text: str) -> Day | None:
    """The day that an ISO text names, or None."""
    found = _DAY.fullmatch(text)
    try:
        return Day(f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}") if found else None
    except LiteralInvalid:
        return None


def moment_of(text: str) -> Moment | None:
    """The point in time that an ISO text names (midnight when it names a day only), or None."""
    day_text, separator, clock_text = text.replace("T", " ", 1).partition(" ")
    day, clock = day_of(day_text), _CLOCK.fullmatch(clock_text if separator else "00:00")
    if day is None or clock is None:
        return None
    try:
        return Moment(f"{day.value} {clock[1]}:{clock[2]}:{clock[3] or '00'}{clock[4] or ''}")
    except LiteralInvalid:
        return None


def fits(column: ColumnType, literals: Iterable[Literal]) -> bool:
    """Whether comparing values of `column` with all of `literals` together converts no row to a type it may not fit."""
    given = list(literals)
    if any(literal.type_class is not column.type_class for literal in given):
        return False
    if column.name == "DATE" and any(isinstance(literal, Moment) for literal in given):
        # Days become points in time, which they always can within the calendar of a literal; see the module.
        return True
    # DOUBLE takes every number; beside exact ones an approximate number is no excuse for their digits.
    exact = [one for one in given if isinstance(one, Number) and not one.approximate]
    return column.digits is None or not exact or _fit_together(column, exact)


def share_a_type(literals: Iterable[Literal]) -> bool:
    """Whether all of `literals` are of one class and, numbers, of one type that holds each of them."""
    given = list(literals)
    if len({literal.type_class for literal in given}) > 1:
        return False
    exact = [one for one in given if isinstance(one, Number) and not one.approximate]
    return not exact or _fit_together(_NO_COLUMN, exact)


def _fit_together(column: ColumnType, numbers: list[Number]) -> bool:
    own = column.digits
    if own is None or (column.is_integer and all(number.is_whole for number in numbers)):
        # Whole numbers widen to the wider whole type.
        return True
    digits = [own, *(number.digits for number in numbers if number.digits)]
    # A literal that is whole is a BIGINT to the engine at most, of 19 digits.
    within = all(-_MAX_BIGINT < number.value < _MAX_BIGINT for number in numbers if number.is_whole)
    return within and max(one.whole for one in digits) + max(one.scale for one in digits) <= MAX_DIGITS


def _digits(value: Decimal) -> Digits:
    _, digits, exponent = value.as_tuple()
    return Digits(max(len(digits) + int(exponent), 1), max(-int(exponent), 0))


def _check_day(text: str) -> None:
    found = _DAY.fullmatch(text)
    if found is None or len(text) != len("YYYY-MM-DD"):
        raise LiteralInvalid("expected YYYY-MM-DD")
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise LiteralInvalid("expected a day of the calendar") from None
