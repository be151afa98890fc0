"""How far one person moves the cells, against every person that a small world allows."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.privacy.errors import PrivacyInvalid
from policies.privacy.sensitivity import Measure, count, l2_squared

numbers = st.fractions(-1000, 1000, max_denominator=100)
bounds = st.tuples(numbers, numbers).map(sorted)


def encode(value: Fraction, scale: Fraction) -> int:
    """What a worker makes of a clipped value."""
    return round(value * scale)


@given(
    bounds,
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([Fraction(1), Fraction(100), Fraction(1, 8)]),
    st.data(),
)
def test_no_person_moves_the_cells_further_than_the_sensitivity(
    given_bounds: list[Fraction], rows: int, groups: int, scale: Fraction, data: st.DataObject
) -> None:
    lo, hi = given_bounds
    measures = (count("persons"), Measure("cost", lo, hi, rows=rows, scale=scale))
    values = st.lists(st.fractions(lo, hi, max_denominator=100), min_size=0, max_size=rows)
    moved = [(1, sum(encode(v, scale) for v in data.draw(values))) for _ in range(groups)]
    flat = list(itertools.chain(*moved))
    assert sum(x * x for x in flat) <= l2_squared(measures, groups=groups)


@pytest.mark.parametrize(
    ("measure", "bound"),
    [
        (count("persons"), 1),
        (count("rows", rows=12), 12),
        (Measure("cost", Fraction(0), Fraction(5000)), 5000),
        (Measure("change", Fraction(-70), Fraction(20)), 70),
        (Measure("cost", Fraction(0), Fraction("99.995"), scale=Fraction(100)), 10_000),
        (Measure("cost", Fraction(0), Fraction(100), rows=3, scale=Fraction(2) ** 4), 4_800),
        (Measure("none", Fraction(0), Fraction(0)), 1),
    ],
)
def test_a_bound_counts_rows_scale_and_sign(measure: Measure, bound: int) -> None:
    assert measure.bound == bound


def test_sensitivity_adds_measures_and_groups_in_squares() -> None:
    measures = (count("persons"), Measure("cost", Fraction(0), Fraction(3)))
    assert l2_squared(measures, groups=4) == 4 * (1 + 9)


@pytest.mark.parametrize(
    ("lo", "hi", "rows", "scale"),
    [(1, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1_000_001, 1), (0, 1, 1, 0), (0, 1, 1, -1), (0, 2**53, 2, 1)],
)
def test_an_impossible_measure_is_refused(lo: int, hi: int, rows: int, scale: int) -> None:
    with pytest.raises(PrivacyInvalid):
        Measure("m", Fraction(lo), Fraction(hi), rows=rows, scale=Fraction(scale))


@pytest.mark.parametrize("groups", [0, -1, 501])
def test_a_person_stands_in_a_bounded_number_of_cells(groups: int) -> None:
    with pytest.raises(PrivacyInvalid):
        l2_squared((count("persons"),), groups=groups)
