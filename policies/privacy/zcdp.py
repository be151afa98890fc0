"""Zero-concentrated differential privacy (zCDP) in exact numbers: noise, composition, and what it means as (ε, δ).

Rules:
1. rho is an exact rational with at most nine decimals, so that sums over a ledger have no rounding at all.
2. Noise: a vector of L2 sensitivity Δ with independent discrete Gaussian noise of variance parameter σ² is
   (Δ²/2σ²)-zCDP (Canonne, Kamath and Steinke 2020, Theorem 14), hence σ² = Δ²/2ρ.
3. Composition: rho adds up, also when later queries depend on earlier answers (Bun and Steinke 2016, Lemma 2.3).
4. (ε, δ) by the optimal conversion of Canonne, Kamath and Steinke 2020, Corollary 13, over all Rényi orders:
   ε = inf over α > 1 of ρα + ln(1 - 1/α) + (ln(1/δ) - ln α)/(α - 1). The looser ρ + 2·sqrt(ρ·ln(1/δ)) is not used.
   Every order gives a valid ε, so a minimum that is found inexactly can only overstate the loss.

ε and δ are for people to read; no decision is taken on them. Budgets, windows and debits: `policies.privacy.budget`.
Defaults: protocols.md §6.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final

from policies.privacy.errors import PrivacyInvalid

RHO_DECIMALS: Final = 9
RHO_UNIT: Final = Fraction(1, 10**RHO_DECIMALS)
"""The smallest rho that can be spent; every rho is a whole number of these."""
QUERY_RHO: Final = Fraction(5, 1000)
"""What one query spends unless it says otherwise."""
DELTA: Final = Fraction(1, 10**6)
"""The δ at which ε is shown."""
LARGEST_RHO: Final = 100

_DECIMAL: Final = re.compile(rf"[0-9]{{1,3}}(\.[0-9]{{1,{RHO_DECIMALS}}})?", re.ASCII)
# Narrower than any order worth trying for rho in [1e-9, 100] and delta in [1e-100, 1).
_LOG_ORDERS: Final = (math.log(1e-6), math.log(1e9))
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_STEPS: Final = 80
# Covers the rounding of the few floating-point operations of one conversion.
_SLACK: Final = 1e-12


def rho_of(text: str) -> Fraction:
    """The rho written as a plain decimal such as `0.005`. Raises PrivacyInvalid."""
    if not _DECIMAL.fullmatch(text):
        raise PrivacyInvalid(f"expected rho as a decimal with at most {RHO_DECIMALS} places, got other text")
    rho = Fraction(text)
    check_rho(rho)
    return rho


def check_rho(rho: Fraction) -> None:
    """Raises PrivacyInvalid unless rho is in (0, 100] and a whole number of `RHO_UNIT`."""
    if not 0 < rho <= LARGEST_RHO:
        raise PrivacyInvalid(f"expected a rho above 0 and at most {LARGEST_RHO}, got one outside")
    if (rho / RHO_UNIT).denominator != 1:
        raise PrivacyInvalid(f"expected a rho with at most {RHO_DECIMALS} decimals, got more")


def units(rho: Fraction) -> int:
    """rho as a whole number of `RHO_UNIT`, for storage. Raises PrivacyInvalid."""
    check_rho(rho)
    return int(rho / RHO_UNIT)


def variance(sensitivity_squared: Fraction | int, rho: Fraction) -> Fraction:
    """The variance parameter σ² with which a vector of squared L2 sensitivity Δ² costs exactly `rho`."""
    check_rho(rho)
    if sensitivity_squared <= 0:
        raise PrivacyInvalid("expected a sensitivity above zero, got none")
    return Fraction(sensitivity_squared) / (2 * rho)


def cost(sensitivity_squared: Fraction | int, sigma2: Fraction) -> Fraction:
    """The rho of noise of variance parameter `sigma2` on a vector of squared L2 sensitivity Δ²: Δ²/2σ², exact."""
    if sensitivity_squared < 0 or sigma2 <= 0:
        raise PrivacyInvalid("expected a sensitivity of at least zero and a variance above zero")
    return Fraction(sensitivity_squared) / (2 * sigma2)


def compose(rhos: Iterable[Fraction]) -> Fraction:
    """The rho of all releases together."""
    return sum(rhos, Fraction(0))


def epsilon(rho: Fraction, delta: Fraction = DELTA, *, whole_orders: bool = False) -> float:
    """The ε of `rho` at `delta` (rule 4), never understated; 0 for no release.

    `whole_orders` restricts the minimum to integer orders, for mechanisms whose Rényi bound is proved for those only.
    """
    _check_delta(delta)
    if rho < 0:
        raise PrivacyInvalid("expected a rho of at least zero, got less")
    if rho == 0:
        return 0.0
    r, log_delta = float(rho), math.log(delta.numerator) - math.log(delta.denominator)

    def at(order: float) -> float:
        return r * order + math.log1p(-1 / order) - (log_delta + math.log(order)) / (order - 1)

    return max(0.0, _least(at, whole_orders=whole_orders) * (1 + _SLACK) + _SLACK)


def delta_of(rho: Fraction, epsilon: float) -> float:
    """The δ of `rho` at ε ≥ 0 by the same conversion, never understated, at most 1."""
    if rho < 0 or not epsilon >= 0:
        raise PrivacyInvalid("expected rho and epsilon of at least zero, got less")
    if rho == 0:
        return 0.0
    r = float(rho)

    def at(order: float) -> float:
        return (order - 1) * (r * order - epsilon) + (order - 1) * math.log1p(-1 / order) - math.log(order)

    return min(1.0, math.exp(min(0.0, _least(at, whole_orders=False) + _SLACK)))


def _least(at: Callable[[float], float], *, whole_orders: bool) -> float:
    """The least value over orders α > 1, by golden section in ln(α - 1); the functions above have one valley."""
    low, high = _LOG_ORDERS
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if at(1 + math.exp(left)) <= at(1 + math.exp(right)):
            high = right
        else:
            low = left
    order = 1 + math.exp((low + high) / 2)
    if whole_orders:
        whole = max(2, math.floor(order))
        return min(at(whole), at(whole + 1))
    return at(order)


def _check_delta(delta: Fraction) -> None:
    if not Fraction(1, 10**100) <= delta < 1:
        raise PrivacyInvalid("expected a delta from 1e-100 to below 1, got one outside")
