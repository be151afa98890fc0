"""Paillier keys: drawn until they are of the kind that the obfuscators and the modulus proof need.

Rules:
- p = q = 3 (mod 4) and gcd(p-1, q-1) = 2, each prime of half the bits with its two top bits set, so that n has exactly
  `bits` bits and gcd(n, (p-1)(q-1)) = 1. phe draws primes freely, so they are drawn here and phe's objects built on them.
- Production keys have 3072 bits or more. A smaller key exists only where somebody writes `unsafe_small=True`; whatever
  reads a key from outside never does.
- Plaintexts are integers, as residues modulo n or centered. phe's encoding of numbers is never used.
- A key pair belongs to one model under one scenario, and its holder is the gate.

Follows protocols.md section 4 ("Key generation", rule 4). Decryption is phe's `raw_decrypt` (CRT). Left to others: who
may hold a key, and where it is kept.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import gmpy2
from gmpy2 import mpz
from phe.paillier import PaillierPrivateKey, PaillierPublicKey

from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.modulus import MAX_BITS, PRODUCTION_BITS, check_modulus

# Uniform random bits, as `secrets.randbits` gives them.
RandomBits = Callable[[int], int]

# GMP runs a Baillie-PSW test and then Miller-Rabin up to this count; FIPS 186-5 asks for less at this size.
_PRIME_ROUNDS: Final = 40


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The modulus of one authorization, checked as far as it can be without a proof.

    Raises PaillierRefused for a modulus that `check_modulus` refuses, and for fewer than 3072 bits unless
    `unsafe_small`, which tests alone may set.
    """

    n: mpz
    bits: int = PRODUCTION_BITS
    unsafe_small: bool = False
    n2: mpz = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.unsafe_small or self.bits >= PRODUCTION_BITS) or self.bits > MAX_BITS or self.bits % 16:
            raise PaillierRefused(
                f"expected {PRODUCTION_BITS} to {MAX_BITS} bits of modulus, got {self.bits}"
            )
        check_modulus(self.n, bits=self.bits)
        object.__setattr__(self, "n2", self.n * self.n)

    @property
    def modulus_bytes(self) -> int:
        """The length of the modulus on the wire."""
        return self.bits // 8

    @property
    def ciphertext_bytes(self) -> int:
        """The one length that a ciphertext of this key has on the wire."""
        return self.bits // 4

    @property
    def digest(self) -> bytes:
        """SHA-256 of the modulus, 32 bytes: how documents name this key."""
        return hashlib.sha256(self.to_wire()).digest()

    def to_wire(self) -> bytes:
        """The modulus, big-endian, of fixed length."""
        return int(self.n).to_bytes(self.modulus_bytes, "big")

    def residue(self, value: int) -> mpz:
        """A signed integer as a residue modulo n. Raises PaillierRefused unless its magnitude is below n/2."""
        if 2 * abs(value) >= self.n:
            raise PaillierRefused("expected a plaintext below half of the modulus, got a larger one")
        return mpz(value) % self.n


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The factors of a public key, as phe's object. They never leave the gate unsealed, and never as a pickle."""

    public: PublicKey
    phe: PaillierPrivateKey = field(repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a private key is not pickled")

    def raw_decrypt(self, value: mpz) -> int:
        """The plaintext of a ciphertext's value, as a residue from 0 to n-1. `Ciphertext` has checked the range."""
        return int(self.phe.raw_decrypt(int(value)))

    def centered(self, residue: int) -> int:
        """The signed integer that a residue stands for, within (-n/2, n/2)."""
        return int(residue if 2 * residue < self.public.n else residue - self.public.n)


def generate(*, bits: int = PRODUCTION_BITS, randbits: RandomBits = secrets.randbits) -> PrivateKey:
    """A fresh key pair of at least 3072 bits; it takes seconds. Raises PaillierRefused for fewer bits."""
    if bits < PRODUCTION_BITS:
        raise PaillierRefused(f"expected at least {PRODUCTION_BITS} bits, got {bits}")
    return _generate(bits, randbits=randbits, unsafe_small=False)


def unsafe_generate_small(*, bits: int, randbits: RandomBits = secrets.randbits) -> PrivateKey:
    """A key pair of any size, for tests of laws that do not depend on the size."""
    return _generate(bits, randbits=randbits, unsafe_small=True)


def from_primes(p: int, q: int, *, bits: int = PRODUCTION_BITS, unsafe_small: bool = False) -> PrivateKey:
    """The key pair of two primes, for a key that was generated earlier and kept.

    Raises PaillierRefused unless they are primes of the kind that `generate` draws.
    """
    if not all(gmpy2.is_prime(prime, _PRIME_ROUNDS) for prime in (p, q)):
        raise PaillierRefused("expected two primes, got a composite number")
    if not fit(mpz(p), mpz(q)):
        raise PaillierRefused("expected primes that are 3 modulo 4 with gcd(p-1, q-1) = 2, got others")
    public = PublicKey(mpz(p) * mpz(q), bits=bits, unsafe_small=unsafe_small)
    return PrivateKey(public, PaillierPrivateKey(PaillierPublicKey(int(public.n)), int(p), int(q)))


def public_from_wire(data: bytes) -> PublicKey:
    """The public key in `data`, of exactly 3072 bits, whose proof was verified before. Raises PaillierRefused."""
    if len(data) != PRODUCTION_BITS // 8:
        raise PaillierRefused(f"expected a modulus of {PRODUCTION_BITS // 8} bytes, got {len(data)}")
    return PublicKey(mpz(int.from_bytes(data, "big")))


def secret_to_wire(private: PrivateKey) -> bytes:
    """The primes, for the holder to seal to itself and to open with in a confined child; never for anybody else."""
    size = private.public.modulus_bytes // 2
    return b"".join(int(prime).to_bytes(size, "big") for prime in (private.phe.p, private.phe.q))


def secret_from_wire(data: bytes) -> PrivateKey:
    """The inverse of `secret_to_wire`, 3072 bits. Raises PaillierRefused."""
    size = PRODUCTION_BITS // 16
    if len(data) != 2 * size:
        raise PaillierRefused(f"expected primes of {2 * size} bytes, got {len(data)}")
    return from_primes(int.from_bytes(data[:size], "big"), int.from_bytes(data[size:], "big"))


def fit(p: mpz, q: mpz) -> bool:
    """Whether two primes suit the fixed-base obfuscators and the proof.

    Equal lengths give gcd(n, (p-1)(q-1)) = 1, without which Paillier does not decrypt.
    """
    same_length = p.bit_length() == q.bit_length()
    return bool(p != q and same_length and p % 4 == q % 4 == 3 and gmpy2.gcd(p - 1, q - 1) == 2)


def _generate(bits: int, *, randbits: RandomBits, unsafe_small: bool) -> PrivateKey:
    while True:
        p, q = (_prime(bits // 2, randbits=randbits) for _ in range(2))
        # FIPS 186-5 A.1.3: close primes would fall to Fermat's method. A random pair is close with chance 2^-100.
        if fit(p, q) and abs(p - q).bit_length() > bits // 2 - 100:
            return from_primes(int(p), int(q), bits=bits, unsafe_small=unsafe_small)


def _prime(bits: int, *, randbits: RandomBits) -> mpz:
    """A uniform prime of exactly `bits` bits that is 3 modulo 4 and at least three quarters of the power above it."""
    fixed = (3 << (bits - 2)) | 3
    while True:
        candidate = mpz(randbits(bits) | fixed)
        if gmpy2.is_prime(candidate, _PRIME_ROUNDS):
            return candidate
