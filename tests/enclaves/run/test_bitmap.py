"""Bitmaps bit by bit, as docs/protocol.md section 4 describes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.run import bitmap
from enclaves.run.errors import RunRefused

BITS = st.lists(st.booleans(), min_size=1, max_size=70)


@given(BITS)
def test_bit_k_is_bit_7_minus_k_mod_8_of_byte_k_div_8(bits: list[bool]) -> None:
    data = bitmap.pack(np.array(bits))
    assert [bool(data[k // 8] >> (7 - k % 8) & 1) for k in range(len(bits))] == bits
    assert bitmap.unpack(data, slots=len(bits)).tolist() == bits


@given(st.lists(BITS.filter(lambda bits: len(bits) >= 9), min_size=1, max_size=4))
def test_effective_slots_are_those_that_all_accept(maps: list[list[bool]]) -> None:
    maps = [bits[:9] for bits in maps]
    expected = [all(column) for column in zip(*maps, strict=True)]
    packed = [bitmap.pack(np.array(bits)) for bits in maps]
    if any(expected):
        assert bitmap.effective(packed, slots=9).tolist() == expected
    else:
        with pytest.raises(RunRefused) as refusal:
            bitmap.effective(packed, slots=9)
        assert refusal.value.code == "consent_missing"


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xff\xff", b"\xff\xc1"])
def test_another_length_or_a_set_padding_bit_is_refused(data: bytes) -> None:
    with pytest.raises(RunRefused) as refusal:
        bitmap.unpack(data, slots=10)
    assert refusal.value.code == "bitmap_invalid"
