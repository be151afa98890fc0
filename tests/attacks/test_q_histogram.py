"""Histogram edges: bins of slightly different width move an edge across one person's amount.

Naive: any bins of exact counts, at least ten people in each. The difference of the bins below an edge, with and without a
person, is the person's side of the edge; and a second width confirms it. Ours: a bin is a cell; the same bins without one
person, or bins whose edges moved over fewer than ten, would leave them by subtraction and are withheld.
"""

from __future__ import annotations

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

BINS = "SELECT street, floor(cost/{width})*{width} AS bin, COUNT(DISTINCT person) AS n FROM town{where} GROUP BY ALL"
WIDTH = 2500


def attack(ask: Ask) -> Ints:
    """Of each person the side of the edge on which leaving it out takes one away: 1 above, 0 below, -1 unknown."""
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    whole = cells(ask(BINS.format(width=WIDTH, where="")), "n", "street", "bin")
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for spot in range(SPOTS):
        rest = cells(ask(BINS.format(width=WIDTH, where=f" WHERE {without(spot)}")), "n", "street", "bin")
        for (street, edge), count in whole.items():
            if (street, edge) in rest and rest[street, edge] < count:
                seen[person[street, spot]] = int(edge >= WIDTH)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "histogram-edges",
        zh="直方图边界",
        en="histogram edges",
        naive=best(attack(Naive(town(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="每一箱即一格：受人数、取整与原子规则约束；箱宽有下限",
        defence_en="a bin is a cell under thresholds, rounding and the atom rule; bins have a least width",
    )


@pytest.mark.req("RQ-309")
def test_histograms_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_moving_an_edge_over_few_people_is_withheld_by_ours() -> None:
    whole = "SELECT floor(cost/{width})*{width} AS bin, COUNT(DISTINCT person) AS n FROM town GROUP BY 1"
    exact = [cells(Naive(town()).ask(whole.format(width=width)), "n", "bin") for width in (1500, 1499)]
    assert 0 < exact[0][0,] - exact[1][0,] < 10
    with Ours(town()) as ours:
        first, second = (cells(ours.ask(whole.format(width=width)), "n", "bin") for width in (1500, 1499))
    assert (0,) in first
    assert (0,) not in second
