"""Discrete Gaussian draws against their exact probabilities."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from enclaves.noise.errors import NoiseRefused
from enclaves.noise.gaussian import check_features, draw, scale_of
from enclaves.noise.request import LARGEST_VARIANCE

# A right sampler fails a test once in a hundred million runs.
REJECT = 1e-8


def pmf(sigma2: Fraction, reach: int) -> NDArray[np.float64]:
    """The probabilities of -reach … reach, proportional to exp(-k²/2σ²)."""
    weights = np.array([math.exp(-Fraction(k * k) / (2 * sigma2)) for k in range(reach + 1)])
    half = weights / (weights[0] + 2 * weights[1:].sum())
    return np.concatenate([half[:0:-1], half])


def p_value(drawn: NDArray[np.int64], sigma2: Fraction) -> float:
    """Of the chi-square test of the draws, cells of expectation below 8 joined at either end."""
    reach = math.ceil(9 * math.sqrt(sigma2)) + 3
    assert np.abs(drawn).max() <= reach
    expected = pmf(sigma2, reach) * len(drawn)
    seen = np.bincount(drawn + reach, minlength=2 * reach + 1)
    first, last = np.flatnonzero(expected >= 8)[[0, -1]]
    groups = np.clip(np.arange(len(expected)), first, last) - first
    return float(stats.chisquare(np.bincount(groups, seen), np.bincount(groups, expected)).pvalue)


@pytest.mark.parametrize("sigma2", ["0.2", "1", "5", "100"])
def test_draws_have_the_exact_distribution(sigma2: str) -> None:
    assert p_value(draw(Fraction(sigma2), 30_000), Fraction(sigma2)) > REJECT


@pytest.mark.long
@pytest.mark.parametrize("sigma2", ["0.2", "1", "100"])
def test_a_million_draws_have_the_exact_distribution(sigma2: str) -> None:
    assert p_value(draw(Fraction(sigma2), 1_000_000), Fraction(sigma2)) > REJECT


def test_the_test_tells_a_rounded_normal_from_the_discrete_gaussian() -> None:
    rounded = np.rint(np.random.default_rng(1).normal(0, math.sqrt(0.2), 30_000)).astype(np.int64)
    assert p_value(rounded, Fraction(1, 5)) < REJECT


def test_the_test_tells_a_variance_that_is_a_tenth_off() -> None:
    assert p_value(draw(Fraction("4.5"), 30_000), Fraction(5)) < REJECT


@given(st.fractions(Fraction(1, 10**6), 10**12), st.integers(0, 50))
def test_the_scale_never_gives_less_variance_and_hardly_more(variance: Fraction, doublings: int) -> None:
    wanted = variance * 2**doublings
    scale = scale_of(wanted)
    assert Fraction(math.nextafter(scale, 0.0)) ** 2 < wanted <= Fraction(scale) ** 2
    assert Fraction(scale) ** 2 <= wanted * (1 + Fraction(1, 10**15))


def test_large_variances_neither_saturate_nor_wrap() -> None:
    drawn = draw(LARGEST_VARIANCE, 2_000).astype(np.float64)
    assert abs(drawn.std() / 2.0**55 - 1) < 0.1
    assert np.abs(drawn).max() < 2.0**59


def test_two_calls_share_nothing() -> None:
    one, other = draw(Fraction(100), 2_000), draw(Fraction(100), 2_000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.15


def test_the_shape_is_what_was_asked_for() -> None:
    for count in (0, 1, 7):
        drawn = draw(Fraction(1), count)
        assert (drawn.shape, drawn.dtype) == ((count,), np.int64)


@pytest.mark.parametrize(
    ("variance", "count"),
    [("0", 1), ("-1", 1), ("0.0000001", 1), (str(2**110 + 1), 1), ("1", -1), ("1", 10_000_001)],
)
def test_what_cannot_be_drawn_is_refused(variance: str, count: int) -> None:
    with pytest.raises(NoiseRefused):
        draw(Fraction(variance), count)


@pytest.mark.parametrize("feature", ["idealized-numerics", "floating-point"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_is_drawn_beside_attackable_samplers(feature: str) -> None:
    check_features()
    dp.enable_features(feature)
    try:
        with pytest.raises(NoiseRefused, match="idealized"):
            draw(Fraction(1), 1)
    finally:
        dp.disable_features(feature)
    check_features()
