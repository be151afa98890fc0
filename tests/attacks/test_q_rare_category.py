"""Rare categories by what is marked: a table that lists a withheld cell says that somebody is in it.

Naive: every group that exists is listed, those under ten people with the mark instead of the number. Grouped by house and by
stage, the list of keys is the secret itself. Ours lists no withheld cell unless all cells were public before.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.attacks.asking import Naive, Ours, told
from tests.attacks.town import BLOCKS, HOUSES, PEOPLE, STAGES, Ask, Ints, best, check_told, known, town

LIST = (
    "SELECT block, house, stage, COUNT(DISTINCT person) AS n FROM town"
    " WHERE block BETWEEN {first} AND {last} GROUP BY block, house, stage"
)
AT_ONCE = 25
"""Blocks in a question: 500 cells."""


def attack(ask: Ask) -> Ints:
    """The stage under which a person's house is listed, or -1."""
    person = np.zeros((BLOCKS, HOUSES), dtype=np.int64)
    person[known()["block"], known()["house"]] = np.arange(PEOPLE)
    seen = np.full(PEOPLE, -1, dtype=np.int64)
    for first in range(0, BLOCKS, AT_ONCE):
        for row in ask(LIST.format(first=first, last=first + AT_ONCE - 1)):
            block, house, stage = (int(str(row[name])) for name in ("block", "house", "stage"))
            seen[person[block, house]] = stage
    return seen


def marked(sql: str) -> list[dict[str, object]]:
    """The naive variant: small groups keep their line and lose their number."""
    rows = Naive(town()).ask(sql)
    return [{**row, "n": None if int(str(row["n"])) < 10 else row["n"]} for row in rows]


@cache
def measure() -> dict[str, object]:
    with Ours(town()) as ours:
        seen = attack(ours.ask)
    return told(
        "rare-category",
        zh="由被隐去的格推知稀有类别",
        en="rare categories by the cells that are marked",
        naive=best(attack(marked), "stage"),
        ours=best(seen, "stage"),
        defence_zh="未公开组别时，被隐去的格不列出；公开组别时一律列出",
        defence_en="a withheld cell is not listed, or, with a public dictionary, every cell always is",
    )


@pytest.mark.req("RQ-309")
def test_marks_tell_everybody_in_the_naive_variant_and_nobody_in_ours() -> None:
    check_told(measure())


def test_ours_lists_a_rare_stage_only_where_ten_have_it() -> None:
    sql = "SELECT street, stage, COUNT(DISTINCT person) AS n FROM town GROUP BY street, stage"
    exact = {(row["street"], row["stage"]): int(str(row["n"])) for row in Naive(town()).ask(sql)}
    with Ours(town()) as ours:
        listed = [(row["street"], row["stage"]) for row in ours.ask(sql)]
    assert len(STAGES) * 10 < len(listed) < len(exact)
    assert all(exact[key] >= 10 for key in listed)
