"""Conditional aggregates: one question, ten counts that differ in one person each.

Naive: the threshold counts the people of a cell, not those behind a condition, so `FILTER (WHERE ill AND spot = 17)` tells of
one. Ours: who meets a condition and who does not are judged like cells, and their differences like differences of cells.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import PEOPLE, SPOTS, STREETS, Ask, Ints, best, cells, check_told, known, town

AT_ONCE = 4
FORMS = (
    "COUNT(DISTINCT person) FILTER (WHERE ill AND spot = {spot})",
    "SUM(CASE WHEN ill AND spot = {spot} THEN 1 ELSE 0 END)",
    "COUNT(CASE WHEN ill AND spot <> {spot} THEN 1 END)",
)


def attack(ask: Ask, form: str = FORMS[0]) -> Ints:
    """What is counted for each person: 0, 1, or -1 for a mark or nothing."""
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for first in range(0, SPOTS, AT_ONCE):
        counts = [f"{form.format(spot=first + i)} AS c{i}" for i in range(AT_ONCE)]
        rows = ask(
            f"SELECT street, COUNT(DISTINCT person) AS n, {', '.join(counts)} FROM town GROUP BY street"
        )
        for i in range(AT_ONCE):
            for (street,), count in cells(rows, f"c{i}", "street").items():
                seen[person[street, first + i]] = int(count)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "conditional",
        zh="条件聚合：只有一人满足的条件",
        en="conditional aggregates: a condition that one person meets",
        naive=best(attack(Naive(town(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="条件两侧各不少于十人，并入原子规则",
        defence_en="both sides of a condition count ten people or more, and enter the atom rule",
    )


@pytest.mark.req("RQ-309")
def test_conditions_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


@pytest.mark.parametrize("form", FORMS)
def test_ours_shows_no_count_of_one_in_any_form(form: str) -> None:
    with Ours(town()) as ours:
        rows = ours.ask(
            "SELECT street, COUNT(*) FILTER (WHERE ill) AS base,"
            f" {form.format(spot=7)} AS c FROM town GROUP BY street"
        )
    assert rows
    assert {row["c"] for row in rows} == {None}
    assert any(row["base"] is not None for row in rows)
