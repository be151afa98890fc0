"""The rules over single contributions, and the lemma by which a domain decides them for the sum over domains."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.disclosure.dominance import concentration
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.rules import Rule

LIMITS = Limits()


def failing(amounts: list[int], limits: Limits = LIMITS) -> set[Rule]:
    """Reference: the rules that one cell fails, in plain fractions over the sorted amounts."""
    ordered = [*sorted(map(abs, amounts), reverse=True), 0, 0]
    total, largest, second = Fraction(sum(ordered)), ordered[0], ordered[1]
    found = set()
    if largest > limits.local_top_share * total:
        found.add(Rule.LOCAL_TOP_SHARE)
    if largest > limits.top1_share * total:
        found.add(Rule.DOMINANCE_1)
    if largest + second > limits.top2_share * total:
        found.add(Rule.DOMINANCE_2)
    if total - largest - second < Fraction(limits.p_percent, 100) * largest:
        found.add(Rule.P_PERCENT)
    return found


def judged(amounts: list[int], limits: Limits = LIMITS) -> set[Rule]:
    group = np.zeros(len(amounts), dtype=np.int32)
    found = concentration(group, np.array(amounts, dtype=np.int64), 1).failures(limits)
    return {rule for rule, fails in found if fails[0]}


amounts = st.lists(st.one_of(st.integers(-20, 20), st.integers(-(2**57), 2**57)), max_size=12)


@given(amounts)
def test_rules_agree_with_the_reference(cell: list[int]) -> None:
    assert judged(cell) == failing(cell)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 50)), max_size=40))
def test_groups_do_not_mix(entries: list[tuple[int, int]]) -> None:
    group = np.array([cell for cell, _ in entries], dtype=np.int32)
    found = concentration(group, np.array([amount for _, amount in entries], dtype=np.int64), 5)
    dominated = found.dominated(LIMITS)
    for cell in range(5):
        mine = [amount for where, amount in entries if where == cell]
        ordered = [*sorted(map(abs, mine), reverse=True), 0, 0]
        assert (found.largest[cell], found.second[cell], found.total[cell]) == (*ordered[:2], sum(ordered))
        assert dominated[cell] == bool(failing(mine))


@pytest.mark.parametrize(
    ("cell", "fails"),
    [
        ([], set()),
        ([0, 0, 0], set()),
        ([5, 5], {Rule.DOMINANCE_2, Rule.P_PERCENT}),
        ([50, 35, 15], set()),
        ([50, 36, 14], {Rule.DOMINANCE_2}),
        ([51, 20, 20, 9], {Rule.DOMINANCE_1}),
        ([60, 20, 20], {Rule.DOMINANCE_1}),
        ([61, 20, 19], {Rule.DOMINANCE_1, Rule.LOCAL_TOP_SHARE}),
        ([100, 90, 10], {Rule.DOMINANCE_2}),
        ([100, 90, 9], {Rule.DOMINANCE_1, Rule.DOMINANCE_2, Rule.P_PERCENT}),
        ([991, 900, 99], {Rule.DOMINANCE_2, Rule.P_PERCENT}),
        ([40, -40, 20], set()),
        ([1000, -999, 1, 1, 1], {Rule.DOMINANCE_2, Rule.P_PERCENT}),
    ],
)
def test_boundaries(cell: list[int], fails: set[Rule]) -> None:
    expected = set(fails)
    if sum(map(abs, cell)) and max(map(abs, cell)) * 2 > sum(map(abs, cell)):
        expected.add(Rule.DOMINANCE_1)
    assert judged(cell) == expected == failing(cell)


PEOPLE = 8
domain = st.lists(st.integers(0, 30), min_size=PEOPLE, max_size=PEOPLE)
stricter = st.builds(
    Limits,
    top1_share=st.fractions(Fraction(1, 10), Fraction(1, 2)),
    top2_share=st.fractions(Fraction(2, 10), Fraction(85, 100)),
    p_percent=st.integers(10, 60),
)


@given(st.lists(domain, min_size=1, max_size=4), stricter)
def test_what_passes_in_every_domain_passes_in_the_sum(domains: list[list[int]], limits: Limits) -> None:
    """The lemma, with persons who contribute in several domains; every rule by itself."""
    for rule in (Rule.DOMINANCE_1, Rule.DOMINANCE_2, Rule.P_PERCENT):
        passing = [amounts for amounts in domains if rule not in failing(amounts, limits)]
        total = [sum(values) for values in zip(*passing, strict=True)]
        assert rule not in failing(total, limits)


@given(st.lists(domain, min_size=2, max_size=4))
def test_the_two_largest_may_sit_in_two_domains(domains: list[list[int]]) -> None:
    """The lemma for domains that share nobody: contributions stand side by side instead of adding up."""
    passing = [amounts for amounts in domains if not failing(amounts)]
    assume(len(passing) > 1)
    assert not failing([amount for amounts in passing for amount in amounts])


def test_failing_domains_can_make_a_passing_sum() -> None:
    """The other direction does not hold, so the domain's rule is the stricter one."""
    assert failing([10, 0, 0])
    assert not failing([10, 10, 10, 10])


def test_amounts_whose_sum_might_wrap_are_refused() -> None:
    for cell in ([2**61, 2**61], [-(2**63)], [2**62], [2**62 - 1, 1]):
        with pytest.raises(CellsInvalid, match=r"^expected sums that fit 62 bits, got larger amounts$"):
            judged(cell)
    assert judged([2**61, 2**60, 2**59, 2**58]) == failing([2**61, 2**60, 2**59, 2**58])
