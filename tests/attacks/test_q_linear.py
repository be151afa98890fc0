"""Linear reconstruction of ten thousand people from sums over random groups (Dinur and Nissim, 2003).

The attacker groups by what it knows, in ever other bins, so that everybody is in 150 sums of about twenty people.
Naive: at least ten people in a group, sums to the nearest five; the equations have one solution, the secrets. Ours answers
until every group it told of is cut to pieces of ten people, and no further; what can be solved for is the sum of each piece.
The attacker begins with the smallest groups that ours tells of.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import Final

import numpy as np
import pytest

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.solving import Equations
from tests.attacks.town import ILL, PEOPLE, Ask, Ints, check_told, known, learned, secrets, town

QUESTIONS: Final = 150
SMALLEST: Final = [({"block": 1, "house": 10}, "block < 250"), ({"block": 1, "house": 10}, "block >= 250")]


def questions(seed: int = 7) -> list[tuple[dict[str, int], str]]:
    """Bins by column, at most 500 cells of about twenty people."""
    dice = np.random.default_rng(seed)
    asked = list(SMALLEST)
    while len(asked) < QUESTIONS:
        street, age = int(dice.integers(1, 12)), int(dice.integers(2, 60))
        spot = int(dice.integers(20, 200))
        cells = -(-50 // street) * -(-100 // age) * -(-200 // spot)
        if 350 <= cells <= 500:
            asked.append(({"street": street, "age": age, "spot": spot}, "spot >= 0"))
    return asked


def equations(ask: Ask, *, within: float) -> tuple[Equations, int]:
    """All that the answers say, and how many sums that is."""
    place = known()
    found, released = Equations(PEOPLE, ILL), 0
    for bins, where in questions():
        keys = ", ".join(f"floor({name}/{width}) AS k{i}" for i, (name, width) in enumerate(bins.items()))
        rows = ask(f"SELECT {keys}, COUNT(*) AS m, SUM(flag) AS n FROM town WHERE {where} GROUP BY ALL")
        number: dict[tuple[int, ...], int] = {}
        labels = np.stack([place[name] // width for name, width in bins.items()], axis=1)
        group: Ints = np.array([number.setdefault(tuple(label), len(number)) for label in labels.tolist()])
        total = {
            number[tuple(int(float(str(row[f"k{i}"]))) for i in range(len(bins)))]: float(str(row["n"]))
            for row in rows
            if row["n"] is not None
        }
        found.add(group, total, within=within)
        released += len(total)
    return found, released


def attack(ask: Ask, *, within: float) -> Learned:
    guess = equations(ask, within=within)[0].solve()
    return learned((guess > 0.5).astype(np.int64), secrets()["ill"])


def rounded(sql: str) -> list[dict[str, object]]:
    """The naive variant: ten people or more, sums to the nearest five."""
    rows = engine().ask(sql)
    return [{**row, "n": 5 * round(int(str(row["n"])) / 5)} for row in rows if int(str(row["m"])) >= 10]


@cache
def engine() -> Naive:
    return Naive(town())


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        found = attack(ours.ask, within=0.5)
    return told(
        "linear-reconstruction",
        zh="线性重建：由随机分组之和解方程",
        en="linear reconstruction from sums over random groups",
        naive=attack(rounded, within=2.5),
        ours=found,
        defence_zh="原子规则：可解出的只有不少于十人的组之和",
        defence_en="atom rule: all that can be solved for are sums of ten people or more",
    )


@pytest.mark.req("RQ-309")
def test_equations_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure(), naive=0.92)


def test_ours_does_release_sums_of_the_smallest_groups() -> None:
    with Ours(town()) as ours:
        keys, where = "block, floor(house/10) AS half", SMALLEST[0][1]
        rows = ours.ask(f"SELECT {keys}, SUM(flag) AS n FROM town WHERE {where} GROUP BY ALL")
    assert len(list(islice((row for row in rows if row["n"] is not None), 100))) == 100


def test_the_solver_solves_what_can_be_solved() -> None:
    dice = np.random.default_rng(3)
    truth = (dice.random(400) < 0.3).astype(np.int64)
    system = Equations(400, 0.3)
    for _ in range(60):
        group = dice.integers(0, 40, 400)
        sums = np.bincount(group, weights=truth, minlength=40)
        system.add(group, dict(enumerate(sums.tolist())), within=0.5)
    assert ((system.solve() > 0.5) == truth).all()
