"""Two lanes are one number: every result is that of Python's integers modulo 2^128."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols import prg, ring
from enclaves.protocols.recovery import lanes
from enclaves.protocols.recovery.errors import RecoveryRefused
from enclaves.protocols.recovery.lanes import Lanes
from enclaves.protocols.ring import Total

WIDE = st.integers(-(2**127), 2**127 - 1)
EDGES = [0, 1, -1, 2**63, -(2**63), 2**64 - 1, 2**64, -(2**64), 2**127 - 1, -(2**127)]
KEY = hashlib.sha256(b"key").digest()


def centered(value: int) -> int:
    return (value + 2**127) % 2**128 - 2**127


@pytest.mark.parametrize("one", EDGES)
@pytest.mark.parametrize("other", EDGES)
def test_sum_and_difference_at_the_edges(one: int, other: int) -> None:
    total = lanes.encode_wide([one])
    lanes.add(total, lanes.encode_wide([other]), Lanes.TWO)
    assert lanes.decode_wide(Total(total)) == [centered(one + other)]
    lanes.subtract(total, lanes.encode_wide([other]), Lanes.TWO)
    lanes.subtract(total, lanes.encode_wide([other]), Lanes.TWO)
    assert lanes.decode_wide(Total(total)) == [centered(one - other)]


@given(st.lists(st.lists(WIDE, min_size=3, max_size=3), min_size=1, max_size=50))
def test_sums_are_those_of_integers(vectors: list[list[int]]) -> None:
    total = lanes.encode_wide([0, 0, 0])
    for vector in vectors:
        lanes.add(total, lanes.encode_wide(vector), Lanes.TWO)
    assert lanes.decode_wide(Total(total)) == [centered(sum(column)) for column in zip(*vectors, strict=True)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_widening_and_squaring_are_exact(values: list[int]) -> None:
    array = np.array(values, dtype=np.int64)
    assert lanes.decode_wide(Total(lanes.widen(array))) == values
    assert lanes.decode_wide(Total(lanes.squares(array))) == [value * value for value in values]


def test_squares_at_the_edges() -> None:
    values = [-(2**63), 2**63 - 1, 2**32 - 1, 2**32, -(2**32) - 1, 2**31, 0, -1]
    assert lanes.decode_wide(Total(lanes.squares(np.array(values, dtype=np.int64)))) == [
        v * v for v in values
    ]


def test_a_stream_masks_each_slot_with_its_own_128_bits() -> None:
    """Across a block of the keystream too, and what was added comes off again."""
    slots = prg.BLOCK_WORDS // 2 + 3
    words = lanes.encode_wide(range(-5, slots - 5))
    before = words.copy()
    lanes.add_stream(words, KEY, Lanes.TWO)
    stream = prg.words(KEY, start=0, count=2 * slots)
    for slot in (0, 1, slots - 4, slots - 3, slots - 1):
        pad = int(stream[2 * slot]) + (int(stream[2 * slot + 1]) << 64)
        assert lanes.decode_wide(Total(words[2 * slot : 2 * slot + 2])) == [centered(slot - 5 + pad)]
    lanes.subtract_stream(words, KEY, Lanes.TWO)
    assert np.array_equal(words, before)


def test_one_lane_is_the_ring() -> None:
    words = ring.encode(np.arange(-5, 70_000))
    expected = words.copy()
    prg.add_words(expected, KEY, start=0)
    lanes.add_stream(words, KEY, Lanes.ONE)
    assert np.array_equal(words, expected)


@pytest.mark.parametrize("bound", [0, 1, 2**40, 2**63 - 1])
def test_the_bound_of_one_lane_is_closed(bound: int) -> None:
    lanes.check_bound(ring.encode(np.array([bound, -bound])), bound, Lanes.ONE)
    for beyond in (bound + 1, -bound - 1):
        if -(2**63) <= beyond < 2**63:
            with pytest.raises(RecoveryRefused):
                lanes.check_bound(ring.encode(np.array([0, beyond])), bound, Lanes.ONE)


@pytest.mark.parametrize("bound", [0, 1, 2**63, 2**64 - 1, 2**64, 2**100, 2**127 // 4 - 1])
def test_the_bound_of_two_lanes_is_closed(bound: int) -> None:
    lanes.check_bound(lanes.encode_wide([bound, -bound, 0]), bound, Lanes.TWO)
    for beyond in (bound + 1, -bound - 1, 2**127 - 1, -(2**127)):
        with pytest.raises(RecoveryRefused) as refused:
            lanes.check_bound(lanes.encode_wide([0, beyond]), bound, Lanes.TWO)
        assert str(beyond) not in str(refused.value)


def test_what_does_not_fit_is_refused() -> None:
    for value in (2**127, -(2**127) - 1):
        with pytest.raises(RecoveryRefused):
            lanes.encode_wide([value])
    with pytest.raises(RecoveryRefused):
        lanes.widen(np.array([0.5]))  # type: ignore[arg-type]  # what is refused
    with pytest.raises(RecoveryRefused):
        lanes.check_words(np.zeros(3, dtype=np.uint64), slots=3, lanes=Lanes.TWO)


def test_independent_limbs_would_tell_more_than_the_sum() -> None:
    """Two pairs of values with one sum: their sums of limbs differ, ours do not."""
    half = 2**64

    def limbs(values: list[int]) -> tuple[int, int]:
        return sum(v % half for v in values), sum(v // half for v in values)

    one, other = [half - 1, 1], [0, half]
    assert sum(one) == sum(other)
    assert limbs(one) != limbs(other)
    totals = []
    for values in (one, other):
        total = lanes.encode_wide([0])
        for value in values:
            lanes.add(total, lanes.encode_wide([value]), Lanes.TWO)
        totals.append(total.tolist())
    assert totals[0] == totals[1]
