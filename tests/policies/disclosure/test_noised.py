"""Every number of a private answer is the noised copy's: exact plus noise, and nothing else of the exact lanes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.aggregate.layout import Layout, LayoutMismatch
from policies.disclosure.cells import Cells, Coverage, Kind, Measure, MeasureLanes, Shape
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.noised import noised_lanes, with_noise
from policies.disclosure.presenting import Table
from policies.disclosure.release import Judged, Mark, judge
from policies.disclosure.rendering import as_arrow

SHAPE = Shape(
    ("band",),
    (
        Measure("n", Kind.COUNT),
        Measure("persons", Kind.PERSONS),
        Measure("met", Kind.PERSONS, Coverage.CONDITION),
        Measure("sum", Kind.SUM, Coverage.PRESENT, scale=2),
        Measure("mean", Kind.MEAN, Coverage.PRESENT, scale=1),
        Measure("spread", Kind.VARIANCE_POP, Coverage.PRESENT),
        Measure("root", Kind.STDDEV, Coverage.PRESENT, places=1),
        Measure("share", Kind.SHARE, Coverage.CONDITION),
    ),
)
GROUPS = (("a",), ("b",), ("c",), ("d",))
LAYOUT = Layout(SHAPE, GROUPS, noised=True)
UNIVERSE = 10_000
INT = st.integers(-(10**9), 10**9)


def column(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def cells_of(total: int = 5_000, rows: int = 120, *, there: int = 1) -> Cells:
    """Cell `a` with the numbers given, `b` with others, `c` and `d` with too few persons."""

    def lanes(persons: int, few: int) -> MeasureLanes:
        return MeasureLanes(
            domains=column(there, there, there, there),
            base=column(100, 200, few, few),
            persons=column(persons, 2 * persons, few, few),
            rows=column(rows, 260, few, few),
            total=column(total, 7_000, 12, 12),
            squares=column(10**7, 10**7, 100, 100),
        )

    whole, some = lanes(100, 9), lanes(60, 9)
    measured = tuple(some if m.coverage is not Coverage.CELL else whole for m in SHAPE.measures)
    return Cells(SHAPE, GROUPS, column(there, there, there, there), column(100, 200, 9, 9), measured)


def judged(cells: Cells) -> Judged:
    return judge(cells, Limits(), universe=UNIVERSE, n_domains=1)


def answered(cells: Cells, noise: NDArray[np.int64]) -> Judged:
    """From a domain's cells to the table, as worker and gate do it."""
    vector = LAYOUT.vector(cells, universe=UNIVERSE, noise=noise)
    summed, universe = LAYOUT.cells(vector, GROUPS)
    assert universe == UNIVERSE
    return with_noise(judged(summed), LAYOUT.noised_copy(vector), privacy={"rho": "0.01"})


def noise_of(*values: int) -> NDArray[np.int64]:
    """Noise of each lane, the same in every cell."""
    lanes, cells = LAYOUT.noise_shape
    return np.repeat(np.array(values, dtype=np.int64), cells).reshape(lanes, cells)


@given(st.lists(INT, min_size=14, max_size=14), st.integers(4_000, 6_000), st.integers(100, 500))
def test_a_change_of_the_rows_shows_as_itself_under_the_same_noise(
    drawn: list[int], total: int, rows: int
) -> None:
    noise = noise_of(*drawn[: LAYOUT.noise_shape[0]])
    before, after = answered(cells_of(), noise), answered(cells_of(total, rows), noise)
    # Sums: the difference of two answers is the difference of the rows, to the digit.
    sums = [answer.rows[0].values[3] for answer in (before, after)]
    assert not any(isinstance(value, Mark) for value in sums)
    first, second = (Fraction(str(value)) for value in sums)
    assert second - first == Fraction(total - 5_000, 100)
    place = [(lane.measure, lane.lane) for lane in noised_lanes(SHAPE)].index((0, "rows"))
    assert after.rows[0].values[0] == max(0, rows + drawn[place])
    # The other cells and measures stay as they are.
    assert after.rows[1:] == before.rows[1:]
    assert after.rows[0].values[1:3] == before.rows[0].values[1:3]


@given(st.lists(INT, min_size=14, max_size=14))
def test_no_exact_lane_reaches_a_number(drawn: list[int]) -> None:
    noised = noise_of(*drawn[: LAYOUT.noise_shape[0]])
    one = with_noise(judged(cells_of()), noised, privacy={})
    # Other sums, other rows, the same cells withheld: not a digit changes.
    assert one.rows == with_noise(judged(cells_of(4_321, 333)), noised, privacy={}).rows
    for row in one.rows:
        for measure, value in zip(SHAPE.measures, row.values, strict=True):
            if not isinstance(value, Mark) and measure.kind not in {Kind.SUM, Kind.MEAN}:
                assert value >= 0


def test_what_the_exact_lanes_withhold_stays_withheld() -> None:
    exact = judged(cells_of())
    private = answered(cells_of(), noise_of(*range(1000, 1000 + LAYOUT.noise_shape[0])))
    for row, before in zip(private.rows, exact.rows, strict=True):
        assert row.withheld == before.withheld
        assert [isinstance(v, Mark) for v in row.values] == [isinstance(v, Mark) for v in before.values]
    assert exact.rows[2].withheld
    assert private.report.cells_by_rule == exact.report.cells_by_rule
    assert private.report.as_json()["rounding"] is None
    assert private.report.as_json()["privacy"] == {"rho": "0.01"}


def test_where_a_domain_withholds_there_is_no_noise_either() -> None:
    """Else the difference between before and after would be its part, bare."""
    noise = noise_of(*range(100, 100 + LAYOUT.noise_shape[0]))
    nobody = Cells.from_matrix(SHAPE, GROUPS, np.zeros((SHAPE.width, 4), dtype=np.int64))
    assert not LAYOUT.noised_copy(LAYOUT.vector(nobody, universe=UNIVERSE, noise=noise)).any()
    # One measure withheld in one cell: only its lanes are empty, only there.
    cells = cells_of()
    keep = np.array([False, True, True, True])
    partly = replace(cells, lanes=(*cells.lanes[:3], cells.lanes[3].kept(keep), *cells.lanes[4:]))
    copy = LAYOUT.noised_copy(LAYOUT.vector(partly, universe=UNIVERSE, noise=noise))
    empty = {
        (lane.measure, cell)
        for lane, values in zip(noised_lanes(SHAPE), copy, strict=True)
        for cell in range(4)
        if values[cell] == 0
    }
    assert empty == {(3, 0)}


def test_values_are_computed_from_the_noised_lanes() -> None:
    lanes = noised_lanes(SHAPE)
    wanted = {
        (None, "persons"): 41,
        (0, "rows"): -3,
        (2, "persons"): 17,
        (3, "total"): -1234,
        (4, "rows"): 3,
        (4, "total"): 100,
        (5, "rows"): 4,
        (5, "total"): 8,
        (5, "squares"): 36,
        (6, "rows"): 1,
        (6, "total"): 4,
        (6, "squares"): 0,
        (7, "persons"): 9,
        (7, "base"): 4,
    }
    numbers = {lane: wanted[lane.measure, lane.lane] for lane in lanes}
    noised = np.array([[numbers[lane]] * 4 for lane in lanes], dtype=np.int64)
    row = with_noise(judged(cells_of()), noised, privacy={}).rows[0]
    assert row.persons == 41
    assert row.values == (
        0,
        41,
        17,
        Decimal("-12.34"),
        Decimal("3.33333333"),
        Decimal(5),
        Decimal(0),
        Decimal(1),
    )


@given(st.lists(st.integers(-(2**62), 2**62), min_size=14, max_size=14))
def test_every_number_fits_every_form_of_a_table(drawn: list[int]) -> None:
    answer = with_noise(judged(cells_of()), noise_of(*drawn[: LAYOUT.noise_shape[0]]), privacy={})
    written = as_arrow(Table(SHAPE, answer.rows, answer.report))
    assert pa.ipc.open_stream(written).read_all().num_rows == len(GROUPS)


def test_a_private_layout_needs_public_cells_and_noise_for_all_of_them() -> None:
    with pytest.raises(LayoutMismatch):
        Layout(SHAPE, None, noised=True)
    with pytest.raises(LayoutMismatch):
        LAYOUT.vector(cells_of(), universe=UNIVERSE)
    with pytest.raises(LayoutMismatch):
        LAYOUT.vector(cells_of(), universe=UNIVERSE, noise=np.zeros((2, 3), dtype=np.int64))
    with pytest.raises(CellsInvalid):
        with_noise(judged(cells_of()), np.zeros((2, 3), dtype=np.int64), privacy={})
    plain = Layout(SHAPE, GROUPS)
    assert LAYOUT.lanes - plain.lanes == LAYOUT.noise_shape[0] * 4
    assert plain.noised_copy(plain.vector(cells_of(), universe=1)).size == 0
