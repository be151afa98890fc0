"""Skellam noise: the difference of two Poisson draws, exact in rational arithmetic. For shares of small variance.

Exactness. Poisson(m) for m in (0, 1/2] is drawn by rejection with rationals only:

1. K is geometric: P(K = k) = 2^-(k + 1), the number of ones before the first zero in fair bits.
2. K is accepted with probability (2m)^K / K!, a product of Bernoulli(2m/i) for i = 1 … K; each is at most 1, as 2m ≤ 1.

P(accepted and K = k) = 2^-(k + 1) · (2m)^k / k! = (m^k / k!) / 2, so given acceptance K is Poisson(m): no exponential is ever
computed. One try is accepted with probability exp(m)/2 ≥ 1/2. Bernoulli(a/b) is `randbelow(b) < a`, with Python's unbiased
rejection over the operating system's randomness. A larger mean is cut into equal parts of at most 1/2, whose Poisson
draws add up to a Poisson draw. Skellam of variance v is the difference of two Poisson(v/2).

Source of the distribution's use: Agarwal, Kairouz and Liu 2021 (arXiv 2110.04995); which rho it proves is computed in
`policies.privacy.shares`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from secrets import randbelow
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.noise.errors import NoiseRefused
from enclaves.noise.request import check_request
from enclaves.noise.tails import SKELLAM_UP_TO

_HALF: Final = Fraction(1, 2)

Below = Callable[[int], int]
"""A uniform integer in [0, n)."""


def draw_skellam(variance: Fraction, count: int, *, below: Below = randbelow) -> NDArray[np.int64]:
    """`count` independent Skellam draws around 0 of this variance; shape [count]. Raises NoiseRefused."""
    check_request(variance, count)
    if variance > SKELLAM_UP_TO:
        raise NoiseRefused(f"expected skellam noise of variance at most {SKELLAM_UP_TO}, got more")
    mean = variance / 2
    return np.array([poisson(mean, below) - poisson(mean, below) for _ in range(count)], dtype=np.int64)


def poisson(mean: Fraction, below: Below = randbelow) -> int:
    """One exact Poisson draw of rational mean > 0."""
    parts = math.ceil(mean / _HALF)
    part = mean / parts
    return sum(_small_poisson(part, below) for _ in range(parts))


def _small_poisson(mean: Fraction, below: Below) -> int:
    """One exact Poisson draw of mean in (0, 1/2]."""
    above, under = (2 * mean).as_integer_ratio()
    while True:
        drawn = 0
        while below(2):
            drawn += 1
        if all(below(under * i) < above for i in range(1, drawn + 1)):
            return drawn
