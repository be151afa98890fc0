"""Dominance: a sum over twelve people of whom one earns nearly everything is that one's amount.

The attacker knows who the large one is, in a thousand groups and ten measures, and wants to know how large, of four brackets.
Naive: exact sums of ten people or more. Ours withholds a sum of which one person has more than half, two more than 85 %,
or that the second could use to estimate the first within 10 %. That it is withheld says that somebody is large, which the
attacker knew, not how large.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.town import Ask, Ints, cells, check_told, learned

GROUPS, MEMBERS, MEASURES = 1000, 12, 10
BRACKETS = 4
SMALL = 4
LARGE = 1000


@cache
def brackets() -> Ints:
    """The secret: of the large one of each group and measure, [groups, measures]."""
    return np.random.default_rng(11).integers(0, BRACKETS, (GROUPS, MEASURES))


@cache
def trade() -> Held:
    """Ten amounts of each person; in measure m the m-th member of a group is the large one."""
    dice = np.random.default_rng(12)
    amounts = dice.integers(1, SMALL + 1, (GROUPS, MEMBERS, MEASURES))
    for measure in range(MEASURES):
        amounts[:, measure, measure] = LARGE * (1 + brackets()[:, measure]) + dice.integers(0, LARGE, GROUPS)
    flat = amounts.reshape(GROUPS * MEMBERS, MEASURES)
    group = np.repeat(np.arange(GROUPS), MEMBERS)
    return Held(
        "trade",
        {"person": np.arange(len(group)), "branch": group, **{f"m{m}": flat[:, m] for m in range(MEASURES)}},
        {"branch": "INTEGER group filter"}
        | {f"m{m}": f"INTEGER secret measure 0 {LARGE * (BRACKETS + 1)}" for m in range(MEASURES)},
    )


def attack(ask: Ask) -> Learned:
    """The bracket in which each sum, less what eleven small ones come to, falls; the first one if there is no sum."""
    guessed = np.zeros((GROUPS, MEASURES), dtype=np.int64)
    sums = ", ".join(f"SUM(m{m}) AS s{m}" for m in range(MEASURES))
    for where in ("branch < 500", "branch >= 500"):
        rows = ask(f"SELECT branch, {sums} FROM trade WHERE {where} GROUP BY branch")
        for measure in range(MEASURES):
            for (branch,), total in cells(rows, f"s{measure}", "branch").items():
                large = total - (MEMBERS - 1) * (SMALL + 1) / 2
                guessed[branch, measure] = np.clip(int(large // LARGE) - 1, 0, BRACKETS - 1)
    return learned(guessed.reshape(-1), brackets().reshape(-1))


@cache
def measure() -> dict[str, object]:
    with Ours(trade()) as ours:
        found = attack(ours.ask)
    return told(
        "dominance",
        zh="一人独大的合计",
        en="a sum that one person dominates",
        naive=attack(Naive(trade()).ask),
        ours=found,
        defence_zh="占比与 p% 规则，在各部门内判断",
        defence_en="dominance and p% rules, decided in each department",
    )


@pytest.mark.req("RQ-309")
def test_dominated_sums_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_shows_the_people_of_a_dominated_sum_and_not_the_sum() -> None:
    with Ours(trade()) as ours:
        rows = ours.ask(
            "SELECT branch, COUNT(*) AS n, SUM(m0) AS s FROM trade WHERE branch < 500 GROUP BY branch"
        )
    assert len(rows) == 500
    assert {row["n"] for row in rows} == {10}
    assert {row["s"] for row in rows} == {None}
