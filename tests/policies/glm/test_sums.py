"""Row terms, their bounds, the fixed point, and how far one person moves a sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.glm import families
from policies.glm.errors import GlmInvalid
from policies.glm.families import at, bounds, eta_range, saturated, start
from policies.glm.privacy import protection, sensitivity
from policies.glm.scales import Block, scales
from policies.glm.specification import Column, Family, Specification
from policies.glm.statistics import contribution, opened

KINDS = {Family.LINEAR: (-1.0, 1.0), Family.LOGISTIC: (0.0, 1.0), Family.POISSON: (0.0, 40.0)}


def specified(family: Family, features: int = 3, **more: int) -> Specification:
    lo, hi = KINDS[family]
    columns = tuple(Column(f"x{j}", -1, 1) for j in range(features))
    return Specification(family, Column("y", lo, hi), columns, **more)


def rows(family: Family, seed: int, count: int, features: int = 3):  # type: ignore[no-untyped-def]  # Three arrays.
    dice = np.random.default_rng(seed)
    lo, hi = KINDS[family]
    response = (
        dice.uniform(lo, hi, count) if family is Family.LINEAR else dice.integers(0, int(hi) + 1, count) * 1.0
    )
    low, high = eta_range(specified(family))
    design = np.column_stack([np.ones(count), dice.choice([-1, 1, 0.3], (count, features))])
    return design, response, dice.uniform(low, high, count)


@pytest.mark.parametrize("family", list(Family))
def test_scores_are_the_slope_of_the_deviance_and_weights_that_of_scores(family: Family) -> None:
    _, response, eta = rows(family, 1, 50)
    eta = np.clip(eta, -3, 3)
    step = 1e-5
    above, below = at(family, response, eta + step), at(family, response, eta - step)
    here = at(family, response, eta)
    np.testing.assert_allclose(
        (below.deviance - above.deviance) / (4 * step), here.score, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose((below.score - above.score) / (2 * step), here.weight, rtol=1e-5, atol=1e-6)


@settings(max_examples=60)
@given(st.sampled_from(list(Family)), st.integers(0, 10**6), st.booleans())
def test_no_row_in_range_exceeds_its_bounds(family: Family, seed: int, private: bool) -> None:
    specification = specified(family)
    _, response, eta = rows(family, seed, 200)
    low, high = eta_range(specification, private=private)
    eta = np.clip(np.concatenate([eta[:-2], [low, high]]), low, high)
    limit = bounds(specification, private=private)
    for terms in (at(family, response, eta), start(family, response)):
        assert (np.abs(terms.weight) <= limit.weight).all()
        assert (np.abs(terms.score) <= limit.score * (1 + 1e-12)).all()
        assert (np.abs(terms.deviance) <= limit.deviance * (1 + 1e-12)).all()
    assert (np.abs(response) <= limit.outcome).all()
    assert (np.abs(saturated(family, response)) <= limit.saturated).all()


@given(
    st.sampled_from(list(Family)),
    st.integers(1, 2**31),
    st.integers(1, 10_000),
)
def test_a_fixed_point_that_is_granted_leaves_headroom(family: Family, count: int, highest: int) -> None:
    outcome = Column("y", 0, highest) if family is Family.POISSON else Column("y", 0, 1)
    specification = Specification(family, outcome, (Column("x", 0, 1),))
    try:
        found = scales(specification, rows=count)
    except GlmInvalid:
        assert family is Family.POISSON
        assert count > 10**6
        return
    for block in Block:
        assert count * found.largest(block) < 2**63
        more = 2 * count * found.largest(block)
        assert block is Block.ROWS or found.places[block] == 30 or more >= 2**62


def test_a_usual_run_has_thirty_binary_places() -> None:
    found = scales(specified(Family.LOGISTIC), rows=20_000)
    assert {found.places[block] for block in Block if block is not Block.ROWS} == {30}
    assert found.places[Block.ROWS] == 0


@pytest.mark.parametrize("count", [0, 2**31 + 1])
def test_runs_without_rows_or_with_too_many_are_refused(count: int) -> None:
    with pytest.raises(GlmInvalid):
        scales(specified(Family.LINEAR), rows=count)


def vector(family: Family, design, response, eta, found):  # type: ignore[no-untyped-def]  # Arrays.
    terms = at(family, response, eta)
    return contribution(design, terms, outcome=response, saturated=saturated(family, response), scales=found)


@settings(max_examples=60)
@given(st.sampled_from(list(Family)), st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_a_person_moves_the_sums_by_no_more_than_the_sensitivity(
    family: Family, seed: int, theirs: int, private: bool
) -> None:
    specification = specified(family)
    found = scales(specification, rows=1000, private=private)
    design, response, eta = rows(family, seed, 40)
    eta = np.clip(eta, *eta_range(specification, private=private))
    moved = vector(family, design, response, eta, found) - vector(
        family, design[theirs:], response[theirs:], eta[theirs:], found
    )
    at_slot = 0
    for block in Block:
        cells = found.cells(block)
        part = [int(v) for v in moved[at_slot : at_slot + cells]]
        at_slot += cells
        limit = sensitivity(cells, found.largest(block), rows=theirs)
        assert sum(v * v for v in part) <= limit.l2_squared
        assert sum(abs(v) for v in part) <= limit.l1


@pytest.mark.parametrize("family", list(Family))
def test_opened_sums_are_the_sums(family: Family) -> None:
    found = scales(specified(family), rows=1000)
    design, response, eta = rows(family, 3, 300)
    eta = eta / 10
    terms = at(family, response, eta)
    sums = opened(vector(family, design, response, eta, found), found)
    np.testing.assert_allclose(sums.information, design.T @ (terms.weight[:, None] * design), atol=1e-6)
    np.testing.assert_allclose(sums.score, design.T @ terms.score, atol=1e-6)
    assert sums.deviance == pytest.approx(terms.deviance.sum(), abs=1e-6)
    assert sums.outcome == pytest.approx(response.sum(), abs=1e-6)
    assert sums.rows == 300


def test_another_number_of_slots_is_refused() -> None:
    found = scales(specified(Family.LINEAR), rows=1000)
    with pytest.raises(GlmInvalid):
        opened(np.zeros(found.slots + 1, dtype=np.int64), found)


@given(st.fractions(Fraction(1, 1000), Fraction(1, 2)), st.integers(1, 5), st.integers(1, 5))
def test_a_run_never_spends_more_than_its_rho(rho: Fraction, parties: int, each: int) -> None:
    rho = Fraction(int(rho * 10**9), 10**9)
    found = protection(
        specified(Family.LOGISTIC, rounds=5, rows_per_person=each), rho=rho, parties=parties, rows=5000
    )
    assert rho * Fraction(99, 100) <= found.spent <= rho
    for block, given_share in found.shares.items():
        limit = sensitivity(found.scales.cells(block), found.scales.largest(block), rows=each)
        honest = given_share.variance * given_share.honest
        assert Fraction(limit.l2_squared) / (2 * honest) <= found.rho[block]


def test_more_rho_means_less_noise() -> None:
    small, large = (
        protection(specified(Family.LOGISTIC, rounds=5), rho=rho, parties=3, rows=5000).sizes.score
        for rho in (Fraction(1, 100), Fraction(1, 10))
    )
    assert small == pytest.approx(large * 10**0.5, rel=0.01)


def test_the_null_deviance_of_outcomes_that_never_happen_is_zero() -> None:
    for family in (Family.LOGISTIC, Family.POISSON):
        assert families.null_deviance(family, rows=50.0, outcome=0.0, saturated=0.0) == 0
