"""Layers open for the joiner only, in reverse order, each entry once; before and after a layer nothing is equal."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.layers import LAYER_BYTES, WRAPPED_BYTES, Layer, LayerBinding, unwrap, wrap
from enclaves.protocols.errors import ProtocolError, SealBroken
from enclaves.protocols.sealing import SealingKey, seal

JOINER = SealingKey(hashlib.sha256(b"joiner").digest())
PUBLIC = JOINER.public
BINDING = LayerBinding(bytes(32), "a", "b", 2)
KEY = hashlib.sha256(b"content").digest()
ENTRIES = b"first-second"


def wrapped() -> Layer:
    return wrap(ENTRIES, PUBLIC, width=6, binding=BINDING, content_key=KEY)


@given(st.lists(st.binary(min_size=3, max_size=3), max_size=8))
def test_what_is_wrapped_comes_back_in_its_order(entries: list[bytes]) -> None:
    packed = b"".join(entries)
    layer = wrap(packed, PUBLIC, width=3, binding=BINDING, content_key=KEY)
    assert len(layer.entries) == len(entries) * (3 + LAYER_BYTES)
    assert len(layer.wrapped_key) == WRAPPED_BYTES
    assert unwrap(layer, JOINER, width=3 + LAYER_BYTES, binding=BINDING) == packed


def test_equal_entries_do_not_look_equal() -> None:
    layer = wrap(b"same" * 2, PUBLIC, width=4, binding=BINDING, content_key=KEY)
    half = len(layer.entries) // 2
    assert layer.entries[4:half] != layer.entries[half + 4 :]


@pytest.mark.parametrize(
    "binding",
    [
        LayerBinding(b"\1" * 32, "a", "b", 2),
        LayerBinding(bytes(32), "b", "b", 2),
        LayerBinding(bytes(32), "a", "a", 2),
        LayerBinding(bytes(32), "a", "b", 3),
    ],
)
def test_a_layer_opens_only_where_it_was_added(binding: LayerBinding) -> None:
    with pytest.raises(SealBroken):
        unwrap(wrapped(), JOINER, width=6 + LAYER_BYTES, binding=binding)


def test_nobody_but_the_joiner_opens_a_layer() -> None:
    other = SealingKey(hashlib.sha256(b"other").digest())
    with pytest.raises(SealBroken):
        unwrap(wrapped(), other, width=6 + LAYER_BYTES, binding=BINDING)


@given(st.integers(0, 2 * (6 + LAYER_BYTES) - 1), st.integers(0, 7))
def test_one_flipped_bit_opens_nothing(at: int, bit: int) -> None:
    layer = wrapped()
    changed = bytearray(layer.entries)
    changed[at] ^= 1 << bit
    with pytest.raises((SealBroken, BatchInvalid)):
        unwrap(Layer(bytes(changed), layer.wrapped_key), JOINER, width=6 + LAYER_BYTES, binding=BINDING)


def test_an_entry_twice_or_one_missing_is_refused() -> None:
    layer, width = wrapped(), 6 + LAYER_BYTES
    for entries in (layer.entries[:width] * 2, layer.entries[width:]):
        with pytest.raises(BatchInvalid):
            unwrap(Layer(entries, layer.wrapped_key), JOINER, width=width, binding=BINDING)


def test_a_content_key_of_another_length_is_refused() -> None:
    short = seal(PUBLIC, b"short", info=BINDING.info)
    with pytest.raises(SealBroken):
        unwrap(Layer(wrapped().entries, short), JOINER, width=6 + LAYER_BYTES, binding=BINDING)


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BatchInvalid):
        unwrap(wrapped(), JOINER, width=LAYER_BYTES, binding=BINDING)
    with pytest.raises(BatchInvalid):
        unwrap(wrapped(), JOINER, width=7 + LAYER_BYTES, binding=BINDING)
    for width, key in ((5, KEY), (0, KEY), (6, KEY[:16])):
        with pytest.raises(ProtocolError):
            wrap(ENTRIES, PUBLIC, width=width, binding=BINDING, content_key=key)
    for sid, stage in ((bytes(31), 1), (bytes(32), 0), (bytes(32), 256)):
        with pytest.raises(ProtocolError):
            LayerBinding(sid, "a", "b", stage)
