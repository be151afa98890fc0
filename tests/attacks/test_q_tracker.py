"""The tracker (Denning, 1979): who is ill on a street, less who is ill there without one house, is that house.

Naive: any set of at least ten people may be counted, and every count is exact. Ours: the set without one person would leave
that person as an atom, and it is withheld whether the person is ill or not.
"""

from __future__ import annotations

from functools import cache

import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import Ask, Ints, best, check_told, left_out, town

WHOLE = "SELECT street, COUNT(DISTINCT person) AS n FROM town WHERE ill GROUP BY street"
WITHOUT = "SELECT street, COUNT(DISTINCT person) AS n FROM town WHERE ill AND {rest} GROUP BY street"


def attack(ask: Ask) -> Ints:
    return left_out(ask, WHOLE, WITHOUT)


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "tracker",
        zh="追踪器：集合与少一人的集合相减",
        en="tracker: a set less the set without one person",
        naive=best(attack(Naive(town(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="原子规则：先撇开敏感列判断，少一人的集合一律不予提供",
        defence_en="atom rule, decided apart from sensitive columns: the set without one person is always withheld",
    )


@pytest.mark.req("RQ-309")
def test_the_tracker_finds_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_answers_the_street_itself() -> None:
    with Ours(town()) as ours:
        assert len(ours.ask(WHOLE)) > 40
