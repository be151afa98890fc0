"""Totals and bands: the scalar definition, the vector form, the boundaries."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.banding import BandingInvalid, band, bands, bits, total, units
from policies.documents.model import PartHead
from tests.policies.decision.example import amended, whole

HEAD = PartHead(department="hospital", dataset="visits", digest="0" * 64, default=30, low=-100, high=900)
cut_points = st.sets(st.integers(-(2**12), 2**12), min_size=1, max_size=19).map(sorted)


@given(value=st.integers(-(2**13), 2**13), cuts=cut_points)
def test_a_band_is_the_number_of_cut_points_not_above_the_total(value: int, cuts: list[int]) -> None:
    expected = sum(cut <= value for cut in cuts)
    assert band(value, cuts) == expected
    assert bands(np.array([value]), cuts).tolist() == [expected]


@given(value=st.integers(-4000, 4000), cuts=cut_points)
def test_bands_never_fall_when_the_total_rises(value: int, cuts: list[int]) -> None:
    assert band(value, cuts) <= band(value + 1, cuts)


def test_a_total_at_a_cut_point_lies_above_it() -> None:
    assert [band(total, (80, 140)) for total in (79, 80, 139, 140, 141)] == [0, 1, 1, 2, 2]


@given(steps=st.lists(st.integers(-5000, 5000), min_size=1, max_size=30))
def test_units_round_halves_to_even_and_stay_in_range(steps: list[int]) -> None:
    # Quarters of a grid unit are exact in binary, so the decimal definition holds to the bit.
    partials = np.array(steps, dtype=np.float64) / 4
    rounded = [int((Decimal(step) / 4).quantize(Decimal(1), ROUND_HALF_EVEN)) for step in steps]
    expected = [min(max(value, HEAD.low), HEAD.high) for value in rounded]
    assert units(partials, HEAD, grid=1.0).tolist() == expected


def test_infinite_partials_are_clipped_and_nan_is_refused() -> None:
    assert units(np.array([np.inf, -np.inf, 1e300]), HEAD, grid=0.5).tolist() == [900, -100, 900]
    with pytest.raises(BandingInvalid):
        units(np.array([np.nan]), HEAD, grid=0.5)
    with pytest.raises(BandingInvalid):
        units(np.array([1.0]), HEAD, grid=0.0)


def test_a_department_that_is_missing_counts_with_its_default() -> None:
    model = whole().model
    assert total(model, {}) == 100 + 24 + 30 - 24
    assert total(model, {"hospital": 200}) == 100 + 24 + 200 - 24
    with pytest.raises(BandingInvalid):
        total(model, {"transport": 1})


@pytest.mark.parametrize(
    ("cuts", "expected"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5), (19, 5)]
)
def test_bits_are_the_logarithm_of_the_bands_rounded_up(cuts: int, expected: int) -> None:
    model = amended(whole().model, {"cut_points": [100 + 10 * number for number in range(cuts)]})
    assert bits(model) == expected
