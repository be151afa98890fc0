"""How large noise can get, for the configuration that must leave room for it. Nothing is ever clamped.

A clamped value would tell that it was near the edge, and a wrapped one is wrong; so the room is checked beforehand. Bounds
are of probability below 2·exp(-72), about 10^-31 a cell:

- discrete Gaussian: P(Z ≥ t) ≤ exp(-t²/2σ²) (Canonne, Kamath and Steinke 2020, Proposition 25): twelve σ;
- Skellam of variance v: P(Z ≥ t) ≤ exp(-(t·asinh(t/v) - sqrt(t² + v²) + v)), Chernoff's bound at its best point.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from enclaves.noise.errors import NoiseRefused

SIGMAS: Final = 12
SKELLAM_UP_TO: Final = 64
"""Skellam noise is drawn up to this variance. Above it the discrete Gaussian is the better noise, and Skellam slow to draw."""
_EXPONENT: Final = SIGMAS**2 / 2
_LARGEST: Final = 2**63 - 1


def tail(sigma2: Fraction) -> int:
    """The least integer of at least 12σ, which discrete Gaussian noise does not exceed."""
    _check(sigma2)
    bound = math.isqrt(math.floor(SIGMAS**2 * sigma2))
    return bound if bound * bound >= SIGMAS**2 * sigma2 else bound + 1


def tail_skellam(variance: Fraction) -> int:
    """The integer that Skellam noise of this variance does not exceed; more than 12σ, as its tail is longer."""
    _check(variance)
    v, bound = float(variance), tail(variance)
    while bound * math.asinh(bound / v) - math.sqrt(bound**2 + v**2) + v < _EXPONENT:
        bound += 1
    return bound


def largest_noise(variance: Fraction) -> int:
    """What neither kind of noise of this variance exceeds."""
    return tail_skellam(variance) if variance <= SKELLAM_UP_TO else tail(variance)


def check_headroom(largest: int, noise: int) -> None:
    """Raises NoiseRefused unless an exact value of at most `largest` and noise of at most `noise` stay within 64 bits."""
    if largest < 0 or noise < 0 or largest + noise > _LARGEST:
        raise NoiseRefused("expected exact value and noise to fit 63 bits together, got more")


def _check(variance: Fraction) -> None:
    if variance <= 0:
        raise NoiseRefused("expected a variance above zero, got none")
