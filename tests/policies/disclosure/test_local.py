"""What a domain lets go of its own cells, judged against a plain reference over dictionaries."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.errors import AnswerTooLarge, CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.local import Amounts, Contributions, LocallyJudged, PersonBound, judge_locally
from policies.disclosure.rules import Rule

LIMITS = Limits()
N_CELLS = 3
KEYS = tuple((cell,) for cell in range(N_CELLS))
Entry = tuple[int, int, int, int, int]
"""Cell, person, rows, total, squares."""


def contributions(*columns: list[Entry]) -> Contributions:
    """Contributions of several measures over the same cells and persons."""

    def lane(entries: list[Entry], place: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([entry[place] for entry in entries], dtype=np.int64)

    return Contributions(
        lane(columns[0], 0).astype(np.int32),
        lane(columns[0], 1).astype(np.int32),
        tuple(Amounts(lane(entries, 2), lane(entries, 3), lane(entries, 4)) for entries in columns),
    )


def run(
    *columns: list[Entry],
    measures: tuple[Measure, ...],
    universe: int = 100,
    bounds: tuple[PersonBound | None, ...] | None = None,
    one_domain: bool = False,
    limits: Limits = LIMITS,
) -> LocallyJudged:
    return judge_locally(
        contributions(*columns),
        shape=Shape(("cell",), measures),
        keys=KEYS,
        bounds=bounds or (None,) * len(measures),
        universe=universe,
        limits=limits,
        one_domain=one_domain,
    )


def counted(*sizes: int) -> list[Entry]:
    """One row for each person; cell i holds sizes[i] persons."""
    cells = [cell for cell, size in enumerate(sizes) for _ in range(size)]
    return [(cell, person, 1, 0, 0) for person, cell in enumerate(cells)]


COUNT = (Measure("n", Kind.COUNT),)


@pytest.mark.parametrize(
    ("size", "universe", "one_domain", "rules"),
    [
        (4, 100, False, {Rule.LOCAL_PERSONS: 1}),
        (5, 100, False, {}),
        (9, 100, True, {Rule.LOCAL_PERSONS: 1}),
        (10, 100, True, {}),
        (20, 29, False, {Rule.LOCAL_COMPLEMENT: 1}),
        (20, 30, False, {}),
        (20, 20, False, {}),
        (20, 21, False, {Rule.LOCAL_COMPLEMENT: 1}),
    ],
)
def test_persons_and_complement(size: int, universe: int, one_domain: bool, rules: dict[Rule, int]) -> None:
    judged = judge_locally(
        contributions(counted(size)),
        shape=Shape((), COUNT),
        keys=((),),
        bounds=(None,),
        universe=universe,
        limits=LIMITS,
        one_domain=one_domain,
    )
    assert judged.report.cells_by_rule == rules
    assert judged.cells.matrix[:, 0].tolist() == ([0] * 6 if rules else [1, size, 1, size, size, size])


def test_a_withheld_cell_is_the_same_as_an_empty_one_in_every_lane() -> None:
    withheld = run(counted(20, 4, 0), measures=COUNT)
    assert (withheld.cells.matrix[:, 1] == withheld.cells.matrix[:, 2]).all()
    assert not withheld.cells.matrix[:, 1].any()
    assert withheld.released.tolist() == [True, False, False]


def test_persons_are_counted_and_not_rows() -> None:
    many_rows = [(0, person, 50, 0, 0) for person in range(4)]
    assert not run(many_rows, measures=COUNT).released.any()


def test_a_dominated_measure_is_withheld_and_its_cell_stays() -> None:
    cost = [(0, person, 1, 1000 if person == 0 else 10, 0) for person in range(20)]
    judged = run(counted(20), cost, measures=(*COUNT, Measure("cost", Kind.SUM, Coverage.PRESENT)))
    assert judged.released[0]
    assert judged.values[:, 0].tolist() == [True, False]
    assert judged.report.values_by_rule == {Rule.LOCAL_TOP_SHARE: 1}
    lanes = judged.cells.lanes[1]
    assert [int(lane[0]) for lane in lanes] == [0] * 6


def test_a_person_with_half_of_all_rows_dominates_a_count() -> None:
    visits = [(0, person, 30 if person == 0 else 1, 0, 0) for person in range(20)]
    assert not run(visits, measures=COUNT).values[0, 0]
    bounded = run(visits, measures=COUNT, bounds=(PersonBound(0, 5),))
    assert bounded.values[0, 0]
    assert int(bounded.cells.lanes[0].rows[0]) == 24


def test_an_outlier_of_a_variance_is_seen_in_the_squares() -> None:
    value = [20 if person == 0 else 1 for person in range(30)]
    entries = [(0, person, 1, x, x * x) for person, x in enumerate(value)]
    mean = run(entries, measures=(Measure("m", Kind.MEAN, Coverage.PRESENT),))
    variance = run(entries, measures=(Measure("v", Kind.VARIANCE, Coverage.PRESENT),))
    assert mean.values[0, 0]
    assert not variance.values[0, 0]


def test_mixed_signs_do_not_hide_a_large_amount() -> None:
    cost = [(0, person, 1, [900, -900, 10][min(person, 2)], 0) for person in range(20)]
    assert not run(cost, measures=(Measure("cost", Kind.SUM, Coverage.PRESENT),)).values[0, 0]


@pytest.mark.parametrize(
    ("met", "released"), [(0, False), (4, False), (5, True), (15, True), (16, False), (19, False), (20, True)]
)
def test_a_condition_and_its_rest_hold_nobody_or_enough(met: int, released: bool) -> None:
    entries = [(0, person, int(person < met), 0, 0) for person in range(20)]
    judged = run(entries, measures=(Measure("f", Kind.COUNT, Coverage.CONDITION),))
    assert judged.released[0]
    assert judged.values[0, 0] == released
    assert int(judged.cells.lanes[0].base[0]) == (20 if released else 0)


def test_each_persons_total_is_clipped_to_its_bound() -> None:
    cost = [(0, person, 3, 40 + person, 700) for person in range(20)]
    judged = run(
        cost, measures=(Measure("v", Kind.VARIANCE, Coverage.PRESENT),), bounds=(PersonBound(0, 20),)
    )
    lanes = judged.cells.lanes[0]
    assert (int(lanes.total[0]), int(lanes.squares[0]), int(lanes.rows[0])) == (20 * 20, 20 * 400, 60)


def test_who_does_not_stand_behind_a_measure_brings_no_amount() -> None:
    cost = [(0, person, int(person < 10), 7, 49) for person in range(20)]
    judged = run(cost, measures=(Measure("c", Kind.SUM, Coverage.CONDITION),), bounds=(PersonBound(5, 9),))
    lanes = judged.cells.lanes[0]
    assert (int(lanes.persons[0]), int(lanes.total[0])) == (10, 70)


def test_cells_that_the_atom_rule_withholds_are_counted_as_such() -> None:
    judged = run(counted(20, 20, 4), measures=COUNT).without(np.array([True, False, True]))
    assert judged.released.tolist() == [False, True, False]
    assert judged.cells.matrix.tolist() == [[0, value, 0] for value in (1, 20, 1, 20, 20, 20)]
    assert judged.values.tolist() == [[False, True, False]]
    assert judged.report.cells_by_rule == {Rule.LOCAL_PERSONS: 1, Rule.ATOM: 1}
    assert judged.report.as_json()["cells_by_rule"] == {"local_persons": 1, "atom": 1}


@given(
    st.lists(
        st.tuples(st.integers(0, N_CELLS - 1), st.integers(0, 19), st.integers(0, 2), st.integers(-9, 60)),
        max_size=50,
        unique_by=lambda entry: entry[:2],
    ),
    st.sampled_from([20, 25, 40]),
)
def test_lanes_agree_with_a_plain_reference(raw: list[tuple[int, int, int, int]], universe: int) -> None:
    count = [(cell, person, 1, 0, 0) for cell, person, _, _ in raw]
    cost = [(cell, person, rows, total, total * total) for cell, person, rows, total in raw]
    measures = (*COUNT, Measure("cost", Kind.SUM, Coverage.PRESENT))
    judged = run(count, cost, measures=measures, universe=universe, bounds=(None, PersonBound(-5, 40)))
    persons = Counter(cell for cell, *_ in raw)
    for cell in range(N_CELLS):
        rest = universe - persons[cell]
        released = persons[cell] >= 5 and not 0 < rest < 10
        assert judged.released[cell] == released
        amounts = [max(-5, min(40, total)) for where, _, rows, total in raw if where == cell and rows]
        ordered = [*sorted(map(abs, amounts), reverse=True), 0, 0]
        whole, top, second = sum(ordered), ordered[0], ordered[1]
        missing = persons[cell] - len(amounts)
        good = (
            released
            and len(amounts) >= 5
            and not 0 < missing < 5
            and 2 * top <= whole
            and 100 * (top + second) <= 85 * whole
            and 100 * (whole - top - second) >= 10 * top
        )
        lanes = judged.cells.lanes[1]
        assert judged.values[1, cell] == good
        assert [int(lane[cell]) for lane in (lanes.domains, lanes.base, lanes.persons, lanes.total)] == (
            [1, persons[cell], len(amounts), sum(amounts)] if good else [0, 0, 0, 0]
        )


def broken(**changes: Any) -> Contributions:
    good = contributions(counted(20))
    fields = {"cell": good.cell, "person": good.person, "measures": good.measures}
    return Contributions(**{**fields, **changes})


LANE = np.ones(20, dtype=np.int64)


WITHIN = "expected entries within the cells and the universe, got others"
INTEGERS = "expected cell and person of each entry as 32-bit integers, got others"
ONE_AMOUNT = "expected one 64-bit amount per entry, got others"
NOT_NEGATIVE = "expected rows and squares of at least zero, got fewer"


@pytest.mark.parametrize(
    ("outside", "message"),
    [
        (
            broken(person=np.zeros(20, dtype=np.int32)),
            "expected one entry for each person in each cell, got two",
        ),
        (
            broken(person=np.array([*range(1, 20), 1], dtype=np.int32)),
            "expected one entry for each person in each cell, got two",
        ),
        (broken(person=np.arange(81, 101, dtype=np.int32)), WITHIN),
        (broken(person=-np.arange(20, dtype=np.int32)), WITHIN),
        (broken(cell=np.full(20, N_CELLS, dtype=np.int32)), WITHIN),
        (broken(cell=np.full(20, -1, dtype=np.int32)), WITHIN),
        (broken(cell=np.zeros(20, dtype=np.int64)), INTEGERS),
        (broken(person=np.arange(20, dtype=np.int64)), INTEGERS),
        (broken(cell=np.zeros(19, dtype=np.int32)), INTEGERS),
        (
            broken(cell=np.zeros((4, 5), dtype=np.int32), person=np.zeros((4, 5), dtype=np.int32)),
            INTEGERS,
        ),
        (broken(measures=()), "expected 1 measures, got 0"),
        (broken(measures=(Amounts(LANE[:19], LANE, LANE),)), ONE_AMOUNT),
        (broken(measures=(Amounts(LANE, LANE[:19], LANE),)), ONE_AMOUNT),
        (broken(measures=(Amounts(LANE, LANE, LANE[:19]),)), ONE_AMOUNT),
        (broken(measures=(Amounts(LANE.astype(np.int32), LANE, LANE),)), ONE_AMOUNT),  # type: ignore[arg-type]
        (broken(measures=(Amounts(-LANE, LANE, LANE),)), NOT_NEGATIVE),
        (broken(measures=(Amounts(LANE, LANE, -LANE),)), NOT_NEGATIVE),
        (
            broken(measures=(Amounts(0 * LANE, LANE, LANE),)),
            "expected every person of a cell behind its count, got one without rows",
        ),
        (
            broken(measures=(Amounts(LANE * 2**60, LANE, LANE),)),
            "expected sums that fit 62 bits, got larger amounts",
        ),
    ],
)
def test_contributions_that_do_not_fit_are_refused(outside: Contributions, message: str) -> None:
    with pytest.raises(CellsInvalid, match=f"^{message}$"):
        judge_locally(
            outside, shape=Shape(("cell",), COUNT), keys=KEYS, bounds=(None,), universe=100, limits=LIMITS
        )


def test_entries_in_any_order_are_judged_alike() -> None:
    there, back = counted(20, 10, 4), counted(20, 10, 4)[::-1]
    assert (run(there, measures=COUNT).cells.matrix == run(back, measures=COUNT).cells.matrix).all()


def test_the_last_person_and_the_last_cell_belong() -> None:
    last = [(N_CELLS - 1, 80 + person, 1, 0, 0) for person in range(20)]
    assert run(last, measures=COUNT).released.tolist() == [False, False, True]


def test_the_more_lenient_threshold_is_for_answers_of_several_domains() -> None:
    answer = judge_locally(
        contributions(counted(9)),
        shape=Shape(("cell",), COUNT),
        keys=KEYS,
        bounds=(None,),
        universe=100,
        limits=LIMITS,
    )
    assert answer.released[0]


@pytest.mark.parametrize(
    ("bound", "total", "squares"),
    [
        (PersonBound(-3, 20), [-3] * 10 + [20] * 10, 400),
        (PersonBound(-30, 20), [-9] * 10 + [20] * 10, 700),
        (PersonBound(-9, 40), [-9] * 10 + [40] * 10, 700),
        (PersonBound(5, 5), [5] * 20, 25),
    ],
)
def test_totals_and_squares_are_clipped_at_both_ends(
    bound: PersonBound, total: list[int], squares: int
) -> None:
    entries = [(0, person, 1, -9 if person < 10 else 40, 700) for person in range(20)]
    judged = run(entries, measures=(Measure("v", Kind.VARIANCE, Coverage.PRESENT),), bounds=(bound,))
    lanes = judged.cells.lanes[0]
    assert (int(lanes.total[0]), int(lanes.squares[0])) == (sum(total), 20 * squares)


def test_a_count_is_clipped_to_one_row_at_least() -> None:
    visits = [(0, person, 2, 0, 0) for person in range(20)]
    judged = run(visits, measures=COUNT, bounds=(PersonBound(0, 0),))
    assert int(judged.cells.lanes[0].rows[0]) == 20


def test_rows_of_persons_not_behind_a_conditional_count_are_no_rows() -> None:
    entries = [(0, person, 3 if person < 10 else 0, 0, 0) for person in range(20)]
    judged = run(
        entries, measures=(Measure("f", Kind.COUNT, Coverage.CONDITION),), bounds=(PersonBound(0, 2),)
    )
    assert int(judged.cells.lanes[0].rows[0]) == 20


def test_bounds_and_sizes_are_checked() -> None:
    with pytest.raises(CellsInvalid, match=r"^expected 1 bounds, got 2$"):
        run(counted(20), measures=COUNT, bounds=(None, None))
    for low, high in ((2, 1), (0, 2**62), (-(2**62), 0)):
        with pytest.raises(CellsInvalid, match=r"^expected a bound with its lower end first, within 62 bits"):
            PersonBound(low, high)
    PersonBound(1 - 2**62, 2**62 - 1)
    with pytest.raises(AnswerTooLarge):
        run(counted(20), measures=COUNT, limits=Limits(max_cells=2))


def test_nobody_at_all_is_an_answer_of_zeros() -> None:
    judged = run([], measures=COUNT)
    assert not judged.cells.matrix.any()
    assert judged.report.cells_by_rule == {Rule.LOCAL_PERSONS: 3}
