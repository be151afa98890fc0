"""N against N-1: the mean over a street, and over the street without one person, give that person's value.

Naive: exact means with a threshold of ten people. Ours: the second question is withheld whatever the person's value; the first
alone is a rate of the street.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import Ask, Ints, best, cells, check_told, known, left_out, town

WHOLE = "SELECT street, COUNT(DISTINCT person) AS n, AVG(flag) AS mean FROM town GROUP BY street"
WITHOUT = (
    "SELECT street, COUNT(DISTINCT person) AS n, AVG(flag) AS mean FROM town WHERE {rest} GROUP BY street"
)


def attack(ask: Ask) -> Ints:
    return left_out(ask, WHOLE, WITHOUT, value="mean")


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "one-less",
        zh="全体与少一人的全体相减（N 对 N−1）",
        en="N against N-1",
        naive=best(attack(Naive(town(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="原子规则：任何差集都不得少于十人",
        defence_en="atom rule: no difference of answers is of fewer than ten people",
    )


@pytest.mark.req("RQ-309")
def test_one_less_finds_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_answers_a_street_but_not_the_street_without_one() -> None:
    with Ours(town()) as ours:
        assert len(cells(ours.ask(WHOLE), "mean", "street")) == len(np.unique(known()["street"]))
        assert not ours.ask(WITHOUT.format(rest="spot <> 17"))
