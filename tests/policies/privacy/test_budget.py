"""The budget rule: what fits, what an owner may do to it, and the laws it keeps."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.privacy.budget import (
    LARGEST,
    PERSON_RHO,
    PERSON_WINDOW_DAYS,
    SCENARIO_RHO,
    SCENARIO_WINDOW_DAYS,
    BudgetExhausted,
    Budgets,
    Remaining,
    Spent,
    can_debit,
    debit,
    remaining,
)
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import QUERY_RHO, RHO_UNIT

rhos = st.integers(1, 10**8).map(lambda units: units * RHO_UNIT)
spents = st.builds(
    Spent,
    st.integers(0, 10**8).map(lambda units: units * RHO_UNIT),
    st.integers(0, 5 * 10**8).map(lambda units: units * RHO_UNIT),
)


def test_the_defaults_are_those_of_the_specification() -> None:
    assert (Fraction(1, 200), Fraction(1, 10), Fraction(1, 2)) == (QUERY_RHO, SCENARIO_RHO, PERSON_RHO)
    assert remaining(Spent()).repeats(QUERY_RHO) == 20


@pytest.mark.parametrize(
    ("scenario", "person", "rho", "fits"),
    [
        ("0", "0", "0.1", True),
        ("0", "0", "0.100000001", False),
        ("0.095", "0", "0.005", True),
        ("0.095", "0", "0.005000001", False),
        ("0", "0.495", "0.005", True),
        ("0", "0.495", "0.005000001", False),
        ("0.1", "0.1", "0.000000001", False),
        ("0", "0.5", "0.000000001", False),
    ],
)
def test_a_budget_may_be_used_up_but_not_passed(scenario: str, person: str, rho: str, *, fits: bool) -> None:
    spent = Spent(Fraction(scenario), Fraction(person))
    assert can_debit(spent, rho=Fraction(rho)) is fits
    if fits:
        assert debit(spent, rho=Fraction(rho)) == Spent(
            Fraction(scenario) + Fraction(rho), Fraction(person) + Fraction(rho)
        )


def test_the_refusal_says_which_budget_and_how_much() -> None:
    with pytest.raises(BudgetExhausted, match=r"at most rho 0\.1 for a scenario in a quarter, got 0\.105"):
        debit(Spent(Fraction(1, 10), Fraction(0)), rho=QUERY_RHO)
    with pytest.raises(BudgetExhausted, match=r"at most rho 0\.5 for a person in a year, got 0\.505"):
        debit(Spent(Fraction(0), Fraction(1, 2)), rho=QUERY_RHO)
    assert BudgetExhausted.code == "privacy_budget_exhausted"


@given(spents, rhos, st.integers(1, 20))
def test_splitting_a_release_never_allows_more(spent: Spent, rho: Fraction, parts: int) -> None:
    whole, rest = divmod(int(rho / RHO_UNIT), parts)
    pieces = [piece * RHO_UNIT for piece in [whole] * (parts - 1) + [whole + rest] if piece]
    after: Spent | None = spent
    for piece in pieces:
        after = debit(after, rho=piece) if after and can_debit(after, rho=piece) else None
    assert (after is not None) == can_debit(spent, rho=rho)
    assert after is None or after == debit(spent, rho=rho)


@given(spents, rhos)
def test_a_debit_never_goes_back(spent: Spent, rho: Fraction) -> None:
    if not can_debit(spent, rho=rho):
        return
    before, after = remaining(spent), remaining(debit(spent, rho=rho))
    assert (before.scenario - after.scenario, before.person - after.person) == (rho, rho)


@given(spents, rhos)
def test_what_remains_is_exactly_what_still_fits(spent: Spent, rho: Fraction) -> None:
    left = remaining(spent)
    assert can_debit(spent, rho=rho) == (rho <= left.rho) == (left.repeats(rho) >= 1)


@given(spents, rhos, st.fractions(0, 1), st.fractions(0, 1))
def test_a_tightened_budget_never_allows_more(spent: Spent, rho: Fraction, a: Fraction, b: Fraction) -> None:
    tight = Budgets(SCENARIO_RHO * a, PERSON_RHO * b)
    assert not can_debit(spent, rho=rho, budgets=tight) or can_debit(spent, rho=rho)


@pytest.mark.parametrize(("scenario", "person"), [("0.11", "0.5"), ("0.1", "0.51"), ("-0.1", "0.5")])
def test_an_owner_may_only_tighten(scenario: str, person: str) -> None:
    with pytest.raises(PrivacyInvalid):
        Budgets(Fraction(scenario), Fraction(person))


def test_nothing_is_left_when_a_budget_was_tightened_below_what_is_spent() -> None:
    tight = Budgets(Fraction(1, 100), Fraction(1, 100))
    assert remaining(Spent(Fraction(1, 20), Fraction(1, 20)), tight) == Remaining(Fraction(0), Fraction(0))


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(-1, 10), Fraction(1, 3)])
def test_a_debit_of_no_valid_rho_is_refused_not_answered(rho: Fraction) -> None:
    with pytest.raises(PrivacyInvalid):
        can_debit(Spent(), rho=rho, budgets=LARGEST)


@pytest.mark.parametrize("rho", [Fraction(-1, 10), Fraction(1, 3)])
def test_how_often_no_valid_rho_fits_is_not_answered(rho: Fraction) -> None:
    with pytest.raises(PrivacyInvalid):
        remaining(Spent()).repeats(rho)


def test_the_windows_are_a_long_quarter_and_a_year() -> None:
    assert (SCENARIO_WINDOW_DAYS, PERSON_WINDOW_DAYS) == (31 + 31 + 30, 365)


def test_nothing_negative_was_ever_spent() -> None:
    with pytest.raises(PrivacyInvalid):
        Spent(Fraction(-1), Fraction(0))


@given(
    st.fractions(0, LARGEST.scenario, max_denominator=1000),
    st.fractions(0, LARGEST.scenario, max_denominator=1000),
)
def test_of_two_budgets_the_smaller_holds(one: Fraction, other: Fraction) -> None:
    both = Budgets(scenario=one).tightest(Budgets(scenario=other, person=Fraction(1, 4)))
    assert both == Budgets(scenario=min(one, other), person=Fraction(1, 4))
