"""Rounding of what is released (L4): deterministic, from exact integers, half to even.

Counts go to the nearest multiple of a base, everything else to a few significant digits. No float takes part: the same
lanes give the same answer on every machine.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Final

_ROOT: Final = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)
_PLACES: Final = decimal.Context(prec=200, rounding=decimal.ROUND_HALF_EVEN)


def to_base(count: int, base: int) -> int:
    """The multiple of `base` nearest to `count`."""
    return base * round(Fraction(count, base))


def significant(value: Fraction, digits: int) -> Decimal:
    """`value` to `digits` significant digits, without an exponent in its text."""
    if value == 0:
        return Decimal(0)
    exponent = _exponent(abs(value)) - digits + 1
    scaled = round(value * Fraction(10) ** -exponent)
    # 9.996 rounds up to 10.0: one digit more, still a multiple of the same power of ten.
    return plain(Fraction(scaled) * Fraction(10) ** exponent)


def root(value: Fraction) -> Fraction:
    """The square root of a value of at least zero, correct to 60 digits."""
    numerator = _ROOT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(_ROOT.sqrt(numerator))


def to_places(value: Decimal, places: int) -> Decimal:
    """`value` with at most `places` digits after the point, as an outer ROUND asks."""
    return plain(Fraction(value.quantize(Decimal(1).scaleb(-places), context=_PLACES)))


def plain(value: Fraction) -> Decimal:
    """A fraction that has a finite decimal form, in it: no exponent, no trailing zeros, no negative zero."""
    places = 0
    while value.denominator != 1:
        value *= 10
        places += 1
    return Decimal(int(value)).scaleb(-places, context=_PLACES)


def _exponent(value: Fraction) -> int:
    """The power of ten of the first digit of a positive value."""
    exponent = len(str(value.numerator)) - len(str(value.denominator))
    return exponent if value >= Fraction(10) ** exponent else exponent - 1
