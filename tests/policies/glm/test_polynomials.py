"""Polynomials that stand for the logistic function and its kin."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import chebyshev

from policies.glm.errors import GlmInvalid
from policies.glm.polynomials import logistic, polynomials


@pytest.mark.parametrize(("reach", "degree"), [(2.0, 16), (6.0, 32), (12.0, 64), (14.0, 64), (24.0, 128)])
def test_each_polynomial_meets_its_function_everywhere_in_reach(reach: float, degree: int) -> None:
    found = polynomials(reach)
    t = np.linspace(-1, 1, 4001)
    eta = reach * t
    assert found.degree == degree
    assert np.abs(chebyshev.chebval(t, found.mean) - logistic(eta)).max() <= 1e-6
    assert np.abs(chebyshev.chebval(t, found.weight) - logistic(eta) * logistic(-eta)).max() <= 2e-6
    assert np.abs(chebyshev.chebval(t, found.softplus) - np.logaddexp(0, eta)).max() <= 1e-6


def test_coefficients_leave_room_in_the_ring() -> None:
    """What `enclaves.training.sharing` rests on: Σ|a_k| below 2^6, as values have 2·28 binary places below 2^62."""
    for reach in (1.0, 6.0, 12.0, 24.0):
        found = polynomials(reach)
        for each in (found.mean, found.weight, found.softplus):
            assert np.abs(each).sum() < 2**6


@pytest.mark.parametrize("reach", [0.5, 24.1, float("nan")])
def test_a_reach_that_no_polynomial_covers_is_refused(reach: float) -> None:
    with pytest.raises(GlmInvalid):
        polynomials(reach)
