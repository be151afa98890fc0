"""The order of an aggregate worker: what is written is read, and noise is there exactly where it was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from enclaves.worker.errors import OrderInvalid
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import Masks
from enclaves.worker.question import QuestionOrder, TableOrder
from policies.aggregate.layout import Layout
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.local import PersonBound

SHAPE = Shape(
    ("k",), (Measure("n", Kind.COUNT), Measure("m", Kind.MEAN, Coverage.PRESENT, scale=3, places=1))
)
LAYOUT = Layout(SHAPE, (("a",), (None,)), noised=True)
NOISE = np.arange(-4, 4, dtype=np.int64).reshape(4, 2)
ORDER = QuestionOrder(
    permit="0" * 64,
    tables={"t": TableOrder(bytes(32), "s")},
    units=("t",),
    statement="SELECT 1",
    apart=None,
    layout=LAYOUT,
    bounds=(PersonBound(0, 3), PersonBound(-5, 5)),
    limits=Limits(),
    one_domain=True,
    masks=Masks("e", {}, bytes(32), bytes(32)),
    lineages=(Lineage(),),
    noise=NOISE,
    most_rows=3,
)


def read(order: QuestionOrder) -> QuestionOrder:
    return QuestionOrder.read(iter(list(order.frames())))


def test_noise_is_read_as_it_was_written() -> None:
    found = read(ORDER)
    assert found.noise is not None
    assert np.array_equal(found.noise, NOISE)
    assert (found.layout, found.most_rows) == (LAYOUT, 3)
    assert replace(found, noise=None, layout=Layout(SHAPE, LAYOUT.groups), most_rows=None).frames()


def test_an_exact_answer_has_none() -> None:
    exact = replace(ORDER, noise=None, most_rows=None, layout=Layout(SHAPE, LAYOUT.groups))
    found = read(exact)
    assert (found.noise, found.most_rows, found.layout.noised) == (None, None, False)


@pytest.mark.parametrize(
    "change",
    [
        {"noise": None},
        {"most_rows": None},
        {"most_rows": 0},
        {"noise": NOISE[:3]},
        {"noise": NOISE.reshape(2, 4)},
        {"layout": Layout(SHAPE, LAYOUT.groups)},
    ],
)
def test_noise_without_its_layout_and_a_layout_without_its_noise_are_refused(
    change: dict[str, object],
) -> None:
    with pytest.raises(OrderInvalid):
        replace(ORDER, **change)  # type: ignore[arg-type]  # wrong on purpose


def test_frames_with_noise_of_another_length_are_refused() -> None:
    def shorter() -> Iterator[bytes]:
        for frame in ORDER.frames():
            yield frame.replace(b'"noise","<i8",8', b'"noise","<i8",7') if b'"noise"' in frame else frame

    with pytest.raises(OrderInvalid):
        QuestionOrder.read(shorter())
