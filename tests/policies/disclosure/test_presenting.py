from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.disclosure.cells import Cells, Coverage, Key, Kind, Measure, Shape
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.presenting import Having, Order, present
from policies.disclosure.release import Judged, judge

SHAPE = Shape(("k",), (Measure("n", Kind.COUNT), Measure("m", Kind.PERSONS, Coverage.CONDITION)))


def answer(cells: list[tuple[Key, int, int]]) -> Judged:
    """An answer of one key from (key, persons, persons who meet the condition)."""
    persons = np.array([size for _, size, _ in cells], dtype=np.int64)
    met = np.array([met for _, _, met in cells], dtype=np.int64)
    domains = np.where(persons > 0, 3, 0)
    matrix = np.stack([domains, persons, domains, persons, persons, persons, domains, persons, met])
    return judge(
        Cells.from_matrix(SHAPE, [(key,) for key, _, _ in cells], matrix),
        Limits(),
        universe=10**6,
        n_domains=3,
    )


CELLS: list[tuple[Key, int, int]] = [
    ("d", 40, 15),
    ("a", 12, 0),
    ("c", 100, 50),
    ("b", 4, 2),
    ("e", 40, 30),
    ("f", 0, 0),
    ("g", 12, 12),
]


def keys(judged: Judged, **how: object) -> list[Key]:
    return [row.key[0] for row in present(judged, **how).rows]  # type: ignore[arg-type]


def test_released_cells_come_by_key_and_withheld_ones_do_not_come() -> None:
    assert keys(answer(CELLS)) == ["c", "d", "e", "g"]
    # The smallest cell went with the four persons of `b`: together they are the remainder.
    assert answer(CELLS).report.withheld_cells == 3


def test_withheld_cells_of_a_public_dictionary_come_last_whatever_is_asked() -> None:
    judged = answer(CELLS)
    assert keys(judged, public_keys=True) == ["c", "d", "e", "g", "a", "b", "f"]
    assert keys(judged, public_keys=True, having=50) == ["c", "a", "b", "f"]
    assert keys(judged, public_keys=True, order=[(1, True, False)])[-3:] == ["a", "b", "f"]
    assert keys(judged, public_keys=True, order=[(0, True, False)])[-3:] == ["a", "b", "f"]


def test_having_reads_rounded_persons() -> None:
    judged = answer([("x", 12, 0), ("y", 13, 0), ("z", 50, 0)])
    assert keys(judged, having=15) == ["y", "z"]
    assert keys(judged, having=11) == ["y", "z"]
    assert keys(judged, having=10) == ["x", "y", "z"]


def test_having_on_a_withheld_value_drops_the_row() -> None:
    judged = answer(CELLS)
    assert keys(judged, having=Having(10, measure=1)) == ["c", "d", "e"]
    assert keys(judged, having=Having(20, measure=1)) == ["c", "e"]


def test_order_by_several_columns_with_marks_as_null() -> None:
    judged = answer(CELLS)
    assert keys(judged, order=[Order(1, descending=True)]) == ["c", "d", "e", "g"]
    assert keys(judged, order=[Order(1, descending=True), Order(2, descending=True)]) == ["c", "e", "d", "g"]
    assert keys(judged, order=[Order(2, nulls_last=False)]) == ["g", "d", "e", "c"]
    assert keys(judged, order=[Order(2, descending=True, nulls_last=True)]) == ["c", "e", "d", "g"]


def test_limit_cuts_the_list() -> None:
    judged = answer(CELLS)
    assert keys(judged, order=[(1, True, True)], limit=2) == ["c", "d"]
    assert keys(judged, public_keys=True, limit=6) == ["c", "d", "e", "g", "a", "b"]


def test_the_report_speaks_of_all_cells_however_few_are_shown() -> None:
    assert present(answer(CELLS), limit=1).report == answer(CELLS).report


def test_keys_of_every_class_have_an_order() -> None:
    values: list[Key] = [
        None,
        "b",
        "a",
        3,
        Decimal("2.5"),
        True,
        dt.date(2026, 1, 2),
        dt.datetime.fromisoformat("2026-01-01T08:00:00"),
    ]
    judged = answer([(value, 40, 20) for value in values])
    assert keys(judged) == [
        True,
        Decimal("2.5"),
        3,
        dt.datetime.fromisoformat("2026-01-01T08:00:00"),
        dt.date(2026, 1, 2),
        "a",
        "b",
        None,
    ]
    assert keys(judged, order=[Order(0, descending=True, nulls_last=False)])[:2] == [None, "b"]


@given(
    st.lists(
        st.tuples(st.text(max_size=2), st.integers(0, 40), st.just(0)),
        max_size=8,
        unique_by=lambda cell: cell[0],
    ),
    st.randoms(use_true_random=False),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_the_order_of_storage_does_not_show(
    cells: list[tuple[str, int, int]], random: object, column: int, descending: bool, public: bool
) -> None:
    shuffled = sorted(cells, key=lambda cell: (cell[1], cell[0]))
    arranged: list[tuple[Key, int, int]] = list(shuffled)
    # Secondary suppression breaks ties by position, so only cells of different size may change places.
    how = {"order": [Order(column, descending)], "public_keys": public}
    if len({cell[1] for cell in cells}) == len(cells):
        random.shuffle(arranged)  # type: ignore[attr-defined]
    one, other = answer(list(shuffled)), answer(arranged)
    assert keys(one, **how) == keys(other, **how)


COLUMNS = "expected columns 0 to 2 in an order, got another"
COUNTED = "expected a count of persons under HAVING, got another measure"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"order": [Order(3)]}, COLUMNS),
        ({"order": [Order(-1)]}, COLUMNS),
        ({"limit": 0}, "expected a limit of at least one, got 0"),
        ({"having": Having(5, measure=0)}, COUNTED),
        ({"having": Having(5, measure=2)}, COUNTED),
        ({"having": Having(5, measure=-1)}, COUNTED),
    ],
)
def test_columns_and_limits_that_do_not_exist_are_refused(how: dict[str, object], message: str) -> None:
    with pytest.raises(CellsInvalid, match=f"^{message}$"):
        present(answer(CELLS), **how)  # type: ignore[arg-type]


def test_the_first_measure_may_be_the_count_under_having() -> None:
    shape = Shape(("k",), (Measure("p", Kind.PERSONS),))
    column = np.array([[3, 40, 3, 40, 40]], dtype=np.int64).T.copy()
    judged = judge(Cells.from_matrix(shape, [("a",)], column), Limits(), universe=1000, n_domains=3)
    table = present(judged, having=Having(40, measure=0))
    assert [row.key for row in table.rows] == [("a",)]
    assert table.shape == shape


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
def test_ties_and_several_marks_are_ordered_by_key(descending: bool, nulls_last: bool) -> None:
    judged = answer([(name, 40, met) for name, met in zip("dcba", (20, 0, 0, 20), strict=True)])
    values, marks = ["a", "d"], ["b", "c"]
    expected = values + marks if nulls_last else marks + values
    assert keys(judged, order=[Order(2, descending, nulls_last)]) == expected
