"""Averaging: noise that is drawn anew for each answer goes away when the answer is asked for again.

Naive: every count of every house gets fresh noise of deviation three; a hundred repeats leave three tenths. Ours has no draw
to average: the same question, and every other spelling of it, gives the same digits; repeats cost no predicate and refine
nothing. What is left is the rate of the smallest group that is told at all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.town import ILL, PEOPLE, Ints, cells, check_told, known, learned, secrets, town

REPEATS = 100
# In order, so that each house meets the same draws in every run.
SINGLE = "SELECT place, COUNT(DISTINCT person) AS n FROM town WHERE ill GROUP BY place ORDER BY place"
SPELLINGS = (
    "SELECT block, SUM(flag) AS s FROM town GROUP BY block",
    "select block, sum(flag) as s from town group by 1",
    "SELECT block, SUM(flag) AS s FROM town WHERE spot >= 0 GROUP BY block",
    "SELECT block, SUM(flag) AS s FROM town WHERE age BETWEEN 0 AND 99 GROUP BY ALL",
    "SELECT block, SUM(flag) AS s FROM town WHERE NOT sex > 1 GROUP BY block ORDER BY 2 DESC",
    "SELECT floor(place/20) AS b, SUM(flag) AS s FROM town GROUP BY floor(place/20)",
    "SELECT block, SUM(CASE WHEN house < 99 THEN flag ELSE 0 END) AS s FROM town GROUP BY block",
    "SELECT block, SUM(flag) FILTER (WHERE house IS NOT NULL) AS s FROM town GROUP BY block",
)


def naive_attack() -> Learned:
    engine = Naive(town(), noise=3)
    total = np.zeros(PEOPLE)
    for _ in range(REPEATS):
        noisy = dict(cells(engine.ask(SINGLE), "n", "place"))
        # The naive engine has no row for a house without an ill person; noise is added to its zero all the same.
        total += [noisy.get((place,), float(engine.draw())) for place in range(PEOPLE)]
    return learned((total[known()["place"]] / REPEATS > 0.5).astype(np.int64), secrets()["ill"])


def answers(ours: Ours, times: int) -> list[dict[int, float]]:
    """The released sums by block, of every spelling, as often as asked."""
    found = []
    for _ in range(times):
        for sql in SPELLINGS:
            rows = ours.ask(sql)
            name = "b" if " AS b" in sql else "block"
            found.append({key[0]: value for key, value in cells(rows, "s", name).items()})
    return found


def ours_attack() -> Learned:
    """Everybody of a block whose average says that most of it is ill is taken for ill."""
    with Ours(town()) as ours:
        told_of: dict[int, list[float]] = {}
        for answer in answers(ours, 3):
            for block, value in answer.items():
                told_of.setdefault(block, []).append(value)
    rate = {block: float(np.mean(values)) / 20 for block, values in told_of.items()}
    guessed: Ints = np.array([int(rate.get(int(block), ILL) > 0.5) for block in known()["block"]])
    return learned(guessed, secrets()["ill"])


@cache
def measure() -> dict[str, object]:
    return told(
        "averaging",
        zh="重复提问取平均",
        en="averaging of repeats",
        naive=naive_attack(),
        ours=ours_attack(),
        defence_zh="取整确定：同一问题（无论怎样写）总得同一答复",
        defence_en="rounding is deterministic: a question has one answer, however it is spelled",
    )


@pytest.mark.req("RQ-309")
def test_averages_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure(), naive=0.93)


def test_every_repeat_and_every_spelling_gives_the_same_numbers() -> None:
    with Ours(town()) as ours:
        first, *others = answers(ours, 2)
        assert len(first) > 300
        for other in others:
            assert other == first or not other
        assert sum(other == first for other in others) >= len(others) / 2
