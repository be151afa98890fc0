"""The logistic function and its kin as polynomials, for data on which only sums and products can be computed.

Rules:
1. Polynomials are in Chebyshev's basis over [-reach, reach]: Σ a_k·T_k(η/reach). Every T_k stays within [-1, 1], so that fixed
   point neither overflows nor drowns, however high the degree.
2. The degree is the least power of two from 16 to 128 at which the logistic function is met within 1e-6 everywhere in reach;
   a reach for which that is not enough is refused. Powers of two: T_1 … T_2k follow from T_1 … T_k in one step of products.
3. |η| ≤ Σ|γ| for scaled columns: coefficients with Σ|γ| ≤ reach cannot leave the interval, whatever the rows are.

Interpolation at Chebyshev's nodes is within a factor of 2 + ln(degree) of the best polynomial (Trefethen 2013, Theorem 15.2);
for a function analytic but for poles at ±iπ the error falls geometrically with the degree (Theorem 8.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.polynomial import chebyshev

from policies.glm.errors import GlmInvalid
from policies.glm.families import Floats

ERROR: Final = 1e-6
DEGREES: Final = (16, 32, 64, 128)
LARGEST_REACH: Final = 24.0
REACH: Final = 12.0
_PROBES: Final = 20_001


@dataclass(frozen=True, slots=True, eq=False)
class Polynomials:
    """Coefficients of T_0 … T_degree for the mean, its slope μ(1 - μ), and ln(1 + e^η)."""

    reach: float
    mean: Floats
    weight: Floats
    softplus: Floats

    @property
    def degree(self) -> int:
        return len(self.mean) - 1


@lru_cache(maxsize=8)
def polynomials(reach: float = REACH) -> Polynomials:
    """The polynomials of least degree for |η| ≤ reach. Raises GlmInvalid for a reach that none of them covers."""
    if not 1 <= reach <= LARGEST_REACH:
        raise GlmInvalid(f"expected a reach from 1 to {LARGEST_REACH}, got another")
    t = np.linspace(-1, 1, _PROBES)
    for degree in DEGREES:
        mean = _interpolated(logistic, reach, degree)
        if float(np.abs(chebyshev.chebval(t, mean) - logistic(reach * t)).max()) <= ERROR:
            return Polynomials(
                reach, mean, _interpolated(_slope, reach, degree), _interpolated(_softplus, reach, degree)
            )
    raise GlmInvalid(f"expected a reach that a polynomial of degree {DEGREES[-1]} covers, got a larger one")


def logistic(eta: Floats) -> Floats:
    """1/(1 + e^-η), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(eta / 2)))


def _slope(eta: Floats) -> Floats:
    return logistic(eta) * logistic(-eta)


def _softplus(eta: Floats) -> Floats:
    return np.logaddexp(0.0, eta)


def _interpolated(function: Callable[[Floats], Floats], reach: float, degree: int) -> Floats:
    """Chebyshev coefficients of `function` on [-reach, reach] from its values at the degree + 1 nodes of the first kind."""
    nodes = chebyshev.chebpts1(degree + 1)
    values = function(reach * nodes)
    coefficients = 2 / (degree + 1) * (chebyshev.chebvander(nodes, degree).T @ values)
    # The nodes are orthogonal for T_0 with twice the norm of the others.
    coefficients[0] /= 2
    return np.asarray(coefficients)
