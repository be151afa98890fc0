"""A10, another roster: the same question of all departments, then of all but one; the difference is that one's part.

Three departments have ten people in each of 500 cells. The fourth has one, in each of twenty waves another, whose secret is
wanted. Naive: the total is told if at least ten people stand behind it, whoever contributes. Ours: each department judges
its own part before it is masked, so the fourth contributes nothing to either total, and what another roster leaves out
was never in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.town import PEOPLE, Ints, best, cells, check_told, secrets

SLOTS, WAVES = 500, 20
EVERY = 99
OTHERS = ("east", "north", "south")
SQL = "SELECT slot, COUNT(DISTINCT person) AS n, SUM(flag) AS s FROM visits WHERE wave IN ({wave}, 99) GROUP BY slot"
AskOf = Callable[[str, Sequence[str]], list[dict[str, object]]]


def department(owner: str, members: int) -> Held:
    """`members` people for each slot, in every wave: the small department has another one there each time, a target."""
    is_small = members == 1
    number = np.arange(PEOPLE if is_small else SLOTS * members)
    return Held(
        "visits",
        {
            "person": number if is_small else number + PEOPLE * (1 + OTHERS.index(owner)),
            "slot": number % SLOTS,
            "wave": number // SLOTS if is_small else np.full(len(number), EVERY),
            "flag": secrets()["ill"]
            if is_small
            else np.random.default_rng(len(owner)).integers(0, 2, len(number)),
        },
        {"slot": "INTEGER group", "wave": "INTEGER filter", "flag": "INTEGER secret measure 0 1"},
        owner=owner,
    )


@cache
def departments() -> tuple[Held, ...]:
    return (*(department(owner, 10) for owner in OTHERS), department("west", 1))


def attack(ask: AskOf) -> Ints:
    """The target's flag as the difference of two totals, -1 where one is not told."""
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for wave in range(WAVES):
        whole, rest = (
            cells(ask(SQL.format(wave=wave), roster), "s", "slot") for roster in ((*OTHERS, "west"), OTHERS)
        )
        for key in whole.keys() & rest.keys():
            seen[wave * SLOTS + key[0]] = round(whole[key] - rest[key])
    return seen


def naive() -> AskOf:
    """One engine with everybody's rows, and in them whose they are."""
    engines = {
        held.owner: Naive(Held(f"of_{held.owner}", held.columns, held.uses, held.owner))
        for held in departments()
    }

    def ask(sql: str, roster: Sequence[str]) -> list[dict[str, object]]:
        total: dict[object, list[int]] = {}
        for owner in roster:
            for row in engines[owner].ask(sql.replace("visits", f"of_{owner}")):
                known = total.setdefault(row["slot"], [0, 0])
                known[0] += int(str(row["n"]))
                known[1] += int(str(row["s"]))
        return [{"slot": slot, "n": n, "s": s} for slot, (n, s) in total.items() if n >= 10]

    return ask


def ours() -> Ours:
    return Ours(*departments(), groups=tuple((str(slot),) for slot in range(SLOTS)))


@cache
def measure() -> dict[str, object]:
    with ours() as asked:
        seen = attack(lambda sql, roster: asked.ask(sql, roster=roster))
    return told(
        "A10 another roster",
        zh="换一组部门重问",
        en="the same question of another roster",
        naive=best(attack(naive())),
        ours=best(seen),
        defence_zh="各部门先按本地规则裁定自己的部分；换部门即另一问题",
        defence_en="each department judges its own part first; another roster is another question",
    )


@pytest.mark.req("RQ-309")
def test_another_roster_tells_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_both_rosters_of_ours_are_told_the_same_total() -> None:
    with ours() as asked:
        sql = SQL.format(wave=3)
        whole, rest = (cells(asked.ask(sql, roster=r), "s", "slot") for r in ((*OTHERS, "west"), OTHERS))
    assert len(whole) > SLOTS / 2
    assert whole == rest
