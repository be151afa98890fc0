"""What a worker reads from a snapshot, against a slow reference that knows nothing of the store."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from connectors.errors import StoreError
from connectors.store import Features, LockedSnapshot, Question, open_snapshot, scan, snapshot
from connectors.store.pid_index import PidIndex
from policies.documents.dataset import Dataset
from policies.documents.model import Transform
from tests.connectors.kit import (
    COST,
    RESIDENT,
    SEEN,
    SEX,
    declare,
    fill,
    one_row_each,
    open_store,
    resident,
    table,
)

Row = tuple[object, ...]
FEATURES = ("cost", "sex", "insured", "seen", "note", "year")
VISITS = declare()


def latest(rows: Sequence[Row], person: str, *, up_to: int | None) -> Row | None:
    """The person's row with the greatest year not above `up_to`; years differ, since they are the row key."""
    own = [row for row in rows if row[0] == person and (up_to is None or int(str(row[1])) <= up_to)]
    return max(own, key=lambda row: int(str(row[1])), default=None)


def number(cell: object) -> object:
    """A cell as the store hands it out."""
    if isinstance(cell, date):
        return float(cell.toordinal())
    return (
        cell
        if cell is None or isinstance(cell, str)
        else float(str(cell if not isinstance(cell, bool) else int(cell)))
    )


def shown(features: Features, columns: Sequence[str]) -> list[tuple[object, ...]]:
    """Presence and cells slot by slot, a missing cell as None; asserts that both ways to say missing agree."""
    slots = []
    for slot, present in enumerate(features.present.tolist()):
        cells: list[object] = [present]
        for column in columns:
            values, missing = features.values[column]
            cell = values[slot]
            empty = cell is None or (isinstance(cell, float) and math.isnan(cell))
            assert bool(missing[slot]) == empty
            cells.append(None if empty else cell)
        slots.append(tuple(cells))
    return slots


def build(folder: Path, dataset: Dataset, rows: Sequence[Row]) -> tuple[LockedSnapshot, NDArray[np.uint64]]:
    store = open_store(folder)
    fill(store, dataset, table(dataset, rows))
    with store.lease(dataset.id) as lease:
        return open_snapshot(lease.path, lease.key), store.pids([resident(n) for n in range(40)])


CELLS = st.tuples(
    st.none() | st.integers(0, 10**8).map(lambda cents: cents / 100),
    st.none() | st.sampled_from(("female", "male")),
    st.none() | st.booleans(),
    st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
ROWS = st.dictionaries(st.tuples(st.integers(0, 12), st.integers(2000, 2004)), CELLS, max_size=25)


@settings(max_examples=20, deadline=None)
@given(
    cells=ROWS,
    slots=st.lists(st.integers(0, 15), max_size=30),
    up_to=st.integers(1999, 2005),
    data=st.data(),
)
def test_features_equal_a_slow_reference(
    cells: dict[tuple[int, int], Row],
    slots: list[int],
    up_to: int,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows = data.draw(st.permutations([(resident(who), year, *row) for (who, year), row in cells.items()]))
    with pytest.MonkeyPatch.context() as patch:
        # Small parts and blocks, so that a small table crosses their edges.
        patch.setattr(scan, "PART", 3)
        patch.setattr(snapshot, "_BLOCK", 7)
        opened, pids = build(tmp_path_factory.mktemp("store"), VISITS, rows)
        with opened:
            found = shown(opened.features(pids[slots], FEATURES, up_to=up_to), FEATURES)
    order = [column.name for column in VISITS.columns]
    expected = []
    for who in slots:
        row = latest(rows, resident(who), up_to=up_to)
        wanted = [None if row is None else number(row[order.index(column)]) for column in FEATURES]
        expected.append((row is not None, *wanted))
    assert found == expected


@settings(max_examples=12, deadline=None)
@given(
    cells=st.dictionaries(st.integers(0, 30), CELLS, max_size=20),
    slots=st.lists(st.integers(0, 39), max_size=30),
)
def test_one_row_each_needs_no_up_to(
    cells: dict[int, Row], slots: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [(resident(who), row[0], row[1]) for who, row in cells.items()]
    opened, pids = build(tmp_path_factory.mktemp("store"), one_row_each(), rows)
    with opened:
        found = shown(opened.features(pids[slots], ("cost", "sex")), ("cost", "sex"))
    assert found == [
        (who in cells, *([number(cell) for cell in cells[who][:2]] if who in cells else (None, None)))
        for who in slots
    ]


def test_chunks_of_one_job_give_what_one_call_gives(tmp_path: Path) -> None:
    rows = [(resident(who), float(who), "male") for who in range(30)]
    opened, pids = build(tmp_path, one_row_each(), rows)
    with opened:
        whole = shown(opened.features(pids, ("cost",)), ("cost",))
        parts = [
            shown(opened.features(pids[start : start + 9], ("cost",)), ("cost",)) for start in range(0, 40, 9)
        ]
    assert [slot for part in parts for slot in part] == whole


def test_rows_of_one_moment_are_ordered_by_the_rest_of_the_key(tmp_path: Path) -> None:
    kinds = (RESIDENT, SEEN, SEX, COST)
    dataset = declare(kinds, row_key=("resident", "seen", "sex"), order_column="seen")
    day = date(2024, 5, 1)
    rows = [(resident(1), day, "male", 1.0), (resident(1), day, "female", 2.0)]
    opened, pids = build(tmp_path, dataset, rows)
    with opened:
        assert opened.features(pids[[1]], ("cost",), up_to=day.toordinal()).values[
            "cost"
        ].values.tolist() == [1.0]
        before = opened.features(pids[[1]], ("cost",), up_to=day.toordinal() - 1)
        assert before.present.tolist() == [False]


def test_a_row_without_a_moment_is_never_the_latest(tmp_path: Path) -> None:
    kinds = (RESIDENT, SEX, SEEN, COST)
    dataset = declare(kinds, row_key=("resident", "sex"), order_column="seen")
    rows = [
        (resident(1), "male", None, 1.0),
        (resident(2), "male", None, 3.0),
        (resident(2), "female", date(2, 1, 1), 4.0),
    ]
    opened, pids = build(tmp_path, dataset, rows)
    with opened:
        found = opened.features(pids[[1, 2]], ("cost",), up_to=date(9999, 12, 31).toordinal())
    assert found.present.tolist() == [False, True]
    assert found.values["cost"].values[1] == 4.0


@pytest.mark.parametrize(
    ("dataset", "columns", "up_to", "problem"),
    [
        (VISITS, ("cost",), None, "expected `up_to`"),
        (one_row_each(), ("cost",), 2024, "without an order column"),
        (one_row_each(), ("income",), None, "expected a stored column"),
        (one_row_each(), ("resident",), None, "expected a stored column"),
    ],
)
def test_a_question_that_is_open_or_about_no_column_is_refused(
    dataset: Dataset, columns: tuple[str, ...], up_to: int | None, problem: str, tmp_path: Path
) -> None:
    opened, pids = build(tmp_path, dataset, [])
    with opened, pytest.raises(StoreError, match=problem):
        opened.features(pids, columns, up_to=up_to)


def test_a_date_beyond_the_calendar_is_refused(tmp_path: Path) -> None:
    dataset = declare((RESIDENT, SEEN, COST), row_key=("resident", "seen"), order_column="seen")
    opened, pids = build(tmp_path, dataset, [])
    with opened, pytest.raises(StoreError, match="ordinal of a date"):
        opened.features(pids, ("cost",), up_to=10**9)


@given(
    st.lists(
        st.tuples(st.sampled_from((0, 1, 2, 2**63, 2**64 - 1)), st.integers(0, 3)), unique=True, max_size=20
    ),
    st.lists(st.tuples(st.sampled_from((0, 1, 2, 3, 2**63, 2**64 - 1)), st.integers(0, 4)), max_size=20),
)
def test_the_index_compares_all_128_bits(held: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    held.sort()
    halves = np.array(held, dtype=np.uint64).reshape(-1, 2)
    index = PidIndex(halves)
    found = index.locate(np.array(asked, dtype=np.uint64).reshape(-1, 2)).tolist()
    assert found == [held.index(pid) if pid in held else len(held) for pid in asked]


def test_statistics_equal_a_plain_computation(tmp_path: Path) -> None:
    costs = [None, 1.0, 5.5, 900.0, 20.0, None, 3.25]
    sexes = ["male", None, "female", "male", "male", "female", None]
    rows = [(resident(who), cost, sex) for who, (cost, sex) in enumerate(zip(costs, sexes, strict=True))]
    questions = [
        Question("cost", 2.0, 100.0),
        Question("cost", 0.0, 1000.0, Transform.LOG1P),
        Question("cost", 0.0, 1000.0, Transform.EQUALS, "20"),
        Question("sex", 0.0, 1.0, Transform.EQUALS, "male"),
        Question("sex", 0.0, 1.0, Transform.EQUALS, "nobody"),
    ]
    opened, _ = build(tmp_path, one_row_each(), rows)
    with opened:
        answers = opened.column_statistics(questions)
    present = [cost for cost in costs if cost is not None]
    known = [sex for sex in sexes if sex is not None]
    samples = [
        [min(max(cost, 2.0), 100.0) for cost in present],
        [math.log1p(cost) for cost in present],
        [float(cost == 20.0) for cost in present],
        [float(sex == "male") for sex in known],
        [0.0] * len(known),
    ]
    for answer, sample in zip(answers, samples, strict=True):
        mean = sum(sample) / len(sample)
        assert answer.persons == len(sample)
        assert answer.variance == pytest.approx(
            sum((value - mean) ** 2 for value in sample) / len(sample), abs=1e-12
        )


def test_statistics_count_persons_once_and_at_their_latest_row(tmp_path: Path) -> None:
    rows = [
        (resident(who), year, float(year - 2000 + who), None, None, None, None)
        for who in range(4)
        for year in (2023, 2024, 2025)
    ]
    opened, _ = build(tmp_path, VISITS, rows)
    with opened:
        (answer,) = opened.column_statistics([Question("cost", 0, 100)], up_to=2024)
    assert answer.persons == 4
    assert answer.variance == pytest.approx(np.var([24, 25, 26, 27]))


def test_statistics_of_nobody_are_zero_and_of_text_refused(tmp_path: Path) -> None:
    opened, _ = build(tmp_path, one_row_each(), [])
    with opened:
        (answer,) = opened.column_statistics([Question("cost", 0, 1)])
        assert (answer.persons, answer.variance) == (0, 0.0)
        with pytest.raises(StoreError, match="expected a number column"):
            opened.column_statistics([Question("sex", 0, 1)])


@pytest.mark.parametrize(
    ("low", "high", "transform", "equals"),
    [
        (1, 0, Transform.IDENTITY, None),
        (0, 1, Transform.EQUALS, None),
        (0, 1, Transform.IDENTITY, "x"),
        (-1, 1, Transform.LOG1P, None),
        (math.nan, 1, Transform.IDENTITY, None),
    ],
)
def test_a_question_is_valid_from_birth(
    low: float, high: float, transform: Transform, equals: str | None
) -> None:
    with pytest.raises(StoreError):
        Question("cost", low, high, transform, equals)
