"""Which rows may take part, decided by the domain alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.glm.admission import (
    check_columns,
    check_enough,
    check_eta,
    check_leverage,
    check_rows,
    leverages,
)
from policies.glm.errors import GlmInvalid, GlmWithheld


def town(people: int, columns: int = 2, seed: int = 1):  # type: ignore[no-untyped-def]  # Three arrays.
    dice = np.random.default_rng(seed)
    design = np.column_stack([np.ones(people), dice.uniform(-1, 1, (people, columns))])
    return design, (dice.random(people) < 0.4).astype(float), np.arange(people)


def can_enter(design, response, persons) -> bool:  # type: ignore[no-untyped-def]  # Arrays.
    try:
        check_rows(design, response, persons=persons, lowest=0.0)
    except GlmWithheld:
        return False
    return True


@pytest.mark.parametrize(("people", "enters"), [(49, False), (50, True)])
def test_a_domain_has_at_least_fifty_persons(people: int, enters: bool) -> None:
    assert can_enter(*town(people)) is enters


def test_persons_are_counted_and_not_rows() -> None:
    design, response, _ = town(98)
    assert not can_enter(design, response, np.arange(98) // 2)


@pytest.mark.parametrize(("parameters", "enters"), [(66, True), (67, False)])
def test_coefficients_are_at_most_a_third_of_persons(parameters: int, enters: bool) -> None:
    design, _, persons = town(200)
    if enters:
        check_columns(design, persons=persons, parameters=parameters)
    else:
        with pytest.raises(GlmWithheld):
            check_columns(design, persons=persons, parameters=parameters)


@pytest.mark.parametrize(("different", "enters"), [(0, True), (1, False), (4, False), (8, True)])
def test_those_who_differ_in_a_column_are_nobody_or_enough(different: int, enters: bool) -> None:
    design, response, persons = town(400)
    response = (np.arange(400) % 400 >= 200).astype(float)
    design[:, 2] = -1.0
    design[:different, 2] = 1.0
    assert can_enter(design, response, persons) is enters


def test_the_least_group_is_five() -> None:
    for persons in (0, 5, 6):
        check_enough(persons)
    for persons in (1, 4):
        with pytest.raises(GlmWithheld):
            check_enough(persons)


@pytest.mark.parametrize(("both", "enters"), [(0, True), (4, False), (5, True)])
def test_cells_of_a_column_and_the_outcome_are_empty_or_five(both: int, enters: bool) -> None:
    design, response, persons = town(400)
    design[:, 2] = -1.0
    design[:50, 2] = 1.0
    response = np.zeros(400)
    response[:both] = 1.0
    response[300:] = 1.0
    assert can_enter(design, response, persons) is enters


def test_a_rare_outcome_is_withheld() -> None:
    design, response, persons = town(400)
    response[:] = 0
    response[:3] = 1
    assert not can_enter(design, response, persons)


@pytest.mark.parametrize(("his", "enters"), [(140.0, True), (160.0, False)])
def test_nobody_has_more_than_sixty_percent_of_the_outcomes(his: float, enters: bool) -> None:
    design, response, persons = town(200)
    response = (np.arange(200) % 2).astype(float)
    response[0] = his
    assert can_enter(design, response, persons) is enters


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 10**6))
def test_no_combination_of_columns_singles_out_fewer_than_five(few: int, columns: int, seed: int) -> None:
    """Columns of any look, of which one hidden combination is zero for all but a few persons, are never admitted."""
    design, response, persons = town(300, columns, seed)
    dice = np.random.default_rng(seed + 1)
    singled = np.zeros(300)
    singled[dice.choice(300, few, replace=False)] = dice.uniform(0.1, 1, few)
    design[:, -1] = design[:, :-1] @ dice.uniform(-1, 1, columns) + singled
    assert not can_enter(design, response, persons)


@given(st.integers(0, 10**6))
def test_leverage_is_the_largest_share_of_any_direction(seed: int) -> None:
    design, _, persons = town(60, 3, seed)
    found = leverages(design, np.ones(60), persons=persons)
    directions = np.random.default_rng(seed).normal(size=(4, 200))
    shares = (design @ directions) ** 2 / ((design @ directions) ** 2).sum(axis=0)
    assert (shares.max(axis=1) <= found + 1e-12).all()
    best = np.linalg.solve(design.T @ design, design.T)
    reached = (design * best.T).sum(axis=1)
    np.testing.assert_allclose(found, reached, rtol=1e-9)


def test_a_column_that_is_constant_here_may_take_part() -> None:
    design, response, persons = town(100)
    design[:, 1] = 0.5
    assert can_enter(design, response, persons)


def test_weights_that_leave_one_person_are_withheld() -> None:
    design, _, persons = town(100)
    weights = np.full(100, 1e-9)
    weights[3] = 1.0
    with pytest.raises(GlmWithheld):
        check_leverage(design, weights, persons=persons)
    check_leverage(design, np.ones(100), persons=persons, limit=Fraction(1, 2))


@pytest.mark.parametrize("eta", [[0, 31], [-31, 0], [np.nan, 0], [np.inf, 0]])
def test_predictors_out_of_range_are_withheld(eta: list[float]) -> None:
    with pytest.raises(GlmWithheld):
        check_eta(np.array(eta), (-30, 30))


@pytest.mark.parametrize("persons", [[0, 2], [1, 2], [0]])
def test_persons_are_numbered_without_gaps(persons: list[int]) -> None:
    with pytest.raises(GlmInvalid):
        leverages(np.ones((2, 1)), np.ones(2), persons=np.array(persons))
