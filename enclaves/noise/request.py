"""What noise may be asked for. Apart from the samplers, so that a ledger can refuse before it debits."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from enclaves.noise.errors import NoiseRefused

MAX_COUNT: Final = 10_000_000
LARGEST_VARIANCE: Final = Fraction(2) ** 110
"""Of σ 2^55: twelve standard deviations stay within 2^59."""
SMALLEST_VARIANCE: Final = Fraction(1, 10**6)


def check_request(variance: Fraction, count: int) -> None:
    """Raises NoiseRefused for a variance or a count outside what is drawn."""
    if not SMALLEST_VARIANCE <= variance <= LARGEST_VARIANCE:
        raise NoiseRefused("expected a variance from 1e-6 to 2^110, got one outside")
    if not 0 <= count <= MAX_COUNT:
        raise NoiseRefused(f"expected 0 to {MAX_COUNT} draws, got {count}")
