"""Rows of a statement as entries: cells by key, amounts in fixed point, a person's rows together."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.worker.entries import read_entries
from enclaves.worker.errors import OrderInvalid
from policies.aggregate.keys import spelled
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.errors import AnswerTooLarge

COUNT = Measure("n", Kind.COUNT)
TOTAL = Measure("s", Kind.SUM, Coverage.PRESENT, scale=2)
SHAPE = Shape(("k",), (COUNT, TOTAL))

Line = tuple[int, str | None, float | None]


def table(lines: list[Line]) -> pa.Table:
    return pa.table(
        {
            "__row": pa.array(range(len(lines)), pa.int64()),
            "__person": pa.array([person for person, _, _ in lines], pa.int64()),
            "__k0": pa.array([key for _, key, _ in lines], pa.string()),
            "__b1": pa.array([amount is not None for _, _, amount in lines], pa.bool_()),
            "__v1": pa.array([amount for _, _, amount in lines], pa.float64()),
        }
    )


LINES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.none() | st.sampled_from("abc"),
        st.none() | st.integers(-500, 500).map(lambda cents: cents / 100),
    ),
    max_size=40,
)


@given(LINES)
def test_entries_are_the_plain_grouping(lines: list[Line]) -> None:
    found = read_entries(table(lines), SHAPE, None, max_cells=500, tables=1)
    contributions = found.contributions(SHAPE, persons=6)
    plain: dict[tuple[int, str | None], list[float | None]] = defaultdict(list)
    for person, key, amount in lines:
        plain[person, key].append(amount)
    assert len(contributions.cell) == len(plain)
    for at, (cell, person) in enumerate(zip(contributions.cell, contributions.person, strict=True)):
        (key,) = found.keys[cell]
        amounts = plain[int(person), key]  # type: ignore[index]  # keys here are texts
        counted, summed = contributions.measures
        assert counted.rows[at] == len(amounts)
        known = [Decimal(str(a)) for a in amounts if a is not None]
        assert summed.rows[at] == len(known)
        assert summed.total[at] == int(sum(known, Decimal(0)) * 100)


def test_rows_outside_the_dictionary_are_in_no_cell() -> None:
    lines: list[Line] = [(0, "a", 1.0), (1, "z", 2.0), (2, None, 3.0)]
    found = read_entries(table(lines), SHAPE, ((None,), ("a",), ("missing",)), max_cells=500, tables=1)
    assert found.keys == ((None,), ("a",), ("missing",))
    assert found.cell.tolist() == [1, 0]
    assert found.person.tolist() == [0, 2]


def test_spellings_of_one_key_are_one_cell() -> None:
    rows = table([(0, "a", 1.0), (1, "b", 1.0), (2, "c", 1.0)])
    midnight = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - the engine's times carry no zone
    times = pa.array([midnight, midnight, dt.datetime(2024, 1, 1, 5)], pa.timestamp("us"))  # noqa: DTZ001
    found = read_entries(rows.set_column(2, "__k0", times), SHAPE, None, max_cells=500, tables=1)
    assert [spelled(key) for (key,) in found.keys] == ["2024-01-01", "2024-01-01T05:00:00"]
    assert sorted(found.cell.tolist()) == [0, 0, 1]


def test_true_and_one_are_different_keys() -> None:
    numbers = table([(0, "a", 1.0), (1, "b", 1.0)]).set_column(2, "__k0", pa.array([1.0, 2.5]))
    assert read_entries(numbers, SHAPE, None, max_cells=500, tables=1).keys == ((1,), (Decimal("2.5"),))
    flags = table([(0, "a", 1.0), (1, "b", 1.0)]).set_column(2, "__k0", pa.array([True, False]))
    assert read_entries(flags, SHAPE, None, max_cells=500, tables=1).keys == ((False,), (True,))


def test_too_many_cells_are_refused() -> None:
    lines: list[Line] = [(0, str(number), 1.0) for number in range(6)]
    with pytest.raises(AnswerTooLarge):
        read_entries(table(lines), SHAPE, None, max_cells=5, tables=1)


def test_nothing_at_all_is_an_answer_too() -> None:
    found = read_entries(table([]), SHAPE, None, max_cells=500, tables=1)
    assert found.keys == ()
    assert len(found.contributions(SHAPE, persons=1).cell) == 0
    whole = Shape((), (COUNT,))
    assert read_entries(table([]), whole, None, max_cells=500, tables=1).keys == ((),)


def test_an_amount_beyond_its_bits_is_refused() -> None:
    with pytest.raises(OrderInvalid):
        read_entries(table([(0, "a", 1e18)]), SHAPE, None, max_cells=500, tables=1)


def test_missing_flags_mean_that_every_row_stands_behind() -> None:
    shape = Shape((), (COUNT,))
    found = read_entries(table([(0, "a", 1.0), (0, "b", None)]), shape, None, max_cells=500, tables=1)
    assert found.behind.tolist() == [[True, True]]
    conditional = Shape((), (Measure("n", Kind.COUNT, Coverage.CONDITION),))
    with pytest.raises(OrderInvalid):
        read_entries(table([(0, "a", 1.0)]), conditional, None, max_cells=500, tables=1)
    assert np.array_equal(found.amounts, [[1, 1]])


@given(LINES, st.integers(1, 4))
def test_the_first_rows_of_each_person_are_kept_and_no_more(lines: list[Line], most: int) -> None:
    found = read_entries(table(lines), SHAPE, None, max_cells=500, tables=1)
    kept = found.first_of_each(most)
    seen: dict[int, int] = defaultdict(int)
    wanted = []
    for row, (person, _, _) in enumerate(lines):
        seen[person] += 1
        if seen[person] <= most:
            wanted.append(row)
    assert kept.rows[0].tolist() == wanted
    assert kept.person.tolist() == [lines[row][0] for row in wanted]
    assert (kept.cell == found.cell[wanted]).all()
    assert (kept.behind == found.behind[:, wanted]).all()
    assert (kept.amounts == found.amounts[:, wanted]).all()
    assert kept.keys == found.keys


def test_which_rows_are_kept_does_not_depend_on_the_order_in_which_the_engine_gives_them() -> None:
    lines: list[Line] = [(n % 3, "ab"[n % 2], n / 100) for n in range(30)]
    rows = table(lines)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(30)))
    for most in (1, 4):
        one, other = (
            read_entries(r, SHAPE, None, max_cells=500, tables=1).first_of_each(most)
            for r in (rows, shuffled)
        )
        assert sorted(one.rows[0].tolist()) == sorted(other.rows[0].tolist())
