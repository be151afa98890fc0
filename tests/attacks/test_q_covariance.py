"""Covariance reconstruction: means and variances over overlapping groups are moments, and moments can be subtracted.

From count, mean and variance of a group follow its sum and sum of squares; those of two groups that differ in one person give
the person's value, and its square as the proof. Naive: exact moments of any thirty people. Ours: the overlap is an atom of
one and the second group is withheld; moments have three digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import (
    PEOPLE,
    SPOTS,
    STREETS,
    Ask,
    Ints,
    best,
    cells,
    check_told,
    known,
    town,
    without,
)

MOMENTS = "SELECT street, COUNT(*) AS n, AVG(cost) AS mean, VAR_POP(cost) AS var FROM town"
DEAR = 2500


def sums(rows: Sequence[Mapping[str, object]]) -> dict[int, tuple[float, float]]:
    """Sum and sum of squares by street."""
    n, mean, var = (cells(rows, name, "street") for name in ("n", "mean", "var"))
    return {
        key[0]: (n[key] * mean[key], n[key] * (var[key] + mean[key] ** 2))
        for key in n
        if key in mean and key in var
    }


def attack(ask: Ask) -> Ints:
    """1 for a dear person, 0 for a cheap one, -1 where nothing can be compared."""
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    whole = sums(ask(f"{MOMENTS} GROUP BY street"))
    for spot in range(SPOTS):
        rest = sums(ask(f"{MOMENTS} WHERE {without(spot)} GROUP BY street"))
        for street in whole.keys() & rest.keys():
            value, square = (a - b for a, b in zip(whole[street], rest[street], strict=True))
            seen[person[street, spot]] = int(value > DEAR and square > DEAR**2)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "covariance",
        zh="由重叠组的均值与方差重建",
        en="reconstruction from means and variances of overlapping groups",
        naive=best(attack(Naive(town(), threshold=30).ask)),
        ours=best(seen),
        defence_zh="方差须三十人；差集受原子规则约束；三位有效数字",
        defence_en="variances need thirty people; differences obey the atom rule; three digits",
    )


@pytest.mark.req("RQ-309")
def test_moments_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_tells_the_moments_of_streets() -> None:
    with Ours(town()) as ours:
        assert len(sums(ours.ask(f"{MOMENTS} GROUP BY street"))) == STREETS
