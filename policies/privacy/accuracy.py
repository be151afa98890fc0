"""How far off a noisy number is: the 95 % interval of the discrete Gaussian, for those who ask before they spend.

Computed from the probabilities themselves where the grid of integers matters, from the normal distribution where it does
not (above σ = 1,000 the two agree to far less than one step). Source: Canonne, Kamath and Steinke 2020, Definition 1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from policies.privacy.errors import PrivacyInvalid

CONFIDENCE: Final = 0.95
NORMAL_95: Final = Fraction("1.959963984540055")
"""The two-sided 95 % point of the standard normal distribution."""
_EXACT_UP_TO: Final = 1_000_000


def half_width(sigma2: Fraction) -> int:
    """The least a with P(|Z| ≤ a) ≥ 0.95, for Z discrete Gaussian of variance parameter `sigma2`."""
    if sigma2 <= 0:
        raise PrivacyInvalid("expected a variance above zero, got none")
    if sigma2 > _EXACT_UP_TO:
        return _normal(sigma2)
    doubled = 2 * float(sigma2)
    last = math.isqrt(math.ceil(144 * sigma2)) + 12
    weights = [math.exp(-k * k / doubled) for k in range(last + 1)]
    wanted = CONFIDENCE * (1 + 2 * math.fsum(weights[1:]))
    inside, width = 1.0, 0
    while inside < wanted:
        width += 1
        inside += 2 * weights[width]
    return width


def _normal(sigma2: Fraction) -> int:
    """P(|Z| ≤ a) ≈ P(|N| ≤ a + 1/2), hence a = 1.96·σ - 1/2, rounded up; in integers, since σ may be any size."""
    squared = 4 * NORMAL_95**2 * sigma2
    twice = math.isqrt(math.ceil(squared))
    return (twice + 1) // 2
