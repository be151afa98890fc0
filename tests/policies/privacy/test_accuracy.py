"""The 95 % interval against exact sums of rationals."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.privacy.accuracy import half_width
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import RHO_UNIT, variance

rhos = st.integers(1, 10**9).map(lambda units: units * RHO_UNIT)


def inside(sigma2: Fraction, width: int) -> float:
    """P(|Z| ≤ width), summed directly."""
    reach = math.ceil(40 * math.sqrt(sigma2)) + 40
    weight = [math.exp(-k * k / (2 * float(sigma2))) for k in range(reach)]
    return (weight[0] + 2 * math.fsum(weight[1 : width + 1])) / (weight[0] + 2 * math.fsum(weight[1:]))


@pytest.mark.parametrize("sigma2", ["0.01", "0.25", "0.5", "1", "2.5", "100", "12345.678"])
def test_the_width_is_the_least_that_covers_95_percent(sigma2: str) -> None:
    width = half_width(Fraction(sigma2))
    assert inside(Fraction(sigma2), width) >= 0.95
    assert width == 0 or inside(Fraction(sigma2), width - 1) < 0.95


def test_small_and_large_variances_meet() -> None:
    edge = Fraction(10**6)
    assert half_width(edge + Fraction(1, 10**6)) == half_width(edge)


@pytest.mark.parametrize("sigma", [1_001, 10**6, 10**15])
def test_a_large_width_is_the_normal_one(sigma: int) -> None:
    expected = NormalDist(0, sigma).inv_cdf(0.975)
    assert half_width(Fraction(sigma) ** 2) == pytest.approx(expected, rel=1e-9, abs=1.0)


@given(rhos, rhos, st.integers(1, 10**9))
def test_more_rho_never_increases_the_expected_error(
    one: Fraction, other: Fraction, sensitivity: int
) -> None:
    less, more = sorted((one, other))
    assert half_width(variance(sensitivity, more)) <= half_width(variance(sensitivity, less))


def test_a_variance_of_zero_is_refused() -> None:
    with pytest.raises(PrivacyInvalid):
        half_width(Fraction(0))
