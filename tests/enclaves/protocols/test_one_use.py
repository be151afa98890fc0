"""One-use keys: no position twice, no second mode, nothing after the end."""

import hashlib

import numpy as np
import pytest

from enclaves.protocols import prg, ring, secagg
from enclaves.protocols.errors import KeyReused, ProtocolError
from enclaves.protocols.one_use import OneUse
from enclaves.protocols.ring import Encoded
from enclaves.protocols.secagg import PairKey, ReceiverKey, Residues

PAIR_KEYS = {"b": PairKey(hashlib.sha256(b"ab").digest())}
RECEIVER_KEY = ReceiverKey(hashlib.sha256(b"r").digest())


def keys(slots: int, *, modular: bool = False) -> OneUse:
    return OneUse("a", pair_keys=PAIR_KEYS, receiver_key=None if modular else RECEIVER_KEY, slots=slots)


def test_chunks_continue_the_counter() -> None:
    encoded = ring.encode(np.arange(100))
    one_use = keys(100)
    parts = [one_use.mask(Encoded(encoded[:30])), one_use.mask(Encoded(encoded[30:]))]
    whole = secagg.mask(encoded, party="a", pair_keys=PAIR_KEYS, receiver_key=RECEIVER_KEY, start=0)
    assert np.array_equal(np.concatenate(parts), whole)


def test_chunks_continue_the_counter_modulo_t() -> None:
    values = Residues(np.arange(100, dtype=np.uint64))
    one_use = keys(100, modular=True)
    parts = [
        one_use.mask_mod(Residues(values[:30]), modulus=101),
        one_use.mask_mod(Residues(values[30:]), modulus=101),
    ]
    whole = secagg.mask_mod(values, modulus=101, party="a", pair_keys=PAIR_KEYS, start=0)
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_spent_key_masks_nothing() -> None:
    one_use = keys(10)
    one_use.mask(ring.encode(np.arange(10)))
    assert one_use.remaining == 0
    with pytest.raises(KeyReused):
        one_use.mask(ring.encode(np.arange(1)))


def test_more_slots_than_planned_are_refused_and_nothing_is_spent() -> None:
    one_use = keys(10)
    with pytest.raises(KeyReused):
        one_use.mask(ring.encode(np.arange(11)))
    assert one_use.remaining == 10


def test_closing_drops_what_remained() -> None:
    one_use = keys(10)
    one_use.close()
    with pytest.raises(KeyReused):
        one_use.mask(ring.encode(np.arange(1)))


def test_a_failed_chunk_is_spent() -> None:
    one_use = keys(10, modular=True)
    with pytest.raises(ProtocolError):
        one_use.mask_mod(Residues(np.array([101], dtype=np.uint64)), modulus=101)
    assert one_use.remaining == 9


def test_the_two_modes_never_share_a_key() -> None:
    with pytest.raises(KeyReused):
        keys(10).mask_mod(Residues(np.zeros(1, dtype=np.uint64)), modulus=101)
    with pytest.raises(KeyReused):
        keys(10, modular=True).mask(ring.encode(np.arange(1)))


def test_the_modulus_is_fixed_by_the_first_chunk() -> None:
    one_use = keys(10, modular=True)
    one_use.mask_mod(Residues(np.zeros(1, dtype=np.uint64)), modulus=101)
    with pytest.raises(KeyReused):
        one_use.mask_mod(Residues(np.zeros(1, dtype=np.uint64)), modulus=103)


def test_equal_keys_short_keys_and_self_pairs_are_refused() -> None:
    with pytest.raises(ProtocolError):
        OneUse("a", pair_keys={"b": PairKey(RECEIVER_KEY)}, receiver_key=RECEIVER_KEY, slots=1)
    with pytest.raises(ProtocolError):
        OneUse("a", pair_keys={"b": PairKey(b"short")}, receiver_key=RECEIVER_KEY, slots=1)
    with pytest.raises(ProtocolError):
        OneUse("b", pair_keys=PAIR_KEYS, receiver_key=RECEIVER_KEY, slots=1)
    with pytest.raises(ProtocolError):
        OneUse("a", pair_keys=PAIR_KEYS, receiver_key=RECEIVER_KEY, slots=0)


def test_a_self_mask_is_one_more_keystream_over_all_chunks_and_needs_a_receiver_key() -> None:
    self_mask, words = bytes(range(32)), ring.encode(np.arange(7, dtype=np.int64))
    plain = OneUse("a", pair_keys=PAIR_KEYS, receiver_key=RECEIVER_KEY, slots=7).mask(words)
    twice = OneUse("a", pair_keys=PAIR_KEYS, receiver_key=RECEIVER_KEY, slots=7, self_mask=self_mask)
    masked = np.concatenate([twice.mask(Encoded(words[:3])), twice.mask(Encoded(words[3:]))])
    assert not np.array_equal(masked, plain)
    prg.subtract_words(masked, self_mask, start=0)
    assert np.array_equal(masked, plain)
    with pytest.raises(ProtocolError):
        OneUse("a", pair_keys=PAIR_KEYS, receiver_key=None, slots=7, self_mask=self_mask)
