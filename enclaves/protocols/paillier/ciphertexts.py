"""Ciphertexts in two types: what is computed with, and what may leave.

Rules:
- A `Ciphertext` may still show how it was made: a product by a known number, a trivial encryption. It has no way to
  the wire. An `OutboundCiphertext` is built by `rerandomise` alone, and it alone has `to_wire`.
- A plaintext is an integer. No exponent travels, and every ciphertext of a key has the same length: 768 bytes for 3072
  bits, big-endian.
- A foreign ciphertext is a number c with 0 < c < n^2 and gcd(c, n) = 1, or is refused: outside of the group, a factor of
  n would stay in every product and say whether its exponent was zero, whatever is multiplied onto it.

Follows protocols.md section 4, rule 4. Who sent a ciphertext is proved elsewhere (`weights`, and signed mail).
"""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Final

import gmpy2
from gmpy2 import mpz

from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey, PublicKey
from enclaves.protocols.paillier.obfuscators import Pool

_REBUILT: Final = object()


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """A unit modulo n^2 to compute with. Raises PaillierRefused for any other number."""

    key: PublicKey
    value: mpz = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.value < self.key.n2:
            raise PaillierRefused("expected a ciphertext from 1 to n^2 - 1, got a number outside")
        if gmpy2.gcd(self.value, self.key.n) != 1:
            raise PaillierRefused("expected a ciphertext that is a unit modulo n, got another number")

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a ciphertext leaves by rerandomise and to_wire only")


@dataclass(frozen=True, slots=True)
class OutboundCiphertext:
    """A ciphertext with a fresh obfuscator on it. Only `rerandomise` builds one; anyone else gets PaillierRefused."""

    key: PublicKey
    value: mpz = field(repr=False)
    built_by: InitVar[object] = None

    def __post_init__(self, built_by: object) -> None:
        if built_by is not _REBUILT:
            raise PaillierRefused("expected a ciphertext from rerandomise, got one built otherwise")

    def to_wire(self) -> bytes:
        """Big-endian, of the key's one length."""
        return int(self.value).to_bytes(self.key.ciphertext_bytes, "big")

    def inner(self) -> Ciphertext:
        """The same ciphertext to compute with."""
        return Ciphertext(self.key, self.value)


def rerandomise(ciphertext: Ciphertext, pool: Pool) -> OutboundCiphertext:
    """The same plaintext under an obfuscator that is used for nothing else."""
    _check_same(ciphertext.key, pool.key)
    # The obfuscator is a power of a unit, so the product is one.
    value = ciphertext.value * pool.take() % pool.key.n2
    return OutboundCiphertext(pool.key, value, built_by=_REBUILT)


def trivial(key: PublicKey, residue: mpz) -> Ciphertext:
    """(1 + n)^m for a residue m: a ciphertext that hides nothing yet. Raises PaillierRefused outside 0..n-1."""
    if not 0 <= residue < key.n:
        raise PaillierRefused("expected a plaintext residue below n, got another number")
    return _unit(key, residue * key.n + 1)


def encrypt(value: int, pool: Pool) -> OutboundCiphertext:
    """A fresh encryption of a signed integer below n/2 in magnitude. Raises PaillierRefused."""
    return rerandomise(trivial(pool.key, pool.key.residue(value)), pool)


def add(ciphertexts: Sequence[Ciphertext]) -> Ciphertext:
    """An encryption of the sum modulo n, not yet rerandomised. Raises PaillierRefused for mixed keys or none."""
    if not ciphertexts:
        raise PaillierRefused("expected at least one ciphertext, got none")
    key, product = ciphertexts[0].key, ciphertexts[0].value
    for ciphertext in ciphertexts[1:]:
        _check_same(ciphertext.key, key)
        product = product * ciphertext.value % key.n2
    return _unit(key, product)


def add_plain(ciphertext: Ciphertext, residue: mpz) -> Ciphertext:
    """An encryption of the plaintext plus a residue modulo n, not yet rerandomised."""
    return add([ciphertext, trivial(ciphertext.key, residue % ciphertext.key.n)])


def decrypt(private: PrivateKey, ciphertext: Ciphertext) -> int:
    """The signed plaintext, within (-n/2, n/2). Raises PaillierRefused for another key's ciphertext."""
    _check_same(ciphertext.key, private.public)
    return private.centered(private.raw_decrypt(ciphertext.value))


def from_wire(key: PublicKey, data: bytes) -> Ciphertext:
    """The ciphertext in `data`, checked. Raises PaillierRefused."""
    if len(data) != key.ciphertext_bytes:
        raise PaillierRefused(f"expected a ciphertext of {key.ciphertext_bytes} bytes, got {len(data)}")
    return Ciphertext(key, mpz(int.from_bytes(data, "big")))


def _unit(key: PublicKey, value: mpz) -> Ciphertext:
    """A ciphertext that need not be checked: 1 + n*m is a unit, and so is every product of units."""
    ciphertext = object.__new__(Ciphertext)
    object.__setattr__(ciphertext, "key", key)
    object.__setattr__(ciphertext, "value", value)
    return ciphertext


def _check_same(one: PublicKey, other: PublicKey) -> None:
    if one.n != other.n:
        raise PaillierRefused("expected ciphertexts of one key, got another key's")
