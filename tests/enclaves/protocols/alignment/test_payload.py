"""Records of one width: what is packed is read back clipped, and nothing else is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.payload import ABSENT, Amount, Category, PayloadShape, Record
from enclaves.protocols.errors import ProtocolError

SHAPE = PayloadShape(
    (Category("sex", ("f", "m")), Category("age", (10, 20, 30))),
    (Amount("cost", -100, 5000, 2), Amount("visits", 0, 20)),
)
RECORDS = st.builds(
    Record,
    st.tuples(st.integers(0, 1), st.integers(0, 2)),
    st.tuples(st.none() | st.integers(-(2**70), 2**70), st.none() | st.integers(-5, 30)),
)


@given(st.lists(RECORDS, max_size=6), st.integers(0, 4))
def test_records_come_back_clipped_and_dummies_weigh_nothing(records: list[Record], dummies: int) -> None:
    packed = SHAPE.pack(records, dummies=dummies)
    columns = SHAPE.read(packed)

    assert len(packed) == SHAPE.width * (len(records) + dummies)
    assert columns.weight.tolist() == [True] * len(records) + [False] * dummies
    for row, record in enumerate(records):
        assert tuple(columns.codes[row]) == record.codes
        expected = [
            ABSENT if amount is None else min(max(amount, field.low), field.high)
            for amount, field in zip(record.amounts, SHAPE.amounts, strict=True)
        ]
        assert columns.amounts[row].tolist() == expected


def test_a_shape_without_fields_still_says_who_is_there() -> None:
    shape = PayloadShape()
    columns = shape.read(shape.pack([Record(), Record()], dummies=1))
    assert columns.weight.tolist() == [True, True, False]
    assert shape.width == 1


@pytest.mark.parametrize(
    "record", [Record((2, 0), (0, 0)), Record((-1, 0), (0, 0)), Record((0,), (0, 0)), Record((0, 0), (0,))]
)
def test_a_record_that_does_not_fit_is_refused(record: Record) -> None:
    with pytest.raises(ProtocolError):
        SHAPE.pack([record], dummies=0)


@pytest.mark.parametrize(
    ("at", "raw"),
    [
        (0, b"\2"),
        (1, b"\0\2"),
        (3, b"\0\3"),
        (5, (5001).to_bytes(8, "big")),
        (5, (-101).to_bytes(8, "big", signed=True)),
        (5, (ABSENT + 1).to_bytes(8, "big", signed=True)),
        (13, (21).to_bytes(8, "big")),
    ],
)
def test_bytes_outside_the_declared_values_are_refused(at: int, raw: bytes) -> None:
    packed = SHAPE.pack([Record((0, 0), (0, 0))], dummies=0)
    with pytest.raises(BatchInvalid):
        SHAPE.read(packed[:at] + raw + packed[at + len(raw) :])


def test_a_broken_record_is_refused() -> None:
    with pytest.raises(BatchInvalid):
        SHAPE.read(bytes(SHAPE.width + 1))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Category("", (1,)),
        lambda: Category("a", ()),
        lambda: Category("a", tuple(range(1001))),
        lambda: Category("a", (1, 1)),
        lambda: Amount("", 0, 1),
        lambda: Amount("a", 1, 0),
        lambda: Amount("a", 0, 2**62),
        lambda: Amount("a", -(2**62), 0),
        lambda: Amount("a", 0, 1, 10),
        lambda: PayloadShape((Category("a", (1,)),), (Amount("a", 0, 1),)),
        lambda: PayloadShape((), tuple(Amount(f"a{n}", 0, 1) for n in range(33))),
    ],
)
def test_a_shape_that_means_nothing_is_refused(build: object) -> None:
    with pytest.raises(ProtocolError):
        build()  # type: ignore[operator]  # a lambda of the table above


def test_true_and_one_are_different_values() -> None:
    assert len(Category("a", (True, 1)).values) == 2
