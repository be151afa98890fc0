"""Noise that no single party knows: what each of n domains adds, so that the sum is private though c of them collude.

Rules (protocols.md §2.4):
1. The n - c honest parties alone must reach the variance that rho asks for: each adds σ²/(n - c). By default c = n - t with
   the threshold t = ceil(2n/3).
2. A party with variance ≥ 1 adds discrete Gaussian noise. Sums of those are not discrete Gaussian; the loss is bounded by
   Kairouz, Liu and Steinke 2021 (arXiv 2102.06387, Theorem 1): with τ = 10·Σ over k < N of exp(-2π²·v·k/(k + 1)) for N honest
   parties of variance v, the sum is ½e²-concentrated for e = Δ2/sqrt(N·v) + τ·sqrt(cells).
3. Below 1 a party adds Skellam noise, which is closed under sums. Agarwal, Kairouz and Liu 2021 (arXiv 2110.04995,
   Theorem 3.5): at whole orders α, α·Δ2²/2V + min(((2α - 1)·Δ2² + 6·Δ1)/4V², 3·Δ1/2V) for total variance V.
4. `share` adds variance until the bound of its kind is at most rho: what is debited is what is proved.

For Skellam, rho is a bound at whole orders only; show ε with `whole_orders` of `policies.privacy.zcdp.epsilon`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import check_rho

MAX_PARTIES: Final = 50
GAUSSIAN_FROM: Final = 1
"""The least variance of a party's own noise at which discrete Gaussians are used."""
_GROWTH: Final = Fraction(1025, 1024)
_MAX_STEPS: Final = 20_000
# Variances are rounded up to this step, so that they stay short.
_GRID: Final = 2**30
# Rounding of the few floating-point operations in the Gaussian bound.
_SLACK: Final = 1e-9


class Kind(StrEnum):
    """Which noise a party adds."""

    GAUSSIAN = "gaussian"
    SKELLAM = "skellam"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far one person can move the whole vector of `cells` integers."""

    l2_squared: int
    l1: int
    cells: int

    def __post_init__(self) -> None:
        if not (self.l2_squared > 0 and self.l1 > 0 and self.cells > 0):
            raise PrivacyInvalid("expected sensitivities and cells above zero, got none")
        # Of integer vectors: |x|_1 ≤ |x|_2² ≤ |x|_1².
        if not self.l1 <= self.l2_squared <= self.l1**2:
            raise PrivacyInvalid("expected an L1 sensitivity that an integer vector of this L2 can have")


@dataclass(frozen=True, slots=True)
class Share:
    """What each party adds to every cell: noise of `variance`; `honest` of the `parties` are assumed not to collude."""

    kind: Kind
    variance: Fraction
    parties: int
    honest: int

    @property
    def total(self) -> Fraction:
        """The variance of what is released, with everybody's noise."""
        return self.variance * self.parties


def colluders(parties: int) -> int:
    """How many parties are assumed to collude unless the scenario says more: n - ceil(2n/3)."""
    return parties - math.ceil(Fraction(2 * parties, 3))


def share(sensitivity: Sensitivity, *, rho: Fraction, parties: int, colluding: int | None = None) -> Share:
    """The least noise, to within one in 1,024, whose proved bound is at most `rho`. Raises PrivacyInvalid."""
    check_rho(rho)
    dishonest = colluders(parties) if colluding is None else colluding
    if not (1 <= parties <= MAX_PARTIES and 0 <= dishonest < parties):
        raise PrivacyInvalid(f"expected 1 to {MAX_PARTIES} parties, not all of them colluding")
    honest = parties - dishonest
    variance = Fraction(sensitivity.l2_squared) / (2 * rho * honest)
    for _ in range(_MAX_STEPS):
        kind = Kind.GAUSSIAN if variance >= GAUSSIAN_FROM or honest == 1 else Kind.SKELLAM
        found = Share(kind, variance, parties, honest)
        if bound(found, sensitivity) <= rho:
            return found
        variance = Fraction(math.ceil(variance * _GROWTH * _GRID), _GRID)
    raise PrivacyInvalid("expected a rho that some amount of noise can reach, got a smaller one")


def bound(given: Share, sensitivity: Sensitivity) -> Fraction:
    """The rho that is proved for the sum of the honest parties' noise (rules 2 and 3)."""
    total = given.variance * given.honest
    plain = Fraction(sensitivity.l2_squared) / (2 * total)
    # One Gaussian is a discrete Gaussian: nothing is lost.
    if given.honest == 1 and given.kind is Kind.GAUSSIAN:
        return plain
    if given.kind is Kind.SKELLAM:
        return plain + _skellam_excess(total, sensitivity)
    v = float(given.variance)
    tau = 10 * sum(math.exp(-2 * math.pi**2 * v * k / (k + 1)) for k in range(1, given.honest))
    e = math.sqrt(2 * plain) + tau * math.sqrt(sensitivity.cells)
    return max(plain, Fraction(e * e / 2 * (1 + _SLACK)))


def _skellam_excess(total: Fraction, given: Sensitivity) -> Fraction:
    """The most that the second term of rule 3 adds to rho: its largest value divided by α, over α ≥ 1."""
    # ((2α - 1)·Δ2² + 6·Δ1)/α lies between its values at α = 1 and α → ∞.
    first = Fraction(max(given.l2_squared + 6 * given.l1, 2 * given.l2_squared)) / (4 * total**2)
    return min(first, Fraction(3 * given.l1) / (2 * total))
