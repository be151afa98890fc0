"""Many scores in one ciphertext: 47 lanes of 64 bits in a 3072-bit plaintext, added and never multiplied.

    lane = 16-bit score + 40-bit statistical mask (together 56) + 6 bits for 64 parties + 2 guard bits

Rules:
- A score is a signed 16-bit integer; outside of that it is refused, never clipped.
- Score and mask share a ring of 2^56. Pair masks are uniform in that ring, so a lane of one party says nothing, not even
  to the key's holder; 40 bits beyond the score are what a mask over the integers would need to hide it within 2^-40.
- The sum of 64 such lanes stays below 2^62: the two guard bits are zero, no lane carries into the next, and the opened
  lane modulo 2^56 is the exact sum of the scores. A set guard bit, or a sum that scores cannot give, is refused.
- Every party packs the same slots in the same order, the last ciphertext filled with masked zeros.

Follows protocols.md section 4 ("Packing"), mode S2 with packed Paillier.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from enclaves.protocols.paillier.ciphertexts import Ciphertext, OutboundCiphertext, add, rerandomise, trivial
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey, PublicKey
from enclaves.protocols.paillier.masking import LANE_RING, LANE_RING_BITS, PairMasks
from enclaves.protocols.paillier.obfuscators import Pool

LANE_BITS: Final = 64
SCORE_BITS: Final = 16
MAX_PARTIES: Final = 64
_LANE_BYTES: Final = LANE_BITS // 8
_HALF_SCORE: Final = 1 << (SCORE_BITS - 1)


def lanes_of(key: PublicKey) -> int:
    """How many lanes a plaintext of this key has: 47 for 3072 bits; the top bits stay empty."""
    return (key.bits - 1) // LANE_BITS


def slots_of(key: PublicKey, scores: int) -> int:
    """How many slots `scores` scores take with the last ciphertext filled up: what PairMasks must provide."""
    lanes = lanes_of(key)
    return -(-scores // lanes) * lanes


def encrypt_scores(scores: NDArray[np.int64], pool: Pool, *, masks: PairMasks) -> list[OutboundCiphertext]:
    """One party's masked scores, shape (scores,), as ceil(scores / lanes) ciphertexts that may leave.

    Raises PaillierRefused for scores that are not flat int64 within 16 bits, KeyReused as `masks`.
    """
    if scores.dtype != np.int64 or scores.ndim != 1 or not scores.size:
        raise PaillierRefused(f"expected flat int64 scores, got {scores.dtype} of shape {scores.shape}")
    if int(scores.min()) < -_HALF_SCORE or int(scores.max()) >= _HALF_SCORE:
        raise PaillierRefused(f"expected scores of {SCORE_BITS} bits, got a larger one")
    words = np.zeros(slots_of(pool.key, len(scores)), dtype="<u8")
    words[: len(scores)] = scores.view(np.uint64)
    np.add(words, masks.lanes(len(words)), out=words)
    np.bitwise_and(words, LANE_RING, out=words)
    plaintexts = words.reshape(-1, lanes_of(pool.key))
    pool.fill(len(plaintexts))
    return [rerandomise(trivial(pool.key, _pack(lanes)), pool) for lanes in plaintexts]


def add_packed(contributions: Sequence[Sequence[Ciphertext]]) -> list[Ciphertext]:
    """The sums of all parties, ciphertext by ciphertext. Raises PaillierRefused for more than 64, or unequal lengths."""
    if not 1 <= len(contributions) <= MAX_PARTIES:
        raise PaillierRefused(f"expected 1 to {MAX_PARTIES} contributions, got {len(contributions)}")
    if len({len(contribution) for contribution in contributions}) != 1:
        raise PaillierRefused("expected contributions of one length, got several lengths")
    return [add(column) for column in zip(*contributions, strict=True)]


def open_scores(
    private: PrivateKey, sums: Sequence[Ciphertext], *, count: int, parties: int
) -> NDArray[np.int64]:
    """The exact sums of `count` slots over `parties` parties, shape (count,).

    Raises PaillierRefused for another number of ciphertexts, a lane over its bounds, or sums that the scores of so
    many parties cannot give: then masks did not cancel, because a party is missing or foreign.
    """
    lanes = lanes_of(private.public)
    if not 1 <= parties <= MAX_PARTIES or len(sums) != -(-count // lanes):
        raise PaillierRefused(
            f"expected {-(-count // lanes)} ciphertexts of 1 to {MAX_PARTIES} parties, got others"
        )
    words = np.concatenate([_unpack(private.raw_decrypt(packed.value), lanes=lanes) for packed in sums])
    if int(words.max()) > parties * int(LANE_RING):
        raise PaillierRefused("expected lanes within their bounds, got one that overflows")
    # Centered in the ring of 2^56: shift the sign up to the top bit and back.
    shift = np.int64(LANE_BITS - LANE_RING_BITS)
    totals = np.right_shift(np.left_shift(words.view(np.int64), shift), shift)
    # The filling is part of the check: there every sum is zero.
    if int(np.abs(totals).max()) > parties * _HALF_SCORE or totals[count:].any():
        raise PaillierRefused("expected sums of 16-bit scores, got a larger one: masks do not cancel")
    return totals[:count]


def _pack(lanes: NDArray[np.uint64]) -> mpz:
    return mpz(int.from_bytes(lanes.tobytes(), "little"))


def _unpack(plaintext: int, *, lanes: int) -> NDArray[np.uint64]:
    if plaintext.bit_length() > lanes * LANE_BITS:
        raise PaillierRefused("expected a packed plaintext, got one with bits above the last lane")
    return np.frombuffer(plaintext.to_bytes(lanes * _LANE_BYTES, "little"), dtype="<u8")
