"""P: a model with as many coefficients as people is the data: every fitted value is somebody's outcome.

Naive way: the least squares of whatever was asked for is solved and handed over, and the coefficients give back each
outcome. Ours: each domain counts coefficients a person and the share that a person has of any combination of columns, and
takes no part; nobody's outcome is told.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from enclaves.training.horizontal import Plan
from policies.glm.errors import GlmInvalid, GlmWithheld
from policies.glm.families import Floats
from policies.glm.specification import Column, Family, Specification
from tests.enclaves.training.parties import Rows, train

PEOPLE, PARTIES = 120, 2
GUESS = 0.5
"""An outcome counts as told if it is met within this many yuan of a range of ten thousand."""


@cache
def people() -> Rows:
    dice = np.random.default_rng(20261101)
    return Rows(dice.normal(size=(PEOPLE, 1)), np.rint(dice.uniform(0, 10_000, PEOPLE)), np.arange(PEOPLE))


def columns(kind: str) -> Floats:
    """Feature columns that the attacker knows of everybody, besides the intercept."""
    dice = np.random.default_rng(7)
    ids = np.arange(PEOPLE)
    match kind:
        case "random":
            return dice.uniform(-1, 1, (PEOPLE, PEOPLE - 1))
        case "powers":
            return np.cos(np.outer(np.arccos(ids / PEOPLE * 1.9 - 0.95), np.arange(1, 60)))
        case "households":
            # Two people each, of whom one is the attacker's.
            return (ids[:, None] // 2 == np.arange(1, PEOPLE // 2)[None, :]).astype(float)
        case "half":
            return dice.uniform(-1, 1, (PEOPLE, PEOPLE // 2))
    raise AssertionError(kind)


def naive(features: Floats) -> Floats:
    """What everybody's outcome looks like from least squares without rules: the fitted values."""
    design = np.column_stack([np.ones(PEOPLE), features])
    solution = np.linalg.lstsq(design, people().outcome, rcond=None)[0]
    return design @ solution


def ours(features: Floats) -> Floats | None:
    """The same from a run of ours, or None if no domain answers; columns in groups that a model may have."""
    rows = Rows(features, people().outcome, people().persons)
    names = tuple(Column(f"x{j}", -1.0, 1.0) for j in range(features.shape[1]))
    spec = Specification(Family.LINEAR, Column("y", 0.0, 10_000.0), names)
    try:
        found = train(Plan(spec, PARTIES, PEOPLE), rows.split(PARTIES))
    except GlmWithheld:
        return None
    return np.column_stack([np.ones(PEOPLE), features]) @ np.array(found.coefficients)


def told(seen: Floats | None) -> float:
    """The share of people whose outcome is told."""
    return 0.0 if seen is None else float((np.abs(seen - people().outcome) < GUESS).mean())


def test_the_naive_way_tells_every_outcome() -> None:
    assert told(naive(columns("random"))) == 1.0


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize("kind", ["powers", "households", "half"])
def test_no_domain_of_ours_takes_part(kind: str) -> None:
    features = columns(kind)[:, :60]
    assert ours(features) is None
    assert told(ours(features)) == 0.0


def test_a_saturated_model_is_not_even_a_specification() -> None:
    with pytest.raises(GlmInvalid, match="expected an outcome and 1 to 64 features"):
        ours(columns("random"))


def test_households_of_two_tell_the_other_one_in_the_naive_variant() -> None:
    mean = naive(columns("households"))
    own = people().outcome[0::2]
    assert told(np.column_stack([own, 2 * mean[1::2] - own]).ravel()) == 1.0


def test_an_honest_model_of_the_same_people_is_answered_and_tells_nobody() -> None:
    seen = ours(np.clip(people().features, -1, 1))
    assert seen is not None
    assert told(seen) <= 1 / PEOPLE
