"""How large noise gets: bounds against the distributions themselves."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from enclaves.noise.errors import NoiseRefused
from enclaves.noise.tails import check_headroom, largest_noise, tail, tail_skellam

PROBABILITY = 2 * math.exp(-72)


@given(st.fractions(Fraction(1, 10**6), 10**30))
def test_the_tail_is_twelve_sigma_rounded_up(sigma2: Fraction) -> None:
    bound = tail(sigma2)
    assert (bound - 1) ** 2 < 144 * sigma2 <= bound**2


@pytest.mark.parametrize("sigma2", [0.05, 0.5, 5.0, 400.0])
def test_a_discrete_gaussian_beyond_its_tail_is_next_to_impossible(sigma2: float) -> None:
    bound = tail(Fraction(sigma2))
    weights = [math.exp(-k * k / (2 * sigma2)) for k in range(bound + 200)]
    total = weights[0] + 2 * math.fsum(weights[1:])
    assert 2 * math.fsum(weights[bound + 1 :]) / total < PROBABILITY


@pytest.mark.parametrize("variance", [1e-6, 0.05, 0.5, 1.0, 20.0, 64.0])
def test_skellam_beyond_its_tail_is_next_to_impossible(variance: float) -> None:
    bound = tail_skellam(Fraction(variance))
    beyond = stats.skellam.pmf(np.arange(bound + 1, bound + 300), variance / 2, variance / 2)
    assert 2 * np.nansum(beyond) < PROBABILITY
    assert bound >= tail(Fraction(variance))


def test_twelve_sigma_is_not_enough_for_small_skellam_noise() -> None:
    variance = 0.05
    beyond = stats.skellam.sf(tail(Fraction(variance)), variance / 2, variance / 2)
    assert beyond > 1e-10
    assert largest_noise(Fraction(variance)) == tail_skellam(Fraction(variance)) > tail(Fraction(variance))


def test_large_noise_is_gaussian() -> None:
    assert largest_noise(Fraction(65)) == tail(Fraction(65))


def test_value_and_noise_fit_63_bits_together() -> None:
    check_headroom(2**63 - 101, 100)
    for largest, noise in ((2**63 - 100, 100), (-1, 0), (0, -1)):
        with pytest.raises(NoiseRefused):
            check_headroom(largest, noise)


def test_no_variance_has_no_tail() -> None:
    for function in (tail, tail_skellam, largest_noise):
        with pytest.raises(NoiseRefused):
            function(Fraction(0))
