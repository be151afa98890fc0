"""Joins: two answers about the same people differ in the rows of the other table.

Ten thousand people each come once on a day of their own and once on an early day. The cost up to day 12 and up to day 11,
summed over a joined table by district, counts the same people; the difference is one visit. Naive: any sum over at least
ten people. Ours: the rows of every joined table are units of the atom rule, and one visit is too few.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.town import PEOPLE, Ask, Ints, best, cells, check_told, secrets

DISTRICTS = 400
DAYS = PEOPLE // DISTRICTS
FIRST = 10
DEAR = 2500
FORMS = ("people JOIN visits USING (person)", "visits JOIN people USING (person)")


@cache
def tables() -> tuple[Held, Held]:
    """People with their district, and their visits; the last district has nobody with a day of their own."""
    number = np.arange(PEOPLE)
    early = np.random.default_rng(5).integers(1, 6, PEOPLE)
    people = Held(
        "people", {"person": number, "district": number % DISTRICTS}, {"district": "INTEGER group filter"}
    )
    visits = Held(
        "visits",
        {
            "person": np.concatenate([number, number]),
            "day": np.concatenate([early, FIRST + number // DISTRICTS]),
            "cost": np.concatenate([np.full(PEOPLE, 100), secrets()["cost"]]),
        },
        {"day": "INTEGER group filter 1 60", "cost": "INTEGER secret measure 0 5000"},
        row_key=("day",),
        order_column="day",
    )
    return people, visits


def attack(ask: Ask, form: str = FORMS[0]) -> Ints:
    """1 for a dear visit, 0 for a cheap one, -1 where the sums cannot be compared."""
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    before: dict[tuple[int, ...], float] = {}
    for day in range(FIRST - 1, FIRST + DAYS):
        # Up to the last day for one district, so that no answer is ever quite empty.
        until = f"(day <= {day} OR district = 0)"
        rows = ask(
            "SELECT district, COUNT(DISTINCT person) AS n, SUM(cost) AS s"
            f" FROM {form} WHERE {until} GROUP BY district"
        )
        sums = cells(rows, "s", "district")
        for district in range(1, DISTRICTS):
            if (district,) in sums and (district,) in before:
                seen[(day - FIRST) * DISTRICTS + district] = int(sums[district,] - before[district,] > DEAR)
        before = sums
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(*tables()) as ours:
        seen = attack(ours.ask)
    return told(
        "join-differencing",
        zh="联表求差",
        en="differencing over a joined table",
        naive=best(attack(Naive(*tables(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="每个联入表的行都是原子规则的单位",
        defence_en="rows of every joined table are units of the atom rule",
    )


@pytest.mark.req("RQ-309")
def test_joined_sums_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


@pytest.mark.parametrize("form", FORMS)
def test_ours_sums_over_a_join_but_not_its_difference(form: str) -> None:
    with Ours(*tables()) as ours:
        sql = "SELECT district, SUM(cost) AS s FROM {form} WHERE day <= {day} GROUP BY district"
        assert len(cells(ours.ask(sql.format(form=form, day=60)), "s", "district")) == DISTRICTS
        assert ours.ask(sql.format(form=form, day=33)) == []
