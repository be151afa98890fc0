"""The group that vectors add in: Z_{2^64}, one word a slot, or Z_{2^128}, two words a slot.

Rules:
- A two-lane vector is one flat `<u8` array, low word then high word of each slot; slot k is masked by keystream words 2k
  and 2k + 1. Both lanes are one number: the carry of the low lane goes to the high one.
- Values are never split into independent limbs: the sums of limbs tell more than the sum of values.
- The carry is vectorised: a low word that came out smaller than what was added has wrapped.

Follows protocols.md section 2.2. Rounding, scaling and clipping are the caller's.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols import prg
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.ring import Encoded, Total

Words = NDArray[np.uint64]
_LOW_HALF: Final = np.uint64(0xFFFF_FFFF)
_HALF: Final = np.uint64(32)
_WIDE: Final = 1 << 128


class Lanes(IntEnum):
    """Words per slot."""

    ONE = 1
    TWO = 2

    @property
    def modulus(self) -> int:
        """2^64 or 2^128."""
        return 1 << (64 * self)


def add(into: Words, term: Words, lanes: Lanes) -> None:
    """Add `term` to `into` in place; both flat, of equal length, a whole number of slots."""
    if lanes is Lanes.ONE:
        np.add(into, term, out=into)
        return
    low, high = into[0::2], into[1::2]
    np.add(low, term[0::2], out=low)
    carry = low < term[0::2]
    np.add(high, term[1::2], out=high)
    np.add(high, carry, out=high)


def subtract(into: Words, term: Words, lanes: Lanes) -> None:
    """Subtract `term` from `into` in place."""
    if lanes is Lanes.ONE:
        np.subtract(into, term, out=into)
        return
    low, high = into[0::2], into[1::2]
    borrow = low < term[0::2]
    np.subtract(low, term[0::2], out=low)
    np.subtract(high, term[1::2], out=high)
    np.subtract(high, borrow, out=high)


def add_stream(into: Words, key: bytes, lanes: Lanes) -> None:
    """Add the keystream of `key` from its beginning."""
    # BLOCK_WORDS is even, so no slot of two words straddles two blocks.
    for offset, block in prg.blocks(key, start=0, count=len(into)):
        add(into[offset : offset + len(block)], block, lanes)


def subtract_stream(into: Words, key: bytes, lanes: Lanes) -> None:
    """Subtract the keystream of `key` from its beginning."""
    for offset, block in prg.blocks(key, start=0, count=len(into)):
        subtract(into[offset : offset + len(block)], block, lanes)


def encode_wide(values: Sequence[int]) -> Encoded:
    """Signed integers within -2^127..2^127-1 as two-lane residues, shape (2 * slots,). Raises RecoveryRefused."""
    if any(not -(_WIDE >> 1) <= value < _WIDE >> 1 for value in values):
        raise RecoveryRefused(Reason.INPUT, "expected values of 128 bits, got a larger one")
    data = b"".join((value % _WIDE).to_bytes(16, "little") for value in values)
    return Encoded(np.frombuffer(data, dtype="<u8").copy())


def widen(values: NDArray[np.int64]) -> Encoded:
    """The two-lane residues of signed 64-bit `values`: the sign fills the high word."""
    _check_flat(values)
    words = np.empty(2 * len(values), dtype="<u8")
    words[0::2] = values.view(np.uint64)
    words[1::2] = (values >> np.int64(63)).view(np.uint64)
    return Encoded(words)


def squares(values: NDArray[np.int64]) -> Encoded:
    """The exact squares of signed 64-bit `values` as two-lane residues."""
    _check_flat(values)
    # The magnitude of -2^63 is 2^63 as an unsigned word, which is what negating its residue gives.
    residues = values.view(np.uint64)
    magnitude = np.where(values < 0, np.uint64(0) - residues, residues)
    high, low = magnitude >> _HALF, magnitude & _LOW_HALF
    cross = high * low
    words = np.empty(2 * len(values), dtype="<u8")
    words[0::2], words[1::2] = low * low, high * high
    # 2 * cross * 2^32 = cross * 2^33: its low 31 bits reach the low word, the rest the high one.
    shifted = np.empty_like(words)
    shifted[0::2], shifted[1::2] = cross << np.uint64(33), cross >> np.uint64(31)
    add(words, shifted, Lanes.TWO)
    return Encoded(words)


def decode_wide(total: Total) -> list[int]:
    """The centered values of a two-lane sum."""
    data = total.astype("<u8", copy=False).tobytes()
    return [int.from_bytes(data[at : at + 16], "little", signed=True) for at in range(0, len(data), 16)]


def check_words(words: Words, *, slots: int, lanes: Lanes) -> None:
    """Raise RecoveryRefused unless `words` is a flat uint64 array of `slots` slots."""
    if words.dtype != np.uint64 or words.shape != (slots * lanes,):
        raise RecoveryRefused(
            Reason.INPUT,
            f"expected {slots * lanes} words of uint64, got {words.dtype} of shape {words.shape}",
        )


def check_bound(words: Words, bound: int, lanes: Lanes) -> None:
    """Raise RecoveryRefused unless every centered value lies within -bound..bound. Names no value."""
    if lanes is Lanes.ONE:
        signed = words.view(np.int64)
        within = not signed.size or (-bound <= int(signed.min()) and int(signed.max()) <= bound)
    else:
        within = _wide_within(words, bound)
    if not within:
        raise RecoveryRefused(Reason.INPUT, "expected values within the configured bound, got a larger one")


def _wide_within(words: Words, bound: int) -> bool:
    """-bound <= v <= bound is 0 <= v + bound <= 2 * bound, both as residues of 128 bits."""
    moved = words.copy()
    step = np.empty_like(moved)
    step[0::2], step[1::2] = np.uint64(bound % (1 << 64)), np.uint64(bound >> 64)
    add(moved, step, Lanes.TWO)
    limit_low, limit_high = np.uint64(2 * bound % (1 << 64)), np.uint64(2 * bound >> 64)
    low, high = moved[0::2], moved[1::2]
    return bool(np.all((high < limit_high) | ((high == limit_high) & (low <= limit_low))))


def _check_flat(values: NDArray[np.int64]) -> None:
    if values.dtype != np.int64 or values.ndim != 1:
        raise RecoveryRefused(
            Reason.INPUT, f"expected a flat int64 array, got {values.dtype} of {values.ndim} dimensions"
        )
