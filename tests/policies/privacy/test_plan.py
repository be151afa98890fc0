"""One release's rho, divided among its measures."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.privacy.accuracy import half_width
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.plan import plan
from policies.privacy.sensitivity import Measure, count, l2_squared
from policies.privacy.zcdp import QUERY_RHO, RHO_UNIT, compose, cost

rhos = st.integers(100, 10**8).map(lambda units: units * RHO_UNIT)
measures = st.lists(
    st.builds(
        Measure,
        st.just("m"),
        st.just(Fraction(0)),
        st.integers(1, 10**6).map(Fraction),
        rows=st.integers(1, 50),
    ),
    min_size=1,
    max_size=10,
)


@given(measures, rhos, st.integers(1, 20))
def test_what_the_measures_cost_together_is_exactly_rho(
    given_measures: list[Measure], rho: Fraction, groups: int
) -> None:
    noises = plan(given_measures, groups=groups, rho=rho)
    assert compose(noise.rho for noise in noises) == rho
    assert compose(cost(l2_squared([noise.measure], groups=groups), noise.sigma2) for noise in noises) == rho


@given(measures, rhos, rhos)
def test_more_rho_never_increases_any_noise(
    given_measures: list[Measure], one: Fraction, other: Fraction
) -> None:
    less, more = (plan(given_measures, groups=1, rho=rho) for rho in sorted((one, other)))
    assert all(m.sigma2 <= f.sigma2 for m, f in zip(more, less, strict=True))


def test_one_count_at_the_default_is_off_by_at_most_twenty() -> None:
    (noise,) = plan([count("persons")], groups=1, rho=QUERY_RHO)
    assert (noise.sigma2, half_width(noise.sigma2)) == (Fraction(100), 20)


def test_a_person_in_more_cells_needs_more_noise_in_each() -> None:
    (one,), (four,) = (plan([count("persons")], groups=groups, rho=QUERY_RHO) for groups in (1, 4))
    assert four.sigma2 == 4 * one.sigma2


def test_nothing_to_release_and_nothing_to_spend_are_refused() -> None:
    for given_measures, rho in (([], QUERY_RHO), ([count("a"), count("b")], RHO_UNIT)):
        with pytest.raises(PrivacyInvalid):
            plan(given_measures, groups=1, rho=rho)
