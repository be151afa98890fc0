"""The town of the attacks on questions: ten thousand invented people, everybody's place in it known, one secret of each.

A person lives on one of 50 streets at one of 200 spots, so that a street and a spot single a person out; age and sex are known
as well. Secret are `ill` (one in five), as a column to filter and group by and as a number to add up, `stage` (four, the
last one rare) and `cost`. They depend on nothing that is known, so guessing is right as often as the most frequent value
is, for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tests.attacks.asking import MARGIN, Learned
from tests.attacks.held import Held

PEOPLE = 10_000
STREETS, SPOTS = 50, 200
BLOCKS, HOUSES = 500, 20
STAGES = (0.6, 0.25, 0.1, 0.05)
ILL = 0.2
Ints = NDArray[np.int64]


class Ask(Protocol):
    """Either variant's answers: rows by column name."""

    def __call__(self, sql: str) -> list[dict[str, object]]: ...


@cache
def known() -> Mapping[str, Ints]:
    """What the attacker knows of each person, by column; index is the person's number."""
    dice = np.random.default_rng(20261)
    place = dice.permutation(PEOPLE)
    return {
        "street": place // SPOTS,
        "spot": place % SPOTS,
        "block": place // HOUSES,
        "house": place % HOUSES,
        "place": place,
        "age": dice.integers(0, 100, PEOPLE),
        "sex": dice.integers(0, 2, PEOPLE),
    }


@cache
def secrets() -> Mapping[str, Ints]:
    """What it wants to know, by column."""
    dice = np.random.default_rng(20262)
    ill = (dice.random(PEOPLE) < ILL).astype(np.int64)
    stage = dice.choice(len(STAGES), size=PEOPLE, p=STAGES)
    cost = dice.integers(500, 1500, PEOPLE) + 3000 * ill
    return {"ill": ill, "stage": stage, "cost": cost}


@cache
def town() -> Held:
    """The data set."""
    place, secret = known(), secrets()
    return Held(
        "town",
        {
            "person": np.arange(PEOPLE),
            **place,
            "ill": secret["ill"].astype(bool),
            "stage": secret["stage"],
            "cost": secret["cost"],
            "flag": secret["ill"],
        },
        {
            **dict.fromkeys(place, "INTEGER group filter"),
            "ill": "BOOLEAN secret group filter",
            "stage": "INTEGER secret group filter",
            "cost": "INTEGER secret measure 0 5000",
            "flag": "INTEGER secret measure 0 1",
        },
    )


def cells(rows: Sequence[Mapping[str, object]], value: str, *keys: str) -> dict[tuple[int, ...], float]:
    """A column of a table by its keys, without marks."""
    return {
        tuple(int(float(str(row[key]))) for key in keys): float(str(row[value]))
        for row in rows
        if row[value] is not None
    }


def without(spot: int) -> str:
    """Everybody but the person of each street at `spot`; one street stays whole, so that no answer is ever quite empty."""
    return f"(spot <> {spot} OR street = {STREETS - 1})"


def left_out(ask: Ask, whole: str, rest: str, value: str = "n") -> Ints:
    """Of each person by number: 1, 0 or -1 as the street's number shrinks, stays or cannot be compared when it is left out.

    `whole` is a question by street, `rest` the same of `{rest}`, which is `without` each spot.
    """
    full = cells(ask(whole), value, "street")
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    for spot in range(SPOTS):
        left = cells(ask(rest.format(rest=without(spot))), value, "street")
        for (street,), number in full.items():
            if (street,) in left and street < STREETS - 1:
                seen[person[street, spot]] = int(left[street,] < number)
    return seen


def best(seen: Ints, secret: str = "ill") -> Learned:
    """The best that can be made of an observation: the most frequent truth behind each, as if the attacker knew it."""
    truth = secrets()[secret]
    guessed = np.zeros_like(truth)
    for value in np.unique(seen):
        guessed[seen == value] = np.bincount(truth[seen == value]).argmax()
    return learned(guessed, truth)


def learned(guessed: Ints, truth: Ints) -> Learned:
    """With secrets drawn afresh: as often each as in truth, but of other people. Secrets here depend on nothing known."""
    return Learned(guessed, truth, np.random.default_rng(20263).permutation(truth))


def check_told(figures: Mapping[str, object], *, naive: float = 0.95, targets: int = PEOPLE) -> None:
    """The naive variant tells nearly everything, ours no more than the baseline and a margin."""
    found, ours, baseline = (float(str(figures[name])) for name in ("naive", "ours", "baseline"))
    assert int(str(figures["targets"])) >= targets
    assert found >= naive
    assert found >= baseline + 5 * MARGIN
    assert ours <= baseline + MARGIN
