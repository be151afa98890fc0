"""HAVING as a probe: a table rounded to hundreds says by which rows it keeps what the exact count is.

Naive: counts rounded to 100, HAVING judged on exact counts: `HAVING ... >= n` for every n gives the exact count, and two exact
counts that differ in one person give the person. Ours: HAVING reads what is released and drops nothing that rounding would
not drop. It is attacked by streets, which it answers; the naive variant by blocks, which takes fewer questions.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import (
    BLOCKS,
    HOUSES,
    PEOPLE,
    SPOTS,
    STREETS,
    Ask,
    Ints,
    best,
    check_told,
    known,
    town,
)

PROBE = (
    "SELECT {group}, COUNT(DISTINCT person) AS n FROM town WHERE ill AND {set} GROUP BY {group}"
    " HAVING COUNT(DISTINCT person) >= {n}"
)


def attack(ask: Ask, group: str, place: str, *, size: tuple[int, int], counts: range) -> Ints:
    """1 if leaving a person out takes the group below its own count, 0 if not, -1 where the group does not show."""
    person = np.zeros(size, dtype=np.int64)
    person[known()[group], known()[place]] = np.arange(PEOPLE)

    def kept(chosen: str, n: int) -> set[int]:
        return {int(str(row[group])) for row in ask(PROBE.format(group=group, set=chosen, n=n))}

    exact: dict[int, int] = {}
    for n in counts:
        exact |= dict.fromkeys(kept(f"{place} >= 0", n), n)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for spot in range(size[1]):
        # The last group stays whole, so that no answer is ever quite empty.
        chosen = f"({place} <> {spot} OR {group} = {size[0] - 1})"
        for n in sorted(set(exact.values())):
            left = kept(chosen, n)
            for one, count in exact.items():
                if count == n and one < size[0] - 1:
                    seen[person[one, spot]] = int(one not in left)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask, "street", "spot", size=(STREETS, SPOTS), counts=range(20, 66, 5))
    naive = attack(Naive(town(), base=100).ask, "block", "house", size=(BLOCKS, HOUSES), counts=range(1, 15))
    return told(
        "having",
        zh="用 HAVING 试探精确人数",
        en="HAVING as a probe for exact counts",
        naive=best(naive),
        ours=best(seen),
        defence_zh="HAVING 只作用于已取整、已放行的人数",
        defence_en="HAVING acts on rounded, released counts only",
    )


@pytest.mark.req("RQ-309")
def test_having_tells_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_having_of_ours_reads_the_rounded_count() -> None:
    with Ours(town()) as ours:
        every = "spot >= 0"
        rows = ours.ask(PROBE.format(group="street", set=every, n=1))
        shown = {row["street"]: row["n"] for row in rows}
        assert len(shown) > 40
        for n in range(30, 50):
            kept = {row["street"] for row in ours.ask(PROBE.format(group="street", set=every, n=n))}
            assert kept == {street for street, count in shown.items() if int(str(count)) >= n}
