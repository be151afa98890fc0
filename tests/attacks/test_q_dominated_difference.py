"""Dominance by difference: neither of two sums is dominated, but what lies between them is.

A branch has twelve ordinary members and twelve of whom one earns nearly all that they earn, yet not half of the branch. The
sum over the branch less the sum over the ordinary twelve is the large one's amount. Naive: cells of ten or more, none of
which is dominated, each judged by itself. Ours: what sums leave of the rows is kept by column, and no part of it may be
dominated, whichever of the two is asked first.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.town import Ask, Ints, cells, check_told, learned

GROUPS, MEMBERS, FEW, MEASURES = 1000, 24, 12, 10
BRACKETS = 4
SMALL = 4
LARGE = 1000
WHOLE = "SELECT branch, {sums} FROM trade WHERE {where} GROUP BY branch"
HALVES = ("branch < 500", "branch >= 500")


@cache
def brackets() -> Ints:
    """The secret: of the large one of each group and measure, [groups, measures]."""
    return np.random.default_rng(21).integers(0, BRACKETS, (GROUPS, MEASURES))


@cache
def trade() -> Held:
    """Ten amounts of each person; in measure m the m-th of the few is the large one."""
    dice = np.random.default_rng(22)
    amounts = dice.integers(600, 800, (GROUPS, MEMBERS, MEASURES))
    amounts[:, :FEW] = dice.integers(1, SMALL + 1, (GROUPS, FEW, MEASURES))
    for measure in range(MEASURES):
        amounts[:, measure, measure] = LARGE * (1 + brackets()[:, measure]) + dice.integers(100, 900, GROUPS)
    flat = amounts.reshape(GROUPS * MEMBERS, MEASURES)
    columns = {f"m{m}": flat[:, m] for m in range(MEASURES)}
    number = np.arange(len(flat))
    return Held(
        "trade",
        {"person": number, "branch": number // MEMBERS, "member": number % MEMBERS, **columns},
        {"branch": "INTEGER group filter", "member": "INTEGER group filter"}
        | dict.fromkeys(columns, f"INTEGER secret measure 0 {LARGE * (BRACKETS + 1)}"),
    )


def sums(ask: Ask, where: str) -> dict[tuple[int, int], float]:
    """Sums by group and measure."""
    found = {}
    shown = ", ".join(f"SUM(m{m}) AS s{m}" for m in range(MEASURES))
    for half in HALVES:
        rows = ask(WHOLE.format(sums=shown, where=f"{half} AND {where}"))
        for measure in range(MEASURES):
            for (branch,), total in cells(rows, f"s{measure}", "branch").items():
                found[branch, measure] = total
    return found


def attack(ask: Ask) -> Learned:
    """The bracket in which each difference, less what eleven small ones come to, falls; the first if there is none."""
    guessed = np.zeros((GROUPS, MEASURES), dtype=np.int64)
    whole, rest = sums(ask, "member >= 0"), sums(ask, f"member >= {FEW}")
    for place in whole.keys() & rest.keys():
        large = whole[place] - rest[place] - (FEW - 1) * (SMALL + 1) / 2
        guessed[place] = np.clip(int(large // LARGE) - 1, 0, BRACKETS - 1)
    return learned(guessed.reshape(-1), brackets().reshape(-1))


@cache
def measure() -> dict[str, object]:
    with Ours(trade()) as ours:
        found = attack(ours.ask)
    return told(
        "dominated-difference",
        zh="两个合计之差由一人独大",
        en="a difference of sums that one person dominates",
        naive=attack(Naive(trade()).ask),
        ours=found,
        defence_zh="按列保存合计的原子，任一原子不得由一两人独大",
        defence_en="atoms of sums, kept by column: none may be dominated by one or two people",
    )


@pytest.mark.req("RQ-309")
def test_dominated_differences_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


@pytest.mark.parametrize("order", [(0, FEW), (FEW, 0)])
def test_ours_tells_the_first_of_two_sums_whichever_it_is(order: tuple[int, int]) -> None:
    with Ours(trade()) as ours:
        first, second = (sums(ours.ask, f"member >= {least}") for least in order)
    assert len(first) > 0.9 * GROUPS * MEASURES
    assert not first.keys() & second.keys()


def test_counts_do_not_stand_in_the_way_of_sums() -> None:
    with Ours(trade()) as ours:
        for where in ("member >= 0", f"member >= {FEW}"):
            rows = ours.ask(
                WHOLE.format(sums="COUNT(DISTINCT person) AS n", where=f"branch < 500 AND {where}")
            )
            assert len(rows) == 500
        assert len(sums(ours.ask, "member >= 0")) > 0.9 * GROUPS * MEASURES
