"""Keystreams: equal to AES-256-CTR, addressable anywhere, uniform."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols import prg
from enclaves.protocols.errors import ProtocolError

KEY = hashlib.sha256(b"a key for tests").digest()


def reference_words(key: bytes, start: int, count: int) -> list[int]:
    """AES-256 in ECB over a plain counter: CTR by its definition."""
    encryptor = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()
    first, last = start // 2, (start + count + 1) // 2
    stream = b"".join(encryptor.update(block.to_bytes(16, "big")) for block in range(first, last + 1))
    at = 8 * (start - 2 * first)
    return [int.from_bytes(stream[at + 8 * i : at + 8 * i + 8], "little") for i in range(count)]


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**61), st.integers(0, 40))
def test_words_are_aes_256_ctr(key: bytes, start: int, count: int) -> None:
    assert prg.words(key, start=start, count=count).tolist() == reference_words(key, start, count)


def test_first_block_matches_nist_aes_256() -> None:
    # AESAVS, GFSbox and VarTxt baseline: AES-256 of a zero block under a zero key.
    assert prg.words(bytes(32), start=0, count=2).tobytes().hex() == "dc95c078a2408989ad48a21492842087"


@settings(max_examples=20)
@given(st.integers(0, 2 * prg.BLOCK_WORDS), st.integers(0, 2 * prg.BLOCK_WORDS + 3))
def test_any_window_is_a_slice_of_the_whole(start: int, count: int) -> None:
    whole = prg.words(KEY, start=0, count=4 * prg.BLOCK_WORDS + 3)
    assert np.array_equal(prg.words(KEY, start=start, count=count), whole[start : start + count])


@given(st.integers(2, prg.MAX_MODULUS), st.integers(0, 2**40), st.integers(0, 20))
def test_residues_are_128_bit_numbers_reduced(modulus: int, start: int, count: int) -> None:
    pairs = reference_words(KEY, 2 * start, 2 * count)
    expected = [(pairs[2 * i] * 2**64 + pairs[2 * i + 1]) % modulus for i in range(count)]
    assert prg.words_mod(KEY, modulus=modulus, start=start, count=count).tolist() == expected


def test_residue_windows_continue_across_blocks() -> None:
    whole = prg.words_mod(KEY, modulus=1_032_193, start=0, count=40_000)
    for start, count in [(1, 39_999), (16_383, 3), (16_384, 20_000)]:
        part = prg.words_mod(KEY, modulus=1_032_193, start=start, count=count)
        assert np.array_equal(part, whole[start : start + count])


def test_adding_then_subtracting_a_keystream_restores_the_vector() -> None:
    values = np.arange(70_001, dtype=np.uint64)
    masked = values.copy()
    prg.add_words(masked, KEY, start=5)
    assert not np.array_equal(masked, values)
    assert np.array_equal(masked, values + prg.words(KEY, start=5, count=len(values)))
    prg.subtract_words(masked, KEY, start=5)
    assert np.array_equal(masked, values)


def chi_square(counts: np.ndarray) -> float:
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("lane", range(8))
def test_each_byte_lane_is_uniform(lane: int) -> None:
    lanes = prg.words(KEY, start=0, count=500_000).view(np.uint8).reshape(-1, 8)
    # 255 degrees of freedom: mean 255, standard deviation 22.6; the bounds lie 5 deviations out.
    assert 142 < chi_square(np.bincount(lanes[:, lane], minlength=256)) < 368


def test_residues_are_uniform() -> None:
    values = prg.words_mod(KEY, modulus=1009, start=0, count=1_000_000)
    # 1008 degrees of freedom: standard deviation 44.9.
    assert 784 < chi_square(np.bincount(values.astype(np.int64), minlength=1009)) < 1232


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(33)])
def test_keys_of_another_length_are_refused(key: bytes) -> None:
    with pytest.raises(ProtocolError):
        prg.words(key, start=0, count=1)


@pytest.mark.parametrize(("start", "count"), [(-1, 1), (prg.MAX_WORD, 1), (0, -1)])
def test_positions_outside_the_stream_are_refused(start: int, count: int) -> None:
    with pytest.raises(ProtocolError):
        prg.words(KEY, start=start, count=count)
    with pytest.raises(ProtocolError):
        prg.words_mod(KEY, modulus=7, start=start, count=count)


@pytest.mark.parametrize("modulus", [0, 1, prg.MAX_MODULUS + 1])
def test_moduli_outside_the_range_are_refused(modulus: int) -> None:
    with pytest.raises(ProtocolError):
        prg.words_mod(KEY, modulus=modulus, start=0, count=1)
