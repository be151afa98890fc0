"""Small cells and their complements: a cell too small to be told follows from everything around it.

Naive: cells of fewer than ten people are left out, all others exact, so what is left out is the whole street less what is told.
A question that groups so that the rest of a street is one person tells of that person. Ours: nobody or at least ten people
outside a cell, a second cell withheld beside a lonely one, and no difference of fewer than ten.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import PEOPLE, SPOTS, STREETS, Ask, Ints, best, cells, check_told, known, town

WHOLE = "SELECT street, ill, COUNT(DISTINCT person) AS n FROM town GROUP BY street, ill"
PARTS = (
    "SELECT street, CASE WHEN spot = {spot} AND street < 49 THEN 'one' ELSE 'rest' END AS part, ill,"
    " COUNT(DISTINCT person) AS n FROM town GROUP BY ALL"
)


def attack(ask: Ask) -> Ints:
    """1 if the ill of a street are one fewer without the person, 0 if the healthy are, -1 unknown."""
    person = np.zeros((STREETS, SPOTS), dtype=np.int64)
    person[known()["street"], known()["spot"]] = np.arange(PEOPLE)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    whole = {(row["street"], row["ill"]): row["n"] for row in ask(WHOLE)}
    for spot in range(SPOTS):
        rows = [row for row in ask(PARTS.format(spot=spot)) if row["n"] is not None]
        for row in rows:
            total = whole.get((row["street"], row["ill"]))
            if row["part"] == "one" or (total is not None and int(str(row["n"])) < int(str(total))):
                seen[person[int(str(row["street"])), spot]] = int(row["ill"] is True)
    return seen


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "small-cells",
        zh="小格与补集",
        en="small cells and their complements",
        naive=best(attack(Naive(town(), threshold=10).ask)),
        ours=best(seen),
        defence_zh="格内格外均须十人；次级隐去；原子规则",
        defence_en="ten people inside and outside; secondary suppression; the atom rule",
    )


@pytest.mark.req("RQ-309")
def test_complements_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_tells_nobody_how_many_are_outside_when_they_are_few() -> None:
    almost = "SELECT COUNT(DISTINCT person) AS n FROM town WHERE place <> 5"
    with Ours(town()) as ours:
        assert ours.ask(almost) == []
        assert cells(ours.ask("SELECT sex, COUNT(DISTINCT person) AS n FROM town GROUP BY sex"), "n", "sex")
