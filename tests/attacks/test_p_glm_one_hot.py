"""P: a column that singles out one person, plain or in disguise: its coefficient is that person's outcome.

DataSHIELD's known weakness (dsBase 250). Naive way: the model is fitted and handed over; with the column of a target the
coefficient and the intercept add up to the outcome. Ours: the domain counts who differs in each column, and bounds the share
that anybody has of any combination of columns; disguises fall to the second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from enclaves.training.horizontal import Domain, Plan
from enclaves.training.vertical import VerticalPlan
from policies.glm.errors import GlmWithheld
from policies.glm.families import Floats
from policies.glm.specification import Column, Family, Specification
from tests.enclaves.training.columns import Table, seated
from tests.enclaves.training.parties import Rows, train

PEOPLE, TARGETS = 2_000, 200
DISGUISES = ("plain", "complement", "difference", "jitter", "three")


@cache
def town() -> tuple[Floats, Floats]:
    """Age, which everybody knows, and the secret: admitted or not."""
    dice = np.random.default_rng(20261102)
    age = dice.uniform(0, 90, PEOPLE)
    return age, (dice.random(PEOPLE) < 0.1 + 0.4 * (age > 60)).astype(float)


def columns(kind: str, target: int) -> tuple[Floats, Floats]:
    """Columns for the target, and the combination of (intercept, columns) that is one for the target alone."""
    age, _ = town()
    hot = np.zeros(PEOPLE)
    hot[target] = 1.0
    old = (age > 45).astype(float)
    match kind:
        case "plain":
            return hot[:, None], np.array([1.0, 1.0])
        case "complement":
            return 1 - hot[:, None], np.array([1.0, 0.0])
        case "difference":
            moved = old.copy()
            moved[target] = 1 - moved[target]
            return np.column_stack([old, moved]), np.array([1.0, old[target], moved[target]])
        case "jitter":
            jitter = np.random.default_rng(target).normal(size=PEOPLE) * 1e-4
            column = hot + jitter
            return column[:, None], np.array([1.0, column[target]])
        case "three":
            a, b = age / 90, np.cos(age)
            return np.column_stack([a, b, a + b + hot]), np.array(
                [1.0, a[target], b[target], (a + b)[target] + 1]
            )
    raise AssertionError(kind)


def naive(kind: str, target: int) -> float:
    """The target's outcome as least squares without rules tells it."""
    features, at = columns(kind, target)
    design = np.column_stack([np.ones(PEOPLE), features])
    return float(at @ np.linalg.lstsq(design, town()[1], rcond=None)[0])


def plan(features: Floats, family: Family = Family.LINEAR) -> Plan:
    names = tuple(
        Column(f"x{j}", float(column.min()) - 1e-9, float(column.max()) + 1e-9)
        for j, column in enumerate(features.T)
    )
    return Plan(Specification(family, Column("y", 0.0, 1.0), names), 2, PEOPLE)


def ours(kind: str, target: int) -> float | None:
    """The same from a run of ours; None if it is withheld."""
    features, at = columns(kind, target)
    rows = Rows(features, town()[1], np.arange(PEOPLE))
    try:
        found = train(plan(features), rows.split(2))
    except GlmWithheld:
        return None
    return float(at @ np.array(found.coefficients))


def right(kind: str, seen: list[float | None], targets: list[int]) -> float:
    """The share of targets told rightly; who is told nothing guesses the most frequent outcome."""
    secret = town()[1]
    guess = float(secret.mean() > 0.5)
    read = [guess if one is None else float(one > 0.5) for one in seen]
    return float(np.mean([one == secret[target] for one, target in zip(read, targets, strict=True)]))


def baseline(targets: list[int]) -> float:
    secret = town()[1][targets]
    return float((secret == float(town()[1].mean() > 0.5)).mean())


@pytest.mark.parametrize("kind", DISGUISES)
def test_the_naive_way_tells_every_target(kind: str) -> None:
    targets = list(range(0, TARGETS, 4))
    assert right(kind, [naive(kind, target) for target in targets], targets) == 1.0


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize("kind", DISGUISES)
def test_ours_withholds_every_disguise_and_gains_nothing(kind: str) -> None:
    targets = list(range(0, TARGETS, 20))
    seen = [ours(kind, target) for target in targets]
    assert seen == [None] * len(targets)
    assert right(kind, seen, targets) == baseline(targets) < 0.9


def test_groups_of_four_are_withheld_and_of_many_are_not() -> None:
    _, secret = town()
    for size, withheld in ((4, True), (400, False)):
        column = (np.arange(PEOPLE) < size).astype(float)[:, None]

        def domain(column: Floats = column) -> Domain:
            return Domain(plan(column), features=column, outcome=secret, persons=np.arange(PEOPLE))

        if withheld:
            with pytest.raises(GlmWithheld):
                domain()
        else:
            domain()


def test_a_domain_that_holds_the_column_keeps_it_from_a_model_over_split_columns() -> None:
    age, secret = town()
    hot, _ = columns("plain", 11)
    rows = Rows(np.column_stack([age, hot]), secret, np.arange(PEOPLE))
    spec = Specification(
        Family.LOGISTIC, Column("y", 0.0, 1.0), (Column("age", 0.0, 90.0), Column("hot", 0.0, 1.0))
    )
    with pytest.raises(GlmWithheld):
        seated(VerticalPlan(spec, (("age",), ("hot",)), PEOPLE), rows, Table(2))
