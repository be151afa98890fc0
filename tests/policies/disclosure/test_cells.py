from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from policies.disclosure.cells import Cells, Coverage, Kind, Measure, MeasureLanes, Shape
from policies.disclosure.errors import AnswerTooLarge, CellsInvalid
from policies.disclosure.limits import Limits

SHAPE = Shape(
    ("age",),
    (
        Measure("n", Kind.COUNT),
        Measure("people", Kind.PERSONS),
        Measure("cost", Kind.SUM, Coverage.PRESENT, scale=2),
        Measure("mean", Kind.MEAN, Coverage.PRESENT, scale=2),
        Measure("var", Kind.VARIANCE, Coverage.CONDITION, scale=2),
        Measure("share", Kind.SHARE, Coverage.CONDITION),
    ),
)
KEYS = ((30,), (40,))


def some_matrix(shape: Shape = SHAPE, n_cells: int = 2) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    values = {"domains": 1, "persons": 20, "base": 20, "rows": 30, "total": -7, "squares": 9}
    return np.array([[values[name.split(".")[-1]]] * n_cells for name in shape.lane_names], dtype=np.int64)


def test_lanes_stand_in_one_order() -> None:
    assert SHAPE.lane_names[:2] == ("domains", "persons")
    assert SHAPE.lane_names[2:6] == ("n.domains", "n.base", "n.persons", "n.rows")
    assert SHAPE.lane_names[-9:] == (
        "var.domains", "var.base", "var.persons", "var.rows", "var.total", "var.squares",
        "share.domains", "share.base", "share.persons",
    )  # fmt: skip
    assert len(SHAPE.lane_names) == SHAPE.width


def test_matrix_and_cells_are_inverse() -> None:
    matrix = some_matrix()
    assert (Cells.from_matrix(SHAPE, KEYS, matrix).matrix == matrix).all()


def test_cells_that_are_not_kept_look_as_if_nobody_were_there() -> None:
    kept = Cells.from_matrix(SHAPE, KEYS, some_matrix()).kept(np.array([True, False]))
    assert (kept.matrix[:, 0] == some_matrix()[:, 0]).all()
    assert not kept.matrix[:, 1].any()


@pytest.mark.parametrize(
    ("lane", "value"),
    [("persons", -1), ("persons", 19), ("n.base", 21), ("n.persons", 21), ("n.persons", -1), ("n.rows", -1),
     ("domains", -1), ("domains", 0), ("n.domains", 2), ("n.domains", -1), ("var.squares", -1)],
)  # fmt: skip
def test_lanes_that_contradict_each_other_are_refused(lane: str, value: int) -> None:
    matrix = some_matrix()
    matrix[SHAPE.lane_names.index(lane), 1] = value
    with pytest.raises(CellsInvalid):
        Cells.from_matrix(SHAPE, KEYS, matrix)


def test_a_matrix_of_another_form_is_refused() -> None:
    matrix = some_matrix()
    for other in (matrix[:-1], matrix[:, :1], matrix.astype(np.int32), matrix.astype(np.uint64)):
        with pytest.raises(CellsInvalid):
            Cells.from_matrix(SHAPE, KEYS, other)


def test_cells_know_each_key_once_and_whole() -> None:
    for keys in (((30,), (30,)), ((30,), (40, 1)), ((30,),)):
        with pytest.raises(CellsInvalid):
            Cells.from_matrix(SHAPE, keys, some_matrix())
    Cells.from_matrix(SHAPE, ((1,), (True,)), some_matrix())
    Cells.from_matrix(SHAPE, ((dt.date(2026, 1, 1),), (None,)), some_matrix())


def test_lanes_of_another_length_are_refused() -> None:
    cells = Cells.from_matrix(SHAPE, KEYS, some_matrix())
    with pytest.raises(CellsInvalid):
        Cells(SHAPE, KEYS, cells.domains, cells.persons, cells.lanes[:-1])
    with pytest.raises(CellsInvalid):
        Cells(SHAPE, KEYS, cells.domains[:1], cells.persons, cells.lanes)
    with pytest.raises(CellsInvalid):
        Cells(SHAPE, KEYS, cells.domains, cells.persons, (*cells.lanes[:-1], MeasureLanes.zero(3)))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Measure("", Kind.COUNT),
        lambda: Measure("x", Kind.SUM, scale=-1),
        lambda: Measure("x", Kind.SUM, scale=10),
        lambda: Measure("x", Kind.SUM, places=7),
        lambda: Measure("x", Kind.SUM, places=-1),
        lambda: Measure("x", Kind.SHARE),
        lambda: Shape(("age",), ()),
        lambda: Shape(("age",), (Measure("age", Kind.COUNT),)),
        lambda: Shape(("age", "age"), (Measure("n", Kind.COUNT),)),
    ],
)
def test_shapes_are_valid_from_birth(build: object) -> None:
    with pytest.raises(CellsInvalid):
        build()  # type: ignore[operator]


def test_an_answer_has_a_size() -> None:
    limits = Limits()
    wide = Shape(("a", "b", "c"), tuple(Measure(f"m{i}", Kind.COUNT) for i in range(10)))
    wide.check_size(500, limits)
    with pytest.raises(AnswerTooLarge):
        wide.check_size(501, limits)
    with pytest.raises(AnswerTooLarge):
        Shape(("a", "b", "c", "d"), wide.measures).check_size(1, limits)
    with pytest.raises(AnswerTooLarge):
        Shape(("a",), (*wide.measures, Measure("m10", Kind.COUNT))).check_size(1, limits)


def test_only_variances_and_their_roots_are_dispersions() -> None:
    assert {kind for kind in Kind if kind.is_dispersion} == {
        Kind.VARIANCE,
        Kind.VARIANCE_POP,
        Kind.STDDEV,
        Kind.STDDEV_POP,
    }
