from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.disclosure.rounding import plain, root, significant, to_base, to_places


@pytest.mark.parametrize(
    ("count", "base", "rounded"),
    [(0, 5, 0), (10, 5, 10), (12, 5, 10), (13, 5, 15), (17, 5, 15), (18, 5, 20), (15, 10, 20), (25, 10, 20)],
)
def test_counts_go_to_the_nearest_multiple(count: int, base: int, rounded: int) -> None:
    assert to_base(count, base) == rounded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("123456", "123000"),
        ("123500", "124000"),
        ("124500", "124000"),
        ("-123456", "-123000"),
        ("9996", "10000"),
        ("0.0012345", "0.00123"),
        ("12.5", "12.5"),
        ("1", "1"),
        ("99.95", "100"),
    ],
)
def test_three_significant_digits(value: str, text: str) -> None:
    assert format(significant(Fraction(value), 3), "f") == text
    assert "E" not in str(significant(Fraction(value), 3))


@given(st.fractions(), st.integers(1, 6))
def test_significant_rounds_to_the_nearest(value: Fraction, digits: int) -> None:
    rounded = significant(value, digits)
    assert len(rounded.normalize().as_tuple().digits) <= digits
    assert abs(Fraction(rounded) - value) * 2 * 10 ** (digits - 1) <= abs(value)


@given(st.integers(-(2**62), 2**62), st.integers(0, 9))
def test_plain_is_exact(value: int, scale: int) -> None:
    exact = Fraction(value, 10**scale)
    assert Fraction(plain(exact)) == exact


def test_a_root_is_close_enough_to_round() -> None:
    assert root(Fraction(0)) == 0
    assert root(Fraction(1, 4)) == Fraction(1, 2)
    assert significant(root(Fraction(2)), 12) == Decimal("1.41421356237")


def test_places_cut_what_an_outer_round_asks() -> None:
    assert to_places(Decimal("12.35"), 1) == Decimal("12.4")
    assert to_places(Decimal("12.345"), 2) == Decimal("12.34")
    assert to_places(Decimal("12.3"), 4) == Decimal("12.3")
    assert format(to_places(Decimal("-0.04"), 1), "f") == "0"
