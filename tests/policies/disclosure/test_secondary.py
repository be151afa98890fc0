from __future__ import annotations

import numpy as np
import pytest

from policies.disclosure.cells import Key
from policies.disclosure.report import Tally
from policies.disclosure.rules import Rule
from policies.disclosure.secondary import lines, protect


def in_lines(keys: list[tuple[Key, ...]]) -> list[list[int]]:
    return sorted(line.tolist() for line in lines(keys))


def test_a_line_of_three_keys_agrees_on_two_of_them() -> None:
    keys: list[tuple[Key, ...]] = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 1, 1)]
    assert in_lines(keys) == [[0, 1], [0, 2]]


def test_a_table_of_one_key_has_no_lines() -> None:
    assert in_lines([(1,), (2,)]) == []
    assert in_lines([]) == []
    assert in_lines([()]) == []


def test_keys_of_different_classes_do_not_share_a_line() -> None:
    assert in_lines([(1, "a"), (True, "b")]) == []
    assert in_lines([(1, "a"), (1, "b")]) == [[0, 1]]


@pytest.mark.parametrize(
    ("hidden_persons", "hidden"),
    [(0, [0]), (1, [0, 2]), (9, [0, 2]), (10, [0]), (11, [0])],
)
def test_the_remainder_is_nobody_or_enough(hidden_persons: int, hidden: list[int]) -> None:
    persons = np.array([hidden_persons, 40, 30], dtype=np.int64)
    tally = Tally(3)
    tally.note(Rule.DOMAINS, np.array([True, False, False]))
    protect(tally, visible=np.ones(3, dtype=np.bool_), persons=persons, held=(persons,), table=(), k=10)
    assert np.flatnonzero(~tally.passing).tolist() == hidden
    assert tally.rule(0) is Rule.DOMAINS
    assert tally.rule(2) is (Rule.REMAINDER if len(hidden) > 1 else None)


def test_of_equal_cells_the_first_is_hidden() -> None:
    persons = np.array([20, 5, 20, 20], dtype=np.int64)
    tally = Tally(4)
    tally.note(Rule.PERSONS, persons < 10)
    protect(tally, visible=np.ones(4, dtype=np.bool_), persons=persons, held=(persons,), table=(), k=10)
    assert tally.passing.tolist() == [False, False, True, True]


def test_cells_that_were_not_visible_count_as_hidden_but_are_not_counted_again() -> None:
    visible = np.array([False, True, True])
    tally = Tally(3, over=visible)
    line = np.arange(3)
    persons = np.array([0, 30, 20], dtype=np.int64)
    protect(tally, visible=visible, persons=persons, held=(persons,), table=(line,), k=10)
    assert tally.counts == {Rule.SECONDARY: 1}
    assert tally.passing.tolist() == [False, True, False]
