"""The wire form of a batch: read back exactly, and refused for any other bytes without another error."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import Points
from enclaves.protocols.alignment.payload import Amount, PayloadShape, Record
from tests.enclaves.protocols.alignment.kit import District, person


@cache
def some_batch() -> Batch:
    shape = PayloadShape((), (Amount("cost", 0, 9),))
    town = District({"a": shape, "b": shape})
    return town.pass_on(town.bring("a", [(person(1), Record((), (3,)))]), "b")


def test_a_batch_is_read_back() -> None:
    assert Batch.from_bytes(some_batch().to_bytes()) == some_batch()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    with pytest.raises(BatchInvalid):
        Batch.from_bytes(raw)


@given(st.data())
def test_a_shortened_or_lengthened_batch_is_refused(data: st.DataObject) -> None:
    raw = some_batch().to_bytes()
    cut = data.draw(st.integers(0, len(raw) - 1))
    for changed in (raw[:cut], raw + raw[: cut + 1]):
        with pytest.raises(BatchInvalid):
            Batch.from_bytes(changed)


def test_mutated_heads_are_refused_or_read_and_never_crash() -> None:
    raw, draw, read = some_batch().to_bytes(), random.Random(5), 0
    for _ in range(3000):
        changed = bytearray(raw)
        for _ in range(draw.randint(1, 3)):
            changed[draw.randrange(45)] = draw.randrange(256)
        try:
            batch = Batch.from_bytes(bytes(changed))
        except BatchInvalid:
            continue
        # Another sid or name may be read: it is then a batch of another scenario, whose seal does not open.
        assert batch.to_bytes() == bytes(changed)
        read += 1
    assert 0 < read < 3000


@pytest.mark.parametrize(
    "change",
    [
        {"sid": bytes(31)},
        {"origin": ""},
        {"origin": "a" * 256},
        {"stage": 0},
        {"stage": 51},
        {"stage": 1},
        {"points": Points(b"")},
        {"points": Points(bytes(32 * 101))},
        {"entries": b""},
        {"entries": bytes(100 * 40)},
        {"entries": bytes(100 * 2049)},
        {"entries": bytes(100 * 60 + 1)},
        {"wrapped_keys": ()},
        {"wrapped_keys": (b"short", b"short")},
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(BatchInvalid):
        replace(some_batch(), **change)  # type: ignore[arg-type]  # parametrized


def test_a_name_that_is_no_text_is_refused() -> None:
    raw = some_batch().to_bytes()
    at = raw.index(b"\1a", 40)
    with pytest.raises(BatchInvalid):
        Batch.from_bytes(raw[: at + 1] + b"\xff" + raw[at + 2 :])
