"""Steps of a fit at the gate, and what a fit says in the units of its columns."""

from __future__ import annotations

import numpy as np
import pytest

from policies.glm import families, fitting
from policies.glm.errors import GlmDiverged, GlmInvalid, GlmWithheld
from policies.glm.fit import fit, unscaling
from policies.glm.fitting import Best, NoiseSizes, Round, Settled
from policies.glm.specification import Column, Family, Specification
from policies.glm.statistics import Statistics

SPEC = Specification(Family.LOGISTIC, Column("y", 0, 1), (Column("x", 10, 30),))


def sums(deviance: float = 100.0, score: float = 1.0, rows: int = 400) -> Statistics:
    information = np.array([[90.0, 10], [10, 40]])
    return Statistics(information, np.array([score, 0.0]), deviance, 100.0, 0.0, rows)


def test_a_rise_of_the_deviance_goes_halfway_back() -> None:
    best = Best(np.zeros(2), 90.0)
    after = fitting.advance(SPEC, Round(3, np.array([2.0, 4.0]), best), sums(deviance=91.0))
    assert isinstance(after, Round)
    np.testing.assert_array_equal(after.coefficients, [1, 2])
    assert after.best is best
    assert after.number == 4


def test_a_rise_by_rounding_is_none() -> None:
    asked = Round(3, np.ones(2), Best(np.zeros(2), sums().deviance * (1 - 1e-7)))
    assert isinstance(fitting.advance(SPEC, asked, sums(score=1e-9), tolerance=2e-5), Settled)
    assert isinstance(fitting.advance(SPEC, asked, sums(score=1e-9)), Round)


def test_a_fall_of_the_deviance_takes_newtons_step() -> None:
    asked = Round(3, np.array([2.0, 4.0]), Best(np.zeros(2), 101.0))
    after = fitting.advance(SPEC, asked, sums())
    assert isinstance(after, Round)
    np.testing.assert_allclose(after.coefficients - [2, 4], np.linalg.solve(sums().information, [1, 0]))


def test_a_fit_that_moves_no_more_has_settled() -> None:
    assert isinstance(fitting.advance(SPEC, Round(2, np.ones(2)), sums(score=1e-9)), Settled)


def test_round_one_never_settles() -> None:
    assert isinstance(fitting.advance(SPEC, fitting.first(SPEC), sums(score=0.0)), Round)


def test_a_fit_that_does_not_settle_within_its_rounds_is_none() -> None:
    with pytest.raises(GlmDiverged):
        fitting.advance(SPEC, Round(25, np.ones(2)), sums(score=50.0))


def test_under_noise_every_round_is_run_and_none_more() -> None:
    noise = NoiseSizes(0.1, 0.1)
    assert isinstance(fitting.advance(SPEC, Round(24, np.ones(2)), sums(score=0.0), noise=noise), Round)
    assert isinstance(fitting.advance(SPEC, Round(25, np.ones(2)), sums(score=90.0), noise=noise), Settled)


def test_a_matrix_of_noise_is_still_inverted_and_not_larger_than_noise_allows() -> None:
    noise = NoiseSizes(5.0, 5.0)
    inverse = fitting.inverted(np.array([[1.0, 3.0], [3.0, 1.0]]), noise=noise)
    assert np.linalg.eigvalsh(inverse).max() <= 1 / (2 * 5 * 2**0.5) + 1e-12


@pytest.mark.parametrize("matrix", [[[1.0, 1], [1, 1]], [[0.0, 0], [0, 1]], [[1.0, 2], [2, 1]]])
def test_dependent_columns_have_no_inverse(matrix: list[list[float]]) -> None:
    with pytest.raises(GlmDiverged):
        fitting.inverted(np.array(matrix))


def test_sums_of_no_rows_are_refused() -> None:
    with pytest.raises(GlmInvalid):
        fitting.advance(SPEC, fitting.first(SPEC), sums(rows=0))


def test_unscaling_inverts_scaling() -> None:
    x = np.array([[12.0], [25.0], [30.0]])
    gamma = np.array([0.5, -2.0])
    beta = unscaling(SPEC) @ gamma
    np.testing.assert_allclose(SPEC.design(x) @ gamma, beta[0] + x[:, 0] * beta[1])


@pytest.mark.parametrize("rows", [9, 6])
def test_a_fit_of_few_rows_is_withheld(rows: int) -> None:
    with pytest.raises(GlmWithheld):
        fit(SPEC, Settled(np.zeros(2), sums(rows=rows), 3))


def test_a_fit_says_how_many_persons_it_is_of_at_least() -> None:
    spec = Specification(SPEC.family, SPEC.outcome, SPEC.features, rows_per_person=3)
    found = fit(spec, Settled(np.zeros(2), sums(), 3))
    assert (found.rows, found.least_persons) == (400, 134)


def test_a_logistic_null_deviance_is_that_of_the_mean() -> None:
    expected = -2 * (100 * np.log(0.25) + 300 * np.log(0.75))
    found = families.null_deviance(Family.LOGISTIC, rows=400, outcome=100, saturated=0)
    assert found == pytest.approx(expected)
