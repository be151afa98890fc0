"""Two snapshots that differ in a few people: the same question before and after an update.

In every month one known person of each block is examined again. Naive: exact sums of ten people or more; the difference of two
months is that person's result. Ours: a changed row is a new unit, and so is the one it replaces; what changed in a block is
one person, so the block is withheld from then on, while blocks in which nothing changed are told as before.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.town import PEOPLE, Ints, best, cells, check_told, secrets

GROUPS, MEMBERS, MONTHS = 2500, 10, 4
PER_QUESTION = 500
SQL = "SELECT ward, COUNT(DISTINCT person) AS n, SUM(found) AS s FROM exams WHERE ward BETWEEN {a} AND {b} GROUP BY ward"


def snapshot(month: int) -> Held:
    """Everybody's result so far: known for all to begin with, then each month one member's secret comes in."""
    ward, member = np.divmod(np.arange(GROUPS * MEMBERS), MEMBERS)
    found = (np.arange(GROUPS * MEMBERS) % 2).astype(np.int64)
    examined = member < month
    # Before its examination everybody of the first members has a two, which is added up like any number.
    result = np.where(member < MONTHS, 2 * found + 1, found)
    target = np.where(member < MONTHS, ward * MONTHS + member, 0)
    result = np.where(examined, 10 + 5 * secrets()["ill"][target], result)
    return Held(
        "exams",
        {"person": np.arange(GROUPS * MEMBERS), "ward": ward, "found": result},
        {"ward": "INTEGER group filter", "found": "INTEGER secret measure 0 20"},
    )


def attack(engine: Naive | Ours) -> Ints:
    """The person of a ward examined this month: 1 if the ward's sum rose by more than for a healthy one; -1 unknown."""
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    before: dict[tuple[int, ...], float] = {}
    for month in range(MONTHS + 1):
        engine.refresh(snapshot(month))
        sums: dict[tuple[int, ...], float] = {}
        for first in range(0, GROUPS, PER_QUESTION):
            sums |= cells(engine.ask(SQL.format(a=first, b=first + PER_QUESTION - 1)), "s", "ward")
        for (ward,), total in sums.items():
            if month and (ward,) in before:
                member = ward * MEMBERS + month - 1
                earlier = 2 * (member % 2) + 1
                seen[ward * MONTHS + month - 1] = int(total - before[ward,] + earlier > 12)
        before = sums
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(snapshot(0)) as ours:
        seen = attack(ours)
    return told(
        "snapshots",
        zh="两次快照之差",
        en="the difference of two snapshots",
        naive=best(attack(Naive(snapshot(0), threshold=10))),
        ours=best(seen),
        defence_zh="“自上次快照以来有变”也是原子规则的一个谓词",
        defence_en="changed since the last snapshot is a predicate of the atom rule",
    )


@pytest.mark.req("RQ-309")
def test_updates_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_tells_the_first_snapshot_and_repeats_what_did_not_change() -> None:
    sql = SQL.format(a=0, b=99)
    with Ours(snapshot(0)) as ours:
        first = cells(ours.ask(sql), "s", "ward")
        assert len(first) == 100
        ours.refresh(snapshot(0))
        assert cells(ours.ask(sql), "s", "ward") == first
        ours.refresh(snapshot(1))
        assert cells(ours.ask(sql), "s", "ward") == {}
