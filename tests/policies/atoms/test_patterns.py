from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid
from policies.atoms.patterns import (
    pattern_codes,
    patterns_of_counted_values,
    patterns_of_pairs,
    patterns_of_values,
)

PERSONS = 8
pairs = st.lists(st.tuples(st.integers(0, PERSONS - 1), st.integers(0, 6)), max_size=50)


def int32(values: object) -> NDArray[np.int32]:
    return np.asarray(values, dtype=np.int32)


@given(pairs)
def test_equal_codes_mean_equal_sets_of_cells(entries: list[tuple[int, int]]) -> None:
    codes = pattern_codes(int32([p for p, _ in entries]), int32([c for _, c in entries]), PERSONS)
    sets = [frozenset(c for p, c in entries if p == person) for person in range(PERSONS)]
    for one in range(PERSONS):
        assert (codes[one] == 0) == (not sets[one])
        for other in range(PERSONS):
            assert (codes[one] == codes[other]) == (sets[one] == sets[other])
    assert set(codes.tolist()) | {0} == set(range(int(codes.max()) + 1))


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_show(entries: list[tuple[int, int]], random: object) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        pattern_codes(int32([p for p, _ in e]), int32([c for _, c in e]), PERSONS)
        for e in (entries, shuffled)
    )
    assert one.tolist() == other.tolist()


def test_a_person_in_every_one_of_five_hundred_cells_has_an_exact_code() -> None:
    person = int32([0] * 500 + [1] * 499)
    cell = int32([*range(500), *range(499)])
    codes = pattern_codes(person, cell, 3)
    assert len(set(codes.tolist())) == 3


@given(pairs)
def test_incidence_lists_the_cells_of_every_pattern(entries: list[tuple[int, int]]) -> None:
    found = patterns_of_pairs(
        int32([p for p, _ in entries]), int32([c for _, c in entries]), persons=PERSONS, n_cells=7
    )
    for person in range(PERSONS):
        mine = found.feature[found.pattern == found.of_person[person]]
        assert sorted(mine.tolist()) == sorted({c for p, c in entries if p == person})


@given(
    st.lists(
        st.tuples(st.integers(0, PERSONS - 1), st.integers(0, 3), st.booleans(), st.booleans()),
        max_size=24,
        unique_by=lambda entry: entry[:2],
    )
)
def test_values_are_features_of_their_own(entries: list[tuple[int, int, bool, bool]]) -> None:
    behind = np.array([[e[2] for e in entries], [e[3] for e in entries]], dtype=np.bool_)
    found = patterns_of_values(
        int32([e[0] for e in entries]), int32([e[1] for e in entries]), behind, persons=PERSONS, n_cells=4
    )
    assert found.parent.tolist() == [0, 1, 2, 3] * 3
    for person in range(PERSONS):
        expected = {
            4 * place + e[1]
            for e in entries
            if e[0] == person
            for place in range(3)
            if place == 0 or e[1 + place]
        }
        assert set(found.feature[found.pattern == found.of_person[person]].tolist()) == expected


@given(
    st.lists(
        st.tuples(st.integers(0, PERSONS - 1), st.integers(0, 2), st.booleans(), st.booleans()), max_size=24
    )
)
def test_counted_values_tell_how_often(entries: list[tuple[int, int, bool, bool]]) -> None:
    behind = np.array([[e[2] for e in entries], [e[3] for e in entries]], dtype=np.bool_)
    found = patterns_of_counted_values(
        int32([e[0] for e in entries]), int32([e[1] for e in entries]), behind, units=PERSONS, n_cells=3
    )
    assert found.parent.tolist() == [0, 1, 2] * 3
    often = [
        Counter(
            3 * place + e[1]
            for e in entries
            if e[0] == person
            for place in range(3)
            if not place or e[1 + place]
        )
        for person in range(PERSONS)
    ]
    for one in range(PERSONS):
        features = found.feature[found.pattern == found.of_person[one]].tolist()
        assert sorted(features) == sorted(often[one])
        for other in range(PERSONS):
            assert (found.of_person[one] == found.of_person[other]) == (often[one] == often[other])


def test_pairs_that_do_not_fit_are_refused() -> None:
    flag = np.zeros((1, 1), dtype=np.bool_)
    with pytest.raises(AtomsInvalid, match=r"^expected persons below 3, got another$"):
        pattern_codes(int32([3]), int32([0]), 3)
    with pytest.raises(AtomsInvalid, match=r"^expected one 32-bit label for each unit, got others$"):
        pattern_codes(int32([0, 1]), int32([0]), 3)
    for n_flags, n_pairs in ((1, 2), (21, 1)):
        with pytest.raises(
            AtomsInvalid, match=r"^expected one flag for each of at most 20 measures and each"
        ):
            patterns_of_values(
                int32([0]), int32([0]), np.zeros((n_flags, n_pairs), dtype=np.bool_), persons=1, n_cells=1
            )
    patterns_of_values(int32([0]), int32([0]), np.zeros((20, 1), dtype=np.bool_), persons=1, n_cells=1)
    with pytest.raises(AtomsInvalid, match=r"^expected cells below 1, got another$"):
        patterns_of_values(int32([0]), int32([1]), flag, persons=1, n_cells=1)
    with pytest.raises(AtomsInvalid, match=r"^expected one flag for each measure and each pair, got others$"):
        patterns_of_counted_values(int32([0, 0]), int32([0, 0]), flag, units=1, n_cells=1)
