"""Statistics in the form in which they may leave a domain: counts in fives, variances to three digits, shares to
three decimals, nothing small.

Source: protocols.md sections 6.2 (L3, L4) and 6.5.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from enclaves.run.errors import TooFewPersons

MIN_PERSONS: Final = 10
COUNT_BASE: Final = 5
DIGITS: Final = 3


def rounded_persons(persons: int) -> int:
    """`persons` to the nearest five. Raises TooFewPersons below ten."""
    if persons < MIN_PERSONS:
        raise TooFewPersons(f"expected at least {MIN_PERSONS} persons, got fewer")
    return COUNT_BASE * ((persons + COUNT_BASE // 2) // COUNT_BASE)


def rounded_count(count: int) -> int:
    """A count beside others, such as a band's: to the nearest five, and 0 below ten."""
    return 0 if count < MIN_PERSONS else rounded_persons(count)


def rounded_variance(variance: float) -> str:
    """A variance (from 0) to three significant digits, as decimal text without an exponent."""
    if not math.isfinite(variance) or variance < 0:
        raise ValueError("expected a finite variance from 0")
    return _plain(Decimal(f"{variance:.{DIGITS - 1}e}"))


def rounded_share(share: float) -> str:
    """A share from 0 to 1 to three decimals, as decimal text."""
    if not 0 <= share <= 1:
        raise ValueError("expected a share from 0 to 1")
    return _plain(Decimal(f"{share:.{DIGITS}f}"))


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
