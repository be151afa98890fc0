"""The one-hot vector of a regression: with a mean or a variance for each of many one-hot predicates, each is a person.

DataSHIELD's known weakness (dsBase 250). Naive: a thousand predicates at once, each a group of one. Ours: a group of one is
withheld as a cell, as a condition and as a difference, and a question has at most ten measures.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import HOUSES, PEOPLE, Ask, Ints, best, cells, check_told, known, town

COEFFICIENTS = "SELECT block, AVG(flag) AS c, COUNT(*) AS m FROM town WHERE house = {house} GROUP BY block"
"""The normal equations of a regression on one indicator a block: the coefficient of an indicator is its mean."""


def attack(ask: Ask) -> Ints:
    person = np.zeros((PEOPLE // HOUSES, HOUSES), dtype=np.int64)
    person[known()["block"], known()["house"]] = np.arange(PEOPLE)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for house in range(HOUSES):
        for (block,), mean in cells(ask(COEFFICIENTS.format(house=house)), "c", "block").items():
            seen[person[block, house]] = round(mean)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "one-hot",
        zh="独热向量回归",
        en="regression on one-hot vectors",
        naive=best(attack(Naive(town()).ask)),
        ours=best(seen),
        defence_zh="少于十人的组一律隐去，无论作为格、条件还是差集",
        defence_en="a group under ten people is withheld as a cell, as a condition and as a difference",
    )


@pytest.mark.req("RQ-309")
def test_one_hot_vectors_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_refuses_indicators_after_it_has_told_the_blocks() -> None:
    with Ours(town()) as ours:
        blocks = ours.ask("SELECT block, AVG(flag) AS c FROM town GROUP BY block")
        assert len(cells(blocks, "c", "block")) > 300
        for house in (0, 7):
            hot = f"AVG(flag) FILTER (WHERE house <> {house})"
            rows = ours.ask(f"SELECT block, {hot} AS c FROM town GROUP BY block")
            assert cells(rows, "c", "block") == {}
