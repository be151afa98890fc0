"""Paillier as the homomorphic key of a joined sum: the Paillier room behind `joined_sum.AdditiveKey`.

Nothing is decided here. That a ciphertext leaves rerandomized only is kept by the room's two types.
"""

from typing import Final

from enclaves.protocols.paillier.ciphertexts import (
    Ciphertext,
    OutboundCiphertext,
    add,
    encrypt,
    from_wire,
    rerandomise,
)
from enclaves.protocols.paillier.obfuscators import Pool


class PaillierSum:
    """The gate's public key with a pool of obfuscators that one party uses."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Pool) -> None:
        self._pool: Final = pool

    def encrypt(self, amount: int) -> OutboundCiphertext:
        """A fresh ciphertext. Raises PaillierRefused for an integer of n/2 or more."""
        return encrypt(amount, self._pool)

    def add(self, first: Ciphertext, second: Ciphertext) -> Ciphertext:
        """A ciphertext of the sum."""
        return add((first, second))

    def rerandomize(self, ciphertext: Ciphertext) -> OutboundCiphertext:
        """The same plaintext under a fresh obfuscator."""
        return rerandomise(ciphertext, self._pool)

    def to_bytes(self, ciphertext: OutboundCiphertext) -> bytes:
        """Big-endian, of the key's one length."""
        return ciphertext.to_wire()

    def from_bytes(self, raw: bytes) -> Ciphertext:
        """The ciphertext in `raw`, checked. Raises PaillierRefused."""
        return from_wire(self._pool.key, raw)
