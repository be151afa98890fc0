from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.disclosure.cells import Cells, Coverage, Kind, Measure, Shape
from policies.disclosure.errors import AnswerTooLarge, CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.release import Judged, Mark, judge
from policies.disclosure.rules import WORDS, Rule
from policies.documents.strict_json import canonical

LIMITS = Limits()
HIDDEN = Mark.SUPPRESSED
COUNT = Measure("n", Kind.COUNT)


def single(
    measure: Measure = COUNT,
    *,
    size: int = 60,
    universe: int = 1000,
    n_domains: int = 3,
    domains: int | None = None,
    bilateral: bool = False,
    **lanes: int,
) -> Judged:
    """One cell without keys, judged; lanes of the measure by name."""
    contributing = n_domains if domains is None else domains
    shape = Shape((), (measure,))
    values = {"base": size, "persons": size, "rows": size, "total": 0, "squares": 0}
    values |= {"domains": contributing} | lanes
    column = [contributing, size, *(values[name] for name in measure.lanes)]
    cells = Cells.from_matrix(shape, [()], np.array([column], dtype=np.int64).T.copy())
    return judge(cells, LIMITS, universe=universe, n_domains=n_domains, bilateral=bilateral)


def counts(persons: list[list[int]], universe: int = 10_000, limits: Limits = LIMITS) -> Judged:
    """A table of two keys with one count, from its persons by row and column; three domains where anybody is."""
    keys = [(r, c) for r, row in enumerate(persons) for c in range(len(row))]
    flat = np.array([p for row in persons for p in row], dtype=np.int64)
    domains = np.where(flat > 0, 3, 0)
    cells = Cells.from_matrix(
        Shape(("r", "c"), (COUNT,)), keys, np.stack([domains, flat, domains, flat, flat, flat])
    )
    return judge(cells, limits, universe=universe, n_domains=3)


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ({"size": 0, "domains": 0}, Rule.EMPTY_OR_LOCAL),
        ({"size": 1}, Rule.PERSONS),
        ({"size": 9}, Rule.PERSONS),
        ({"size": 10}, None),
        ({"domains": 2}, Rule.DOMAINS),
        ({"n_domains": 2}, Rule.DOMAINS),
        ({"n_domains": 2, "bilateral": True}, None),
        ({"n_domains": 2, "bilateral": True, "domains": 1}, Rule.DOMAINS),
        ({"n_domains": 1}, None),
        ({"size": 60, "universe": 69}, Rule.COMPLEMENT),
        ({"size": 60, "universe": 61}, Rule.COMPLEMENT),
        ({"size": 60, "universe": 70}, None),
        ({"size": 60, "universe": 60}, None),
    ],
)
def test_cells(case: dict[str, int], rule: Rule | None) -> None:
    judged = single(**case)  # type: ignore[arg-type]
    assert judged.report.cells_by_rule == ({rule: 1} if rule else {})
    assert judged.rows[0].withheld == (rule is not None)


CONDITION = Measure("f", Kind.PERSONS, Coverage.CONDITION)
PRESENT = Measure("f", Kind.SUM, Coverage.PRESENT)


@pytest.mark.parametrize(
    ("measure", "lanes", "rule"),
    [
        (CONDITION, {"persons": 0}, Rule.EMPTY_OR_LOCAL),
        (CONDITION, {"persons": 9}, Rule.PERSONS),
        (CONDITION, {"persons": 10}, None),
        (CONDITION, {"persons": 50}, None),
        (CONDITION, {"persons": 51}, Rule.CONDITION_COMPLEMENT),
        (CONDITION, {"persons": 60}, Rule.CONDITION_COMPLEMENT),
        (CONDITION, {"persons": 20, "domains": 2}, Rule.DOMAINS),
        (CONDITION, {"persons": 20, "base": 29}, Rule.CONDITION_COMPLEMENT),
        (PRESENT, {"persons": 60}, None),
        (PRESENT, {"persons": 59}, Rule.CONDITION_COMPLEMENT),
        (PRESENT, {"persons": 50}, None),
        (
            Measure("v", Kind.VARIANCE, Coverage.PRESENT),
            {"persons": 29, "base": 29, "rows": 29},
            Rule.VARIANCE_PERSONS,
        ),
        (Measure("v", Kind.STDDEV_POP, Coverage.PRESENT), {"persons": 30, "base": 30, "rows": 30}, None),
    ],
)
def test_values(measure: Measure, lanes: dict[str, int], rule: Rule | None) -> None:
    column = {"domains": 3, "base": 60, "persons": 60, "rows": 60, "total": 5, "squares": 5} | lanes
    cells = Cells.from_matrix(
        Shape((), (measure,)),
        [()],
        np.array([[3, 60, *(column[name] for name in measure.lanes)]], dtype=np.int64).T.copy(),
    )
    judged = judge(cells, LIMITS, universe=1000, n_domains=3)
    assert not judged.rows[0].withheld
    assert judged.report.values_by_rule == ({rule: 1} if rule else {})
    assert (judged.rows[0].values[0] is HIDDEN) == (rule is not None)


@pytest.mark.parametrize(
    ("measure", "lanes", "value"),
    [
        (Measure("n", Kind.COUNT), {"rows": 63}, 65),
        (Measure("p", Kind.PERSONS), {}, 60),
        (Measure("s", Kind.SUM, Coverage.PRESENT, 2), {"total": 1234567}, Decimal(12300)),
        (Measure("s", Kind.SUM, Coverage.PRESENT, 2), {"total": -1234567}, Decimal(-12300)),
        (Measure("m", Kind.MEAN, Coverage.PRESENT, 2), {"total": 1234567, "rows": 63}, Decimal(189)),
        (Measure("m", Kind.MEAN, Coverage.PRESENT, 2, places=0), {"total": 123456, "rows": 61}, Decimal(20)),
        (Measure("q", Kind.SHARE, Coverage.CONDITION), {"persons": 22}, Decimal("0.333")),
        (Measure("v", Kind.VARIANCE, Coverage.PRESENT, 1), {"total": 600, "squares": 6590}, Decimal("0.1")),
        (
            Measure("v", Kind.VARIANCE_POP, Coverage.PRESENT, 1),
            {"total": 600, "squares": 6600},
            Decimal("0.1"),
        ),
        (Measure("d", Kind.STDDEV, Coverage.PRESENT, 1), {"total": 600, "squares": 6590}, Decimal("0.316")),
        (Measure("d", Kind.STDDEV_POP, Coverage.PRESENT), {"total": 0, "squares": 60 * 49}, Decimal(7)),
    ],
)
def test_rounding_of_what_is_released(measure: Measure, lanes: dict[str, int], value: int | Decimal) -> None:
    got = single(measure, **lanes).rows[0].values[0]
    assert got == value
    assert isinstance(got, type(value))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_dispersion])
@pytest.mark.parametrize(("squares", "hidden"), [(5999, True), (6000, True), (6001, False)])
def test_a_variance_of_zero_is_withheld(kind: Kind, squares: int, hidden: bool) -> None:
    judged = single(Measure("v", kind, Coverage.PRESENT), total=600, squares=squares)
    assert (judged.rows[0].values[0] is HIDDEN) == hidden
    assert judged.report.values_by_rule == ({Rule.UNIFORM: 1} if hidden else {})


def test_a_locally_withheld_cell_and_an_empty_one_give_the_same_row() -> None:
    # Four persons that three domains withheld arrive as zeros, like nobody.
    rows = counts([[20, 0], [20, 0]]).rows
    assert rows[1].persons is rows[3].persons is HIDDEN
    assert rows[1].values == rows[3].values == (HIDDEN,)


def test_exactly_one_hidden_cell_of_a_line_hides_its_smallest_neighbor() -> None:
    judged = counts([[50, 40, 0], [60, 30, 20], [70, 80, 90]])
    assert [row.withheld for row in judged.rows] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert judged.report.cells_by_rule == {Rule.EMPTY_OR_LOCAL: 1, Rule.SECONDARY: 3}


def test_hidden_cells_together_hold_nobody_or_enough() -> None:
    keys = [(c,) for c in range(4)]
    persons = np.array([4, 30, 12, 50], dtype=np.int64)
    three = np.full(4, 3, dtype=np.int64)
    cells = Cells.from_matrix(
        Shape(("c",), (COUNT,)), keys, np.stack([three, persons, three, persons, persons, persons])
    )
    judged = judge(cells, LIMITS, universe=1000, n_domains=3)
    assert [row.withheld for row in judged.rows] == [True, False, True, False]
    assert judged.report.cells_by_rule == {Rule.PERSONS: 1, Rule.REMAINDER: 1}


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0, 3, 9, 10, 11, 30, 200]), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)


@given(tables)
def test_no_table_has_a_line_with_one_hidden_cell_or_a_small_remainder(table: list[list[int]]) -> None:
    judged = counts(table)
    width = len(table[0])
    hidden = [[judged.rows[r * width + c].withheld for c in range(width)] for r in range(len(table))]
    for line in [*hidden, *map(list, zip(*hidden, strict=True))]:
        assert len(line) == 1 or sum(line) != 1
    remainder = sum(
        p for row, marks in zip(table, hidden, strict=True) for p, h in zip(row, marks, strict=True) if h
    )
    assert remainder == 0 or remainder >= 10 or all(map(all, hidden))
    for row, marks in zip(table, hidden, strict=True):
        for persons, mark in zip(row, marks, strict=True):
            assert mark or persons >= 10


@given(tables)
def test_everything_withheld_is_reported(table: list[list[int]]) -> None:
    judged = counts(table)
    report = judged.report
    withheld = [row for row in judged.rows if row.withheld]
    assert report.withheld_cells == len(withheld)
    assert all(value is HIDDEN for row in withheld for value in row.values)
    open_rows = [row for row in judged.rows if not row.withheld]
    assert report.withheld_values == sum(value is HIDDEN for row in open_rows for value in row.values)
    assert report.cells == len(judged.rows)
    assert report.values == len(open_rows)


def test_values_of_a_line_are_protected_like_cells() -> None:
    keys = [(r, c) for r in range(2) for c in range(2)]
    persons = np.full(4, 60, dtype=np.int64)
    three = np.full(4, 3, dtype=np.int64)
    met = np.array([9, 20, 30, 40], dtype=np.int64)
    shape = Shape(("r", "c"), (COUNT, CONDITION))
    cells = Cells.from_matrix(
        shape, keys, np.stack([three, persons, three, persons, persons, persons, three, persons, met])
    )
    judged = judge(cells, LIMITS, universe=1000, n_domains=3)
    assert [row.values[0] for row in judged.rows] == [60] * 4
    assert [row.values[1] is HIDDEN for row in judged.rows] == [True] * 4
    assert judged.report.values_by_rule == {Rule.PERSONS: 1, Rule.REMAINDER: 1, Rule.SECONDARY: 2}
    assert judged.report.withheld_values == 4


@given(
    st.lists(st.tuples(st.sampled_from([10, 20, 35, 60]), st.integers(0, 60)), min_size=4, max_size=9),
    st.sampled_from([1, 2, 3]),
)
def test_a_condition_and_its_opposite_are_hidden_in_the_same_cells(
    sizes: list[tuple[int, int]], width: int
) -> None:
    keys = [(place // width, place % width) for place in range(len(sizes))]
    persons = np.array([size for size, _ in sizes], dtype=np.int64)
    met = np.minimum(persons, np.array([some for _, some in sizes], dtype=np.int64))
    three = np.full(len(sizes), 3, dtype=np.int64)
    shape = Shape(("r", "c"), (CONDITION, Measure("not f", Kind.PERSONS, Coverage.CONDITION)))
    matrix = np.stack([three, persons, three, persons, met, three, persons, persons - met])
    for row in judge(Cells.from_matrix(shape, keys, matrix), LIMITS, universe=10**4, n_domains=3).rows:
        assert (row.values[0] is HIDDEN) == (row.values[1] is HIDDEN)


def test_totals_are_recomputed_from_rounded_cells() -> None:
    judged = counts([[12, 13], [17, 18]])
    assert [row.values[0] for row in judged.rows] == [10, 15, 15, 20]
    assert judged.totals == (60,)
    assert isinstance(judged.totals[0], int)
    assert counts([[0, 3]]).totals == (None,)
    assert single(Measure("p", Kind.PERSONS)).totals == (None,)
    assert single(Measure("s", Kind.SUM, Coverage.PRESENT, 2), total=1234).totals == (Decimal("12.3"),)


def test_cells_in_which_not_all_domains_contribute_are_counted() -> None:
    judged = single(n_domains=5, domains=4)
    assert (judged.report.partial, judged.report.partial_values) == (1, 1)
    whole = single(n_domains=5).report
    assert (whole.partial, whole.partial_values) == (0, 0)
    less = single(CONDITION, size=60, n_domains=5, persons=20).report
    assert (less.partial, less.partial_values) == (0, 0)
    # A value that is withheld is not partial, though no domain contributes to it.
    gone = single(CONDITION, n_domains=5, domains=4, persons=9).report
    assert (gone.partial, gone.partial_values) == (1, 0)


def test_the_report_says_how_many_domains_and_on_what_terms() -> None:
    body = single(n_domains=2, bilateral=True).report.as_json()
    assert (body["domains"], body["bilateral"]) == (2, True)
    assert single(n_domains=4).report.as_json()["bilateral"] is False


def test_two_domains_need_the_flag_to_be_given() -> None:
    matrix = np.array([[2, 60, 2, 60, 60, 60]], dtype=np.int64).T.copy()
    cells = Cells.from_matrix(Shape((), (COUNT,)), [()], matrix)
    assert judge(cells, LIMITS, universe=1000, n_domains=2).rows[0].withheld


def test_rules_are_counted_over_all_measures() -> None:
    shape = Shape((), (CONDITION, Measure("g", Kind.SHARE, Coverage.CONDITION)))
    column = np.array([[3, 60, 3, 60, 9, 3, 60, 8]], dtype=np.int64).T.copy()
    report = judge(Cells.from_matrix(shape, [()], column), LIMITS, universe=1000, n_domains=3).report
    assert report.values_by_rule == {Rule.PERSONS: 2}
    assert (report.values, report.withheld_values) == (2, 2)


def test_a_caller_may_know_of_fewer_contributing_domains_but_not_of_more() -> None:
    shape, matrix = Shape((), (COUNT,)), np.array([[3, 60, 3, 60, 60, 60]], dtype=np.int64).T.copy()
    cells = Cells.from_matrix(shape, [()], matrix)
    fewer = judge(cells, LIMITS, universe=1000, n_domains=3, domains=np.array([2], dtype=np.int64))
    more = judge(cells, LIMITS, universe=1000, n_domains=3, domains=np.array([9], dtype=np.int64))
    assert fewer.report.cells_by_rule == {Rule.DOMAINS: 1}
    assert more.report.cells_by_rule == {}


def test_tightened_limits_withhold_more() -> None:
    judged = counts([[30, 300], [300, 300]], limits=LIMITS.tightened({"persons": 50}))
    assert judged.rows[0].withheld


def test_the_report_is_canonical_and_names_rules_in_both_languages() -> None:
    report = counts([[12, 5], [30, 40]]).report
    body = report.as_json()
    assert report.body == canonical(body)
    assert body["cells_by_rule"] == {"persons": 1, "remainder": 1, "secondary": 2}
    assert body["rounding"] == {"count_base": 5, "sum_digits": 3}
    rules = body["rules"]
    assert isinstance(rules, dict)
    assert rules["persons"] == {"zh": "人数不足", "en": "too few persons"}
    assert body["limits"] == LIMITS.as_json()


def test_every_rule_has_words() -> None:
    assert set(WORDS) == set(Rule)


def test_more_than_two_hundred_cells_wait_for_people() -> None:
    def answer(n: int) -> Judged:
        return counts([[20] for _ in range(n)])

    assert not answer(200).report.needs_review
    assert answer(201).report.needs_review
    with pytest.raises(AnswerTooLarge):
        answer(501)


def test_lanes_that_no_such_domains_can_have_are_refused() -> None:
    more = "^expected cells within the universe of the domains, got more persons or domains$"
    for case in ({"universe": 59}, {"n_domains": 2, "domains": 3}, {"n_domains": 0, "domains": 0}):
        with pytest.raises(CellsInvalid, match=more):
            single(**case)  # type: ignore[arg-type]
    with pytest.raises(CellsInvalid, match=r"^expected at least one row for each person, got fewer$"):
        single(Measure("m", Kind.MEAN, Coverage.PRESENT), rows=59)


@given(st.integers(30, 10**6), st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_a_mean_is_the_quotient_of_the_released_parts(rows: int, total: int, scale: int) -> None:
    parts = Shape(
        (),
        (
            Measure("s", Kind.SUM, Coverage.PRESENT, scale),
            COUNT,
            Measure("m", Kind.MEAN, Coverage.PRESENT, scale),
        ),
    )
    column = [3, rows, 3, rows, rows, total, 3, rows, rows, rows, 3, rows, rows, rows, total]
    cells = Cells.from_matrix(parts, [()], np.array([column], dtype=np.int64).T.copy())
    values = judge(cells, LIMITS, universe=rows, n_domains=3).rows[0].values
    summed, count, mean = (Fraction(value) for value in values if not isinstance(value, Mark))
    assert abs(mean - summed / count) * 200 <= abs(summed / count)
