"""Pair masks inside ciphertexts, so that the key's holder can open only the sum over all parties.

Rules:
- Parties mask in pairs as in `secagg`: the lower name adds what the two share, the higher subtracts it.
- Modulo n: a slot's mask is the big-endian number of ceil((bits + 128) / 64) keystream words, reduced; each residue's
  probability differs from 1/n by less than 2^-128 of it. The mask hides a score perfectly but for that.
- In lanes: a slot's mask is the low 56 bits of one keystream word, added modulo 2^56, and hides a lane perfectly.
- A position of the keystream masks one slot once, in order, and the first use fixes the mode: both read the keystream
  differently and must not share it. A pair key serves one run (its sid covers the signed plan).

Follows protocols.md section 2.3 (pair keys) and section 3.4 (S2, S3: E(mask)). Across a crash the session table guards.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from enclaves.protocols import prg, secagg
from enclaves.protocols.errors import KeyReused
from enclaves.protocols.paillier.ciphertexts import Ciphertext, add_plain
from enclaves.protocols.paillier.keys import PublicKey
from enclaves.protocols.secagg import PairKey

LANE_RING_BITS: Final = 56
LANE_RING: Final = np.uint64((1 << LANE_RING_BITS) - 1)
_SPARE_BITS: Final = 128


class PairMasks:
    """The masks of one party in one run of `slots` slots; with no peers every mask is zero."""

    __slots__ = ("_keys", "_mode", "_party", "_position", "_slots")

    def __init__(self, party: str, *, pair_keys: Mapping[str, PairKey], slots: int) -> None:
        """Raises ProtocolError for the party among its peers or a key of another length, KeyReused for equal keys."""
        for peer, key in pair_keys.items():
            prg.check_key(key)
            secagg.adds(party, peer)
        if len(set(pair_keys.values())) != len(pair_keys):
            raise KeyReused("expected a different key per peer, got one twice")
        self._party: Final = party
        self._keys: Final = dict(pair_keys)
        self._slots: Final = slots
        self._position = 0
        self._mode: str | None = None

    def residues(self, key: PublicKey, *, count: int) -> list[mpz]:
        """The masks of the next `count` slots modulo n. Raises KeyReused past the last slot or after `lanes`."""
        start = self._spend(count, mode="residues")
        total = [mpz(0)] * count
        for peer, shared in self._keys.items():
            sign = 1 if secagg.adds(self._party, peer) else -1
            pads = residues_of(shared, key, start=start, count=count)
            total = [(sum_ + sign * pad) % key.n for sum_, pad in zip(total, pads, strict=True)]
        return total

    def lanes(self, count: int) -> NDArray[np.uint64]:
        """The masks of the next `count` slots modulo 2^56. Raises KeyReused past the last slot or after `residues`."""
        start = self._spend(count, mode="lanes")
        total = np.zeros(count, dtype="<u8")
        for peer, shared in self._keys.items():
            # 2^56 divides 2^64, so wrapping words and reducing once at the end is exact.
            if secagg.adds(self._party, peer):
                prg.add_words(total, shared, start=start)
            else:
                prg.subtract_words(total, shared, start=start)
        return np.bitwise_and(total, LANE_RING)

    def _spend(self, count: int, *, mode: str) -> int:
        if self._mode not in (None, mode):
            raise KeyReused(f"expected masks as {self._mode} again, got a call for {mode}")
        if not 0 < count <= self._slots - self._position:
            raise KeyReused(f"expected 1 to {self._slots - self._position} slots, got {count}")
        self._mode = mode
        start = self._position
        self._position += count
        return start


def residues_of(shared: PairKey, key: PublicKey, *, start: int, count: int) -> list[mpz]:
    """What one pair key gives for slots start .. start+count-1 modulo n, before any sign."""
    width = -(-(key.bits + _SPARE_BITS) // 64)
    words = prg.words(shared, start=start * width, count=count * width).astype(">u8").tobytes()
    size = 8 * width
    return [mpz(int.from_bytes(words[at : at + size], "big")) % key.n for at in range(0, len(words), size)]


def mask(ciphertext: Ciphertext, residue: mpz) -> Ciphertext:
    """The plaintext plus a mask modulo n: one multiplication by (1 + n)^mask."""
    return add_plain(ciphertext, residue)


def unmask(ciphertext: Ciphertext, residue: mpz) -> Ciphertext:
    """The plaintext less a mask modulo n, for masks that do not cancel because a peer is absent."""
    return add_plain(ciphertext, -residue)
