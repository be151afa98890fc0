"""The atom rule, proved on the matrix of released sums: every combination of them involves nobody or at least k persons.

The proof does not use the code's own notion of an atom. For each history the matrix is built from what was released, one row
per released sum and one column per unknown amount. A combination that involves only persons of S exists if and only if the
rank falls when the columns of S are taken away; that is checked with exact fractions for every S of k - 1 persons.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.atoms.admission import Line, admit, admit_lines, admit_pairs, admit_rows, admit_values
from policies.atoms.errors import AtomsInvalid
from policies.atoms.history import fresh
from policies.atoms.partition import smallest
from policies.disclosure.limits import Limits

K = 3
Matrix = list[list[int]]


def rank(rows: Matrix) -> int:
    """Rank by Gaussian elimination over the rationals."""
    left = [[Fraction(value) for value in row] for row in rows]
    found = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((row for row in range(found, len(left)) if left[row][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        for row in range(found + 1, len(left)):
            factor = left[row][column] / left[found][column]
            left[row] = [a - factor * b for a, b in zip(left[row], left[found], strict=True)]
        found += 1
    return found


def isolates(rows: Matrix, owner: list[int], *, k: int = K) -> bool:
    """Whether some combination of the rows involves at least one and fewer than k owners of columns."""
    persons = sorted(set(owner))
    distinct = [list(row) for row in sorted({tuple(row) for row in rows})]
    whole = rank(distinct)
    for group in itertools.combinations(persons, min(k - 1, len(persons))):
        others = [column for column, person in enumerate(owner) if person not in group]
        if rank([[row[column] for column in others] for row in distinct]) < whole:
            return True
    return False


def int32(values: object) -> NDArray[np.int32]:
    return np.asarray(values, dtype=np.int32)


people = st.integers(3, 11)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    n = draw(people)
    answers = draw(st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=6))
    return n, answers


@st.composite
def membership_histories(draw: st.DrawFn) -> tuple[int, list[list[tuple[int, int, bool]]]]:
    n = draw(people)
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, 2), st.booleans())
    answers = draw(
        st.lists(st.lists(pair, max_size=3 * n, unique_by=lambda entry: entry[:2]), min_size=1, max_size=5)
    )
    return n, answers


@pytest.mark.req("RQ-309")
@given(histories())
def test_no_combination_of_released_sums_isolates_fewer_than_k_persons(
    history: tuple[int, list[list[int]]],
) -> None:
    n, answers = history
    atoms, released = fresh(n), []
    for codes in answers:
        verdict = admit(atoms, int32(codes), k=K, n_codes=4)
        atoms = verdict.atoms
        released += [[int(code == cell) for code in codes] for cell in range(1, 4) if verdict.released[cell]]
        assert not isolates(released, list(range(n)))
        for cell in released:
            for atom in range(int(atoms.max()) + 1):
                assert len({cell[person] for person in range(n) if atoms[person] == atom}) == 1


@pytest.mark.req("RQ-309")
@given(membership_histories())
def test_conditional_values_and_persons_in_several_cells_isolate_nobody(
    history: tuple[int, list[list[tuple[int, int, bool]]]],
) -> None:
    n, answers = history
    atoms, released = fresh(n), []
    for entries in answers:
        person, cell = int32([entry[0] for entry in entries]), int32([entry[1] for entry in entries])
        behind = np.array([[entry[2] for entry in entries]], dtype=np.bool_)
        verdict = admit_values(atoms, person, cell, behind, n_cells=3, k=K)
        atoms = verdict.atoms
        assert not (verdict.values & ~verdict.cells).any()
        for index in np.flatnonzero(verdict.cells):
            inside = {entry[0] for entry in entries if entry[1] == index}
            released.append([int(i in inside) for i in range(n)])
        for index in np.flatnonzero(verdict.values[0]):
            inside = {entry[0] for entry in entries if entry[1] == index and entry[2]}
            released.append([int(i in inside) for i in range(n)])
        assert not isolates(released, list(range(n)))


@st.composite
def row_histories(draw: st.DrawFn) -> tuple[int, list[int], list[list[int]]]:
    n = draw(st.integers(3, 7))
    owner = sorted(draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=14)))
    rows = len(owner)
    answers = draw(
        st.lists(st.lists(st.integers(0, 2), min_size=rows, max_size=rows), min_size=1, max_size=5)
    )
    return n, owner, answers


@pytest.mark.req("RQ-309")
@given(row_histories())
def test_sums_over_rows_and_counts_of_persons_isolate_nobody(
    history: tuple[int, list[int], list[list[int]]],
) -> None:
    n, owner, answers = history
    person_atoms, row_atoms = fresh(n), fresh(len(owner))
    sums: Matrix = []
    counts: Matrix = []
    for codes in answers:
        verdict = admit_rows(person_atoms, row_atoms, owner=int32(owner), codes=int32(codes), n_codes=3, k=K)
        person_atoms, row_atoms = verdict.person_atoms, verdict.row_atoms
        for cell in np.flatnonzero(verdict.released):
            sums.append([int(code == cell) for code in codes])
            inside = {owner[row] for row, code in enumerate(codes) if code == cell}
            counts.append([int(i in inside) for i in range(n)])
        assert not isolates(sums, owner)
        assert not isolates(counts, list(range(n)))


@st.composite
def joined_histories(
    draw: st.DrawFn,
) -> tuple[list[int], list[int], list[list[tuple[int, int, int, bool]]]]:
    """Owners of the rows of two tables; by answer joined rows (a row of each), their cell, whether a condition holds."""
    n = draw(st.integers(3, 5))
    one = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=8))
    other = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=8))
    joined = [(a, b) for a, p in enumerate(one) for b, q in enumerate(other) if p == q] or [(0, 0)]
    entry = st.tuples(st.sampled_from(joined), st.integers(0, 1), st.booleans())
    answers = st.lists(st.lists(entry, max_size=16, unique_by=lambda e: e[0]), min_size=1, max_size=4)
    return one, other, [[(a, b, c, met) for (a, b), c, met in entries] for entries in draw(answers)]


@pytest.mark.req("RQ-309")
@given(joined_histories())
def test_sums_over_joined_rows_of_either_table_isolate_nobody(
    history: tuple[list[int], list[int], list[list[tuple[int, int, int, bool]]]],
) -> None:
    *owners, answers = history
    atoms: tuple[NDArray[np.int32], ...] = tuple(fresh(len(owner)) for owner in owners)
    sums: list[Matrix] = [[], []]
    for entries in answers:
        code = int32([entry[2] for entry in entries])
        behind = np.array([[entry[3] for entry in entries]], dtype=np.bool_)
        lines = [
            Line(atoms[i], int32([e[i] for e in entries]), code, int32(owner), behind=behind)
            for i, owner in enumerate(owners)
        ]
        verdict = admit_lines(lines, n_codes=2, k=K)
        atoms = verdict.atoms
        assert not (verdict.values & ~verdict.cells).any()
        for i, owner in enumerate(owners):
            for cell in np.flatnonzero(verdict.cells):
                inside = [e for e in entries if e[2] == cell]
                sums[i].append([sum(e[i] == row for e in inside) for row in range(len(owner))])
                if verdict.values[0, cell]:
                    sums[i].append([sum(e[i] == row and e[3] for e in inside) for row in range(len(owner))])
            assert not isolates(sums[i], owner)


def test_a_person_whom_a_join_repeats_more_often_is_seen_in_the_counted_line_only() -> None:
    # Everybody has one visit in each of two years, one has two in the first. Her income is then the difference of the
    # sums of income over visits of the two years, though every row of the visits has nine others like it.
    person = int32([*range(30), 0])
    year_1, year_2 = np.zeros(31, dtype=np.int32), np.zeros(30, dtype=np.int32)
    for counted, accepted in ((False, True), (True, False)):
        first = admit_lines([Line(fresh(30), person[:30], year_2, counted=counted)], n_codes=1, k=10)
        second = admit_lines([Line(first.atoms[0], person, year_1, counted=counted)], n_codes=1, k=10)
        assert first.accepted
        assert second.accepted == accepted


def test_a_code_is_released_on_all_lines_or_on_none() -> None:
    fine = Line(fresh(40), np.arange(30, dtype=np.int32), int32([0] * 10 + [1] * 20))
    small = Line(fresh(40), np.arange(29, dtype=np.int32), int32([0] * 9 + [1] * 20))
    for lines in ([fine, small], [small, fine]):
        verdict = admit_lines(lines, n_codes=3, k=10)
        assert verdict.cells.tolist() == [False, True, False]
        assert [np.bincount(atoms).tolist() for atoms in verdict.atoms] == [[20, 20], [20, 20]]
    with pytest.raises(AtomsInvalid, match=r"^expected codes below 1, got another$"):
        admit_lines([fine], n_codes=1, k=10)
    with pytest.raises(AtomsInvalid, match=r"^expected one 32-bit label for each unit, got others$"):
        admit_lines([replace(fine, code=fine.code[:-1])], n_codes=2, k=10)
    for behind in (np.ones((1, 29), dtype=np.bool_), np.ones((1, 30), dtype=np.int64)):
        with pytest.raises(
            AtomsInvalid, match=r"^expected one flag for each measure and each pair, got others$"
        ):
            admit_lines([replace(fine, behind=behind)], n_codes=2, k=10)


@st.composite
def weighed_histories(draw: st.DrawFn) -> tuple[list[int], list[int], list[list[int]]]:
    """Owners and amounts of rows, and by answer the cell of each row, 2 for none."""
    n = draw(st.integers(4, 12))
    owner = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=16))
    amounts = draw(st.lists(st.integers(-3, 9), min_size=len(owner), max_size=len(owner)))
    answer = st.lists(st.integers(0, 2), min_size=len(owner), max_size=len(owner))
    return owner, amounts, draw(st.lists(answer, min_size=1, max_size=4))


@pytest.mark.req("RQ-309")
@given(weighed_histories())
def test_no_union_of_atoms_is_dominated(history: tuple[list[int], list[int], list[list[int]]]) -> None:
    owner, amounts, answers = history
    atoms = fresh(len(owner))
    for codes in answers:
        row = np.flatnonzero(int32(codes) < 2).astype(np.int32)
        line = Line(atoms, row, int32(codes)[row], int32(owner), amounts=(np.array(amounts, dtype=np.int64),))
        verdict = admit_lines([line], n_codes=2, k=K)
        if not verdict.accepted:
            continue
        (atoms,) = verdict.atoms
        for cell in np.flatnonzero(verdict.cells):
            inside = sorted({int(atoms[r]) for r, code in enumerate(codes) if code == cell})
            for count in range(1, len(inside) + 1):
                for union in itertools.combinations(inside, count):
                    by_person: dict[int, int] = {}
                    for r, person in enumerate(owner):
                        if atoms[r] in union:
                            by_person[person] = by_person.get(person, 0) + amounts[r]
                    ordered = [*sorted(map(abs, by_person.values()), reverse=True), 0, 0]
                    total = sum(ordered)
                    # Amounts of one person with two signs may cancel in a union; the lemma speaks of absolute amounts.
                    if min(amounts) >= 0 or count == 1:
                        assert 2 * ordered[0] <= total
                        assert 100 * (ordered[0] + ordered[1]) <= 85 * total
                        assert 100 * (total - ordered[0] - ordered[1]) >= 10 * ordered[0]


def test_the_difference_of_two_sums_is_not_one_persons_amount_in_effect() -> None:
    # The ten persons between the two answers are enough, but one of them has nearly all of their amounts.
    amounts = np.array([10] * 30 + [1] * 9 + [200], dtype=np.int64)
    everybody, thirty = np.arange(40, dtype=np.int32), np.arange(30, dtype=np.int32)
    for lanes, accepted in (((), True), ((amounts,), False)):
        first = admit_lines(
            [Line(fresh(40), everybody, np.zeros(40, dtype=np.int32), amounts=lanes)], n_codes=1, k=10
        )
        second = admit_lines(
            [Line(first.atoms[0], thirty, np.zeros(30, dtype=np.int32), amounts=lanes)], n_codes=1, k=10
        )
        assert first.accepted
        assert second.accepted == accepted


def test_several_measures_of_a_join_are_withheld_one_by_one() -> None:
    # Of forty rows, each of them twice in a join, thirty meet one condition and thirty-five another.
    row, code = np.tile(np.arange(40, dtype=np.int32), 2), np.zeros(80, dtype=np.int32)
    behind = np.stack([np.tile(np.arange(40) < met, 2) for met in (30, 35, 40)])
    verdict = admit_lines([Line(fresh(40), row, code, behind=behind)], n_codes=1, k=10)
    assert verdict.accepted
    assert verdict.cells.tolist() == [True]
    assert verdict.values.tolist() == [[True], [False], [True]]
    assert sorted(np.bincount(verdict.atoms[0]).tolist()) == [10, 30]


def test_a_value_does_not_outlive_its_cell_on_any_line() -> None:
    pairs = int32([0] * 12 + [1] * 8)
    everybody = Line(fresh(60), np.arange(20, dtype=np.int32), pairs, behind=np.ones((1, 20), dtype=np.bool_))
    verdict = admit_lines([everybody], n_codes=2, k=10)
    assert (verdict.cells.tolist(), verdict.values.tolist()) == ([True, False], [[True, False]])


def test_what_the_lines_say_is_put_together() -> None:
    units, others = np.arange(20, dtype=np.int32), np.arange(20, 40, dtype=np.int32)
    zero = np.zeros(20, dtype=np.int32)
    one = Line(fresh(40), units, zero)
    other = Line(fresh(40), others, zero + np.int32(1))
    small = Line(fresh(40), units[:9], zero[:9])
    assert admit_lines([one, other], n_codes=3, k=10).cells.tolist() == [True, True, False]
    for lines in ([one, other, small], [small, one, other], [one, small, other]):
        assert admit_lines(lines, n_codes=3, k=10).cells.tolist() == [False, True, False]
    refused = admit_lines([one, small], n_codes=3, k=10)
    assert (refused.accepted, refused.cells.tolist(), refused.values.shape) == (False, [False] * 3, (0, 3))
    assert refused.atoms[0] is one.atoms


def test_a_value_that_one_line_withholds_is_withheld_on_all() -> None:
    units, code = np.arange(40, dtype=np.int32), np.zeros(40, dtype=np.int32)
    fine = Line(fresh(60), units, code, behind=np.array([np.arange(40) < 20]))
    small = Line(fresh(60), units, code, behind=np.array([np.arange(40) < 35]))
    silent = Line(fresh(60), units, code)
    for lines in ([fine, small, silent], [silent, small, fine], [small, fine, silent]):
        verdict = admit_lines(lines, n_codes=1, k=10)
        assert (verdict.cells.tolist(), verdict.values.tolist()) == ([True], [[False]])
        assert [sorted(np.bincount(atoms).tolist()) for atoms in verdict.atoms] == [[20, 40]] * 3
    assert admit_lines([fine, silent], n_codes=1, k=10).values.tolist() == [[True]]


def test_dominance_in_atoms_is_judged_under_the_limits_given() -> None:
    amounts = (np.ones(10, dtype=np.int64),)
    line = Line(fresh(10), np.arange(10, dtype=np.int32), np.zeros(10, dtype=np.int32), amounts=amounts)
    assert admit_lines([line], n_codes=1, k=10).accepted
    strict = Limits().tightened({"top1_share": "0.09"})
    assert not admit_lines([line], n_codes=1, k=10, limits=strict).accepted


def test_amounts_of_another_length_are_refused() -> None:
    for lane in (np.ones(2, dtype=np.int64), np.ones(3, dtype=np.int32)):
        with pytest.raises(AtomsInvalid):
            admit_lines([Line(fresh(3), int32([0]), int32([0]), amounts=(lane,))], n_codes=1, k=1)  # type: ignore[arg-type]


@given(histories(), st.randoms(use_true_random=False))
def test_what_is_withheld_could_not_have_stayed(history: tuple[int, list[list[int]]], random: object) -> None:
    n, answers = history
    atoms = fresh(n)
    for codes in answers:
        verdict = admit(atoms, int32(codes), k=K, n_codes=4)
        for cell in set(codes) - {0} - set(np.flatnonzero(verdict.released).tolist()):
            keep = verdict.released.copy()
            keep[cell] = True
            more = int32([code if keep[code] else 0 for code in codes])
            assert not admit(atoms, more, k=K, n_codes=4, droppable=False).accepted
        atoms = verdict.atoms


def test_the_check_sees_an_isolation_when_everything_is_released() -> None:
    everybody, all_but_one = [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]
    assert isolates([everybody, all_but_one], list(range(5)))
    assert not isolates([everybody], list(range(5)))


def test_n_against_n_minus_one_is_refused() -> None:
    n = 50
    first = admit(fresh(n), np.ones(n, dtype=np.int32), k=10)
    second = admit(first.atoms, int32([1] * (n - 1) + [0]), k=10)
    assert first.accepted
    assert not second.accepted
    assert second.atoms is first.atoms


def test_a_retry_with_another_roster_is_one_more_predicate() -> None:
    n = 40
    with_all = admit(fresh(n), np.ones(n, dtype=np.int32), k=10)
    without_nine = admit(with_all.atoms, int32([0] * 9 + [1] * 31), k=10)
    without_ten = admit(with_all.atoms, int32([0] * 10 + [1] * 30), k=10)
    assert not without_nine.accepted
    assert without_ten.accepted


def test_one_answer_that_differences_itself_is_cut() -> None:
    # Twelve persons, a condition that eleven of them meet: cell minus value is the twelfth.
    person, cell = np.arange(30, dtype=np.int32), int32([0] * 12 + [1] * 18)
    behind = np.array([[i != 0 for i in range(30)]])
    verdict = admit_values(fresh(30), person, cell, behind, n_cells=2, k=10)
    assert verdict.cells.tolist() == [True, True]
    assert verdict.values.tolist() == [[False, True]]


def test_the_day_between_two_sums_of_the_same_visitors_is_seen_in_rows_only() -> None:
    # Everybody came before day 9; one came on day 9 too. As sets of persons "until 8" and "until 9" are equal.
    owner = int32([*range(30), 0])
    until_9, until_8 = np.ones(31, dtype=np.int32), int32([1] * 30 + [0])
    everybody = np.ones(30, dtype=np.int32)

    persons = admit(admit(fresh(30), everybody, k=10).atoms, everybody, k=10)
    first = admit_rows(fresh(30), fresh(31), owner=owner, codes=until_9, n_codes=2, k=10)
    second = admit_rows(first.person_atoms, first.row_atoms, owner=owner, codes=until_8, n_codes=2, k=10)

    assert persons.accepted
    assert first.accepted
    assert not second.accepted


def test_ten_rows_of_one_person_are_one_person() -> None:
    # Thirty visitors, one of whom came ten times on day 9 and before: the persons are the same on both sides.
    owner = int32([*range(30), *[0] * 10])
    until_9, until_8 = np.ones(40, dtype=np.int32), int32([1] * 30 + [0] * 10)
    first = admit_rows(fresh(30), fresh(40), owner=owner, codes=until_9, n_codes=2, k=10)
    second = admit_rows(first.person_atoms, first.row_atoms, owner=owner, codes=until_8, n_codes=2, k=10)
    assert first.accepted
    assert not second.accepted
    assert second.released.tolist() == [False, False]

    row, cell = np.arange(40, dtype=np.int32), np.zeros(40, dtype=np.int32)
    behind = np.array([[True] * 30 + [False] * 10])
    by_row = admit_values(fresh(40), row, cell, behind, n_cells=1, k=10)
    by_person = admit_values(fresh(40), row, cell, behind, n_cells=1, k=10, owner=owner)
    assert by_row.values.tolist() == [[True]]
    assert by_person.values.tolist() == [[False]]
    assert by_row.accepted is by_person.accepted is True


def test_the_overlap_of_two_diagnoses_is_seen_in_persons_only() -> None:
    # Distinct persons with a, with b, with either: the difference counts those with both, here one.
    owner = int32([*range(20), *range(20, 39), 0, *range(39, 60)])
    with_a = int32([1] * 20 + [0] * 41)
    with_b = int32([0] * 20 + [1] * 20 + [0] * 21)

    rows = admit(admit(fresh(61), with_a, k=10, owner=owner).atoms, with_b, k=10, owner=owner)
    first = admit_rows(fresh(60), fresh(61), owner=owner, codes=with_a, n_codes=2, k=10)
    second = admit_rows(first.person_atoms, first.row_atoms, owner=owner, codes=with_b, n_codes=2, k=10)

    assert rows.accepted
    assert first.accepted
    assert not second.accepted


def test_an_offending_cell_is_withheld_and_the_others_stay() -> None:
    codes = int32([1] * 20 + [2] * 15 + [3] * 9 + [0] * 12)
    verdict = admit(fresh(56), codes, k=10)
    assert verdict.released.tolist() == [False, True, True, False]
    assert smallest(verdict.atoms) == 15


def test_a_small_remainder_costs_the_smallest_cell() -> None:
    codes = int32([1] * 20 + [2] * 15 + [0] * 9)
    verdict = admit(fresh(44), codes, k=10)
    assert verdict.released.tolist() == [False, True, False]
    assert np.bincount(verdict.atoms).tolist() == [24, 20]


def test_all_or_none_when_cells_may_not_be_dropped() -> None:
    codes = int32([1] * 20 + [2] * 9)
    assert not admit(fresh(29), codes, k=10, droppable=False).accepted
    assert admit(fresh(29), codes, k=9, droppable=False).accepted


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_universe_below_k_answers_nothing(n: int) -> None:
    assert not admit(fresh(n), np.ones(n, dtype=np.int32), k=10).accepted


def test_a_universe_of_exactly_k_answers_as_a_whole() -> None:
    assert admit(fresh(10), np.ones(10, dtype=np.int32), k=10).accepted


def test_an_answer_about_nobody_is_not_admitted() -> None:
    assert not admit(fresh(20), np.zeros(20, dtype=np.int32), k=10).accepted


def test_a_small_atom_that_is_not_touched_does_not_stand_in_the_way() -> None:
    atoms = int32([0] * 3 + [1] * 20)
    verdict = admit(atoms, int32([0] * 3 + [1] * 20), k=10)
    assert verdict.accepted
    assert np.bincount(verdict.atoms).tolist() == [3, 20]


@given(histories())
def test_pairs_with_one_cell_each_are_judged_like_codes(history: tuple[int, list[list[int]]]) -> None:
    n, answers = history
    by_code, by_pair = fresh(n), fresh(n)
    for codes in answers:
        person = np.flatnonzero(codes).astype(np.int32)
        one = admit(by_code, int32(codes), k=K, n_codes=4)
        other = admit_pairs(by_pair, person, int32(codes)[person], 4, k=K)
        by_code, by_pair = one.atoms, other.atoms
        assert one.accepted == other.accepted
        assert one.released.tolist() == other.released.tolist()
        assert by_code.tolist() == by_pair.tolist()


@pytest.mark.parametrize(
    ("atoms", "codes"),
    [
        (np.zeros(3, dtype=np.int64), int32([1, 1, 1])),
        (int32([0, 0, 0]), int32([1, 1])),
        (int32([0, 0, -1]), int32([1, 1, 1])),
        (int32([0, 0, 0]), int32([1, -1, 1])),
    ],
)
def test_vectors_that_do_not_fit_are_refused(atoms: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    with pytest.raises(AtomsInvalid):
        admit(atoms, codes, k=2)


def test_an_atom_size_below_one_and_a_code_beyond_the_cells_are_refused() -> None:
    with pytest.raises(AtomsInvalid, match=r"^expected an atom size of at least one, got 0$"):
        admit(fresh(3), int32([1, 1, 1]), k=0)
    with pytest.raises(AtomsInvalid, match=r"^expected codes below 3, got another$"):
        admit(fresh(3), int32([1, 3, 1]), k=1, n_codes=3)
    with pytest.raises(AtomsInvalid, match=r"^expected persons below 3, got another$"):
        admit_pairs(fresh(3), int32([3]), int32([0]), 1, k=1)
    with pytest.raises(AtomsInvalid, match=r"^expected cells below 1, got another$"):
        admit_pairs(fresh(3), int32([0]), int32([1]), 1, k=1)
    for owner, codes in ((int32([0, 1]), int32([1, 1, 1])), (int32([0, 1, 2]), int32([1, 1]))):
        with pytest.raises(AtomsInvalid, match=r"^expected one 32-bit label for each unit, got others$"):
            admit_rows(fresh(3), fresh(3), owner=owner, codes=codes, n_codes=2, k=1)


@pytest.mark.long
def test_a_query_at_a_million_persons_is_judged_within_sixty_milliseconds() -> None:
    generator = np.random.default_rng(20261101)
    n = 1_000_000
    atoms, best = fresh(n), 1.0
    for _ in range(5):
        codes = generator.integers(0, 5, n).astype(np.int32)
        before = time.perf_counter()
        verdict = admit(atoms, codes, k=10)
        best = min(best, time.perf_counter() - before)
        assert verdict.accepted
        atoms = verdict.atoms
    assert best <= 0.060


@pytest.mark.long
@settings(max_examples=400)
@given(st.integers(0, 2**32 - 1))
def test_long_histories_isolate_nobody(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n, k = 24, 3
    atoms, released = fresh(n), []
    for _ in range(30):
        codes = generator.integers(0, 1 + generator.integers(1, 4), n).astype(np.int32)
        verdict = admit(atoms, codes, k=k, n_codes=4)
        atoms = verdict.atoms
        released += [(codes == cell).astype(int).tolist() for cell in np.flatnonzero(verdict.released)]
    assert not isolates(released, list(range(n)), k=k) if released else True
