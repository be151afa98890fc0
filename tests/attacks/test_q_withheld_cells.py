"""The refusal oracle: which cells vanish is an answer too (Kenthapadi, Mishra and Nissim, 2005).

A set of ill people that is large enough is shown. The same set with one more place asked about is the same set if the person
there is healthy, and is shown again; if the person is ill, the difference would be one person, and a rule that looks at the
difference withholds it. Naive: exact counts, and no answer to a question that differs by fewer than ten people from an
earlier one. Ours decides apart from the sensitive column: one more place is withheld whoever lives there.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.town import PEOPLE, SPOTS, STREETS, Ask, Ints, best, check_told, known, secrets, town

HALF = SPOTS // 2
SET = "SELECT street, COUNT(DISTINCT person) AS n FROM town WHERE ill AND {set} GROUP BY street"
SETS = {f"spot < {HALF}": range(HALF, SPOTS), f"spot >= {HALF}": range(HALF)}


class Auditor:
    """The naive variant: a threshold of ten people, and differences from what was told of at least ten."""

    def __init__(self) -> None:
        self._engine = Naive(town(), threshold=10)
        self._told: dict[int, set[frozenset[int]]] = {}

    def ask(self, sql: str) -> list[dict[str, object]]:
        rows = self._engine.ask(sql)
        members: dict[int, set[int]] = {}
        for row in self._engine.ask(sql.replace("COUNT(DISTINCT person) AS n", "place, 10 AS n") + ", place"):
            members.setdefault(int(str(row["street"])), set()).add(int(str(row["place"])))
        return [
            row for row in rows if self._admits(street := int(str(row["street"])), frozenset(members[street]))
        ]

    def _admits(self, street: int, asked: frozenset[int]) -> bool:
        earlier = self._told.setdefault(street, set())
        if any(0 < len(asked ^ one) < 10 for one in earlier):
            return False
        earlier.add(asked)
        return True


def attack(ask: Ask) -> Ints:
    """Of each person: 1 if the street vanishes when the place is added, 0 if it stays, -1 if it was never there."""
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    for chosen, others in SETS.items():
        there = {int(str(row["street"])) for row in ask(SET.format(set=chosen))}
        for spot in others:
            more = f"({chosen} OR (spot = {spot} AND street < {STREETS - 1}))"
            left = {int(str(row["street"])) for row in ask(SET.format(set=more))}
            # The last street stays as it is, so that no answer is ever quite empty; nothing is learned of it.
            for street in there - {STREETS - 1}:
                seen[person[street, spot]] = street not in left
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "withheld-cells",
        zh="以“哪些格被隐去”套取",
        en="which cells are withheld, as an answer",
        naive=best(attack(Auditor().ask)),
        ours=best(seen),
        defence_zh="原子规则先撇开敏感列判断：是否隐去与敏感值无关",
        defence_en="atom rule decided apart from sensitive columns: what is withheld does not depend on them",
    )


@pytest.mark.req("RQ-309")
def test_vanishing_cells_tell_everything_in_the_naive_variant_and_nothing_in_ours() -> None:
    check_told(measure())


def test_ours_refuses_a_condition_that_mixes_the_secret_with_a_place() -> None:
    with Ours(town()) as ours:
        for mixed in ("(ill OR spot = 3)", "NOT (ill AND spot = 3)", "(spot = 3 OR (ill AND spot < 90))"):
            sql = f"SELECT street, COUNT(*) AS n FROM town WHERE {mixed} GROUP BY street"
            assert ours.ask(sql) == []
            told_why = ours.asked(sql, ["health"]).reasons()
            assert "town.ill" in str(told_why)


def test_an_attacker_who_learns_nothing_guesses_the_most_frequent() -> None:
    nothing = best(np.full(PEOPLE, -1, dtype=np.int64))
    assert isinstance(nothing, Learned)
    assert nothing.accuracy == float((secrets()["ill"] == 0).mean())


def test_a_set_that_grows_place_by_place_appears_in_ours_by_tens_only() -> None:
    """In the naive variant whoever lives at the place with which a street appears is ill."""

    def appeared(ask: Ask) -> dict[int, int]:
        streets: dict[int, int] = {}
        for places in range(30, 70):
            for row in ask(SET.format(set=f"(spot < {places} OR street = {STREETS - 1})")):
                streets.setdefault(int(str(row["street"])), places)
        return {street: last - 1 for street, last in streets.items() if last > 30 and street < STREETS - 1}

    found = appeared(Naive(town(), threshold=10).ask)
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    assert len(found) > 30
    assert all(secrets()["ill"][person[street, spot]] == 1 for street, spot in found.items())
    with Ours(town()) as ours:
        in_ours = appeared(ours.ask)
    # Ten places more are a question again; that one of these ten made the street appear says of none that it is ill.
    assert {spot % 10 for spot in in_ours.values()} == {9}
    assert np.mean([secrets()["ill"][person[place]] for place in in_ours.items()]) < 0.4
