"""Poisson and Skellam draws: the proof followed by machine, and the draws against their probabilities."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from enclaves.noise.errors import NoiseRefused
from enclaves.noise.skellam import draw_skellam, poisson

REJECT = 1e-8


class Forced(Exception):
    """Raised where the scripted randomness ends."""


class Script:
    """Answers each question for a uniform integer below n with the next of `answers`, and keeps the odds of each."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    def __call__(self, n: int) -> int:
        self.asked.append(n)
        if len(self.asked) > len(self.answers):
            raise Forced
        return self.answers[len(self.asked) - 1]


def accepted_weight(mean: Fraction, k: int) -> Fraction:
    """The exact probability that one try of the sampler ends with k: every path summed by its own odds."""
    total, paths = Fraction(0), [([], Fraction(1))]
    while paths:
        answers, odds = paths.pop()
        script = Script(answers)
        try:
            drawn = poisson(mean, script)
        except Forced:
            n = script.asked[-1]
            # The first k + 1 questions are coins; a second try would ask for a coin again after a rejection.
            if script.asked.count(2) > k + 1 or (_rejected(mean, answers, script.asked)):
                continue
            paths += [([*answers, answer], odds / n) for answer in range(n)]
            continue
        total += odds if drawn == k else 0
    return total


def _rejected(mean: Fraction, answers: list[int], asked: list[int]) -> bool:
    above = (2 * mean).numerator
    return any(answer >= above for answer, n in zip(answers, asked, strict=False) if n != 2)


@pytest.mark.parametrize("mean", [Fraction(1, 6), Fraction(1, 3), Fraction(3, 10)])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_one_try_ends_with_k_with_half_the_poisson_weight_exactly(mean: Fraction, k: int) -> None:
    assert accepted_weight(mean, k) == mean**k / math.factorial(k) / 2


def p_value(drawn: NDArray[np.int64], expected: NDArray[np.float64], least: int) -> float:
    """Chi-square of draws against probabilities of least, least + 1, …; cells of expectation below 8 joined."""
    counts = np.bincount(drawn - least, minlength=len(expected))
    wanted = expected / expected.sum() * len(drawn)
    first, last = np.flatnonzero(wanted >= 8)[[0, -1]]
    groups = np.clip(np.arange(len(wanted)), first, last) - first
    return float(stats.chisquare(np.bincount(groups, counts), np.bincount(groups, wanted)).pvalue)


def skellam_pmf(variance: Fraction, reach: int) -> NDArray[np.float64]:
    half = float(variance / 2)
    return np.asarray(stats.skellam.pmf(np.arange(-reach, reach + 1), half, half))


@pytest.mark.parametrize("variance", ["0.05", "0.5", "0.97", "3.3"])
def test_draws_have_the_skellam_distribution(variance: str) -> None:
    drawn = draw_skellam(Fraction(variance), 20_000)
    assert p_value(drawn, skellam_pmf(Fraction(variance), 40), -40) > REJECT


@pytest.mark.parametrize("mean", ["0.1", "0.5", "1.7"])
def test_draws_have_the_poisson_distribution(mean: str) -> None:
    drawn = np.array([poisson(Fraction(mean)) for _ in range(20_000)])
    assert p_value(drawn, np.asarray(stats.poisson.pmf(np.arange(30), float(mean))), 0) > REJECT


@pytest.mark.long
@pytest.mark.parametrize("variance", ["0.05", "0.97"])
def test_a_million_draws_have_the_skellam_distribution(variance: str) -> None:
    drawn = draw_skellam(Fraction(variance), 1_000_000)
    assert p_value(drawn, skellam_pmf(Fraction(variance), 40), -40) > REJECT


def test_the_test_tells_a_variance_that_is_a_tenth_off() -> None:
    drawn = draw_skellam(Fraction("0.87"), 20_000)
    assert p_value(drawn, skellam_pmf(Fraction("0.97"), 40), -40) < REJECT


def test_shares_of_parties_add_up_to_skellam_of_the_sum() -> None:
    total = sum(draw_skellam(Fraction("0.2"), 10_000) for _ in range(5))
    assert p_value(np.asarray(total), skellam_pmf(Fraction(1), 40), -40) > REJECT


@pytest.mark.parametrize("variance", ["0", "-1", "64.1"])
def test_what_cannot_be_drawn_is_refused(variance: str) -> None:
    with pytest.raises(NoiseRefused):
        draw_skellam(Fraction(variance), 1)
