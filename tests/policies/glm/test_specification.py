"""What may be fitted, and how columns are scaled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.glm.errors import GlmInvalid
from policies.glm.specification import Column, Family, Specification

X = Column("x", -2.0, 6.0)


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_scaled_values_lie_within_one(values: list[float], lo: float, width: float) -> None:
    scaled = Column("x", lo, lo + width).scaled(np.array(values))
    assert (np.abs(scaled) <= 1).all()


def test_bounds_are_mapped_to_one_and_what_lies_beyond_is_clipped() -> None:
    np.testing.assert_array_equal(X.scaled(np.array([-9.0, -2, 2, 6, np.inf])), [-1, -1, 0, 1, 1])


@pytest.mark.parametrize(("lo", "hi"), [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_bounds_that_are_none_are_refused(lo: float, hi: float) -> None:
    with pytest.raises(GlmInvalid):
        Column("x", lo, hi)


@pytest.mark.parametrize(
    ("family", "lo", "hi"),
    [("logistic", 0, 2), ("logistic", -1, 1), ("poisson", 1, 5), ("poisson", 0, 2.5), ("poisson", 0, 10_001)],
)
def test_outcomes_have_the_bounds_of_their_family(family: str, lo: float, hi: float) -> None:
    with pytest.raises(GlmInvalid):
        Specification(Family(family), Column("y", lo, hi), (X,))


@pytest.mark.parametrize(
    "more",
    [{"ridge": -1.0}, {"ridge": float("nan")}, {"rounds": 1}, {"rounds": 26}, {"rows_per_person": 0}],
)
def test_parameters_out_of_range_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(GlmInvalid):
        Specification(Family.LINEAR, Column("y", 0, 1), (X,), **more)  # type: ignore[arg-type]  # A table of both kinds.


def test_a_column_stands_once_in_a_model() -> None:
    with pytest.raises(GlmInvalid):
        Specification(Family.LINEAR, Column("x", 0, 1), (X,))


@pytest.mark.parametrize(
    ("family", "hi", "values"),
    [("logistic", 1, [0, 0.5]), ("logistic", 1, [0, 2]), ("poisson", 9, [1.5]), ("poisson", 9, [np.nan])],
)
def test_outcomes_that_a_family_does_not_have_are_refused(
    family: str, hi: float, values: list[float]
) -> None:
    specification = Specification(Family(family), Column("y", 0, hi), (X,))
    with pytest.raises(GlmInvalid):
        specification.response(np.array(values, dtype=float))


def test_a_row_with_a_missing_value_is_refused() -> None:
    specification = Specification(Family.LINEAR, Column("y", 0, 1), (X,))
    with pytest.raises(GlmInvalid):
        specification.design(np.array([[1.0], [np.nan]]))


def test_the_intercept_comes_first_and_is_not_penalized() -> None:
    specification = Specification(Family.LINEAR, Column("y", 0, 1), (X,), ridge=3.0)
    np.testing.assert_array_equal(specification.design(np.array([[6.0]])), [[1, 1]])
    np.testing.assert_array_equal(specification.penalty(), [0, 3])
    assert specification.names == ("(intercept)", "x")
