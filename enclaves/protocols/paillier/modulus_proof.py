"""Paillier-Blum modulus proof: that n = p * q with p = q = 3 (mod 4) and gcd(n, phi(n)) = 1, without showing p or q.

For each of 128 challenges y the prover gives x, z and two bits with

    z^n = y (mod n)        x^4 = (-1)^a * w^b * y (mod n)        where the Jacobi symbol (w|n) is -1

Rules:
- If gcd(n, phi(n)) > 1, at most every second y has an n-th root; if n is not a product of two Blum primes (or powers of
  such), at most every second y has a fourth root among its four variants. So a false statement survives all challenges
  with probability at most 2^-128 per hash that a cheating prover tries (Fiat-Shamir in the random-oracle model).
- The challenges are SHA-256 over a label, the context (the authorization), n and w: a proof holds for one context.
- The verifier checks what implementations have forgotten: that n is odd, composite and no perfect power, that the Jacobi
  symbol of w is -1 (otherwise the second equation proves nothing), and that w, x, z and y are units modulo n.
- It does not show that gcd(p-1, q-1) = 2 or that p and q are of one size. README.md says what rests on that.

Follows zkdocs, "Paillier-Blum modulus", and Canetti et al. (CCS 2020, revised 2021), figure 16.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import gmpy2
from gmpy2 import mpz

from enclaves.protocols.labels import Label
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey, PublicKey, RandomBits, public_from_wire
from enclaves.protocols.paillier.modulus import PRODUCTION_BITS, check_modulus

CHALLENGES: Final = 128
# This many bits beyond the modulus make a reduced hash uniform up to 2^-128.
_SPARE_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """What the prover answers to one challenge: roots modulo n, and whether -1 and w were factors of it."""

    x: mpz
    z: mpz
    negated: bool
    twisted: bool


@dataclass(frozen=True, slots=True)
class ModulusProof:
    """A non-interactive proof of 128 answers; about 99 kB on the wire for 3072 bits."""

    w: mpz
    answers: tuple[Answer, ...]

    def to_wire(self, *, bits: int) -> bytes:
        """w, then x, z and one byte of two bits an answer; all big-endian, of fixed length."""
        size = -(-bits // 8)
        parts = [int(self.w).to_bytes(size, "big")]
        for answer in self.answers:
            flags = bytes([answer.negated | answer.twisted << 1])
            parts += [int(answer.x).to_bytes(size, "big"), int(answer.z).to_bytes(size, "big"), flags]
        return b"".join(parts)


def proof_from_wire(data: bytes, *, bits: int) -> ModulusProof:
    """The proof in `data`, of exactly the length that `bits` gives. Raises PaillierRefused."""
    size = -(-bits // 8)
    width = 2 * size + 1
    if len(data) != size + CHALLENGES * width:
        raise PaillierRefused(f"expected a proof of {size + CHALLENGES * width} bytes, got {len(data)}")
    answers = []
    for start in range(size, len(data), width):
        x, z = (int.from_bytes(data[at : at + size], "big") for at in (start, start + size))
        flags = data[start + width - 1]
        if flags > 3:
            raise PaillierRefused("expected two bits of flags in an answer, got more")
        answers.append(Answer(mpz(x), mpz(z), negated=bool(flags & 1), twisted=bool(flags & 2)))
    return ModulusProof(mpz(int.from_bytes(data[:size], "big")), tuple(answers))


def prove(private: PrivateKey, *, context: bytes, randbits: RandomBits = secrets.randbits) -> ModulusProof:
    """A proof for the modulus of `private`, bound to `context`; under two seconds for 3072 bits."""
    n = private.public.n
    w = _nonresidue(n, bits=private.public.bits, randbits=randbits)
    roots = _Roots(mpz(private.phe.p), mpz(private.phe.q))
    challenges = _challenges(n, w, bits=private.public.bits, context=context)
    return ModulusProof(w, tuple(roots.answer(y, w) for y in challenges))


def verify(n: mpz, proof: ModulusProof, *, context: bytes, bits: int = PRODUCTION_BITS) -> None:
    """Raise PaillierRefused unless `proof` shows, in `context`, that `n` is a Paillier-Blum modulus of `bits` bits."""
    # 1. What needs no proof: size, oddness, small factors, powers, primality.
    check_modulus(n, bits=bits)
    # 2. w is a unit with Jacobi symbol -1, so that it is a non-residue modulo exactly one of two primes.
    if not 0 < proof.w < n or gmpy2.jacobi(proof.w, n) != -1:
        raise PaillierRefused("expected a witness with Jacobi symbol -1, got another")
    if len(proof.answers) != CHALLENGES:
        raise PaillierRefused(f"expected {CHALLENGES} answers, got {len(proof.answers)}")
    # 3. Every challenge has its n-th root and one of its variants a fourth root.
    for y, answer in zip(_challenges(n, proof.w, bits=bits, context=context), proof.answers, strict=True):
        _check_answer(n, answer, y=y, w=proof.w)


def receive_key(data: bytes, proof: bytes, *, context: bytes) -> PublicKey:
    """The public key of a partner, of exactly 3072 bits, once its proof holds in `context`. Raises PaillierRefused."""
    public = public_from_wire(data)
    verify(public.n, proof_from_wire(proof, bits=public.bits), context=context, bits=public.bits)
    return public


def _check_answer(n: mpz, answer: Answer, *, y: mpz, w: mpz) -> None:
    if not (0 < answer.x < n and 0 < answer.z < n) or gmpy2.gcd(answer.x * answer.z * y, n) != 1:
        raise PaillierRefused("expected answers that are units modulo n, got another")
    if gmpy2.powmod(answer.z, n, n) != y:
        raise PaillierRefused("expected the n-th root of a challenge, got another number")
    if gmpy2.powmod(answer.x, 4, n) != _variant(n, y=y, w=w, negated=answer.negated, twisted=answer.twisted):
        raise PaillierRefused("expected the fourth root of a challenge's variant, got another number")


def _variant(n: mpz, *, y: mpz, w: mpz, negated: bool, twisted: bool) -> mpz:
    """(-1)^a * w^b * y modulo n."""
    value = y * w % n if twisted else y
    return n - value if negated else value


def _challenges(n: mpz, w: mpz, *, bits: int, context: bytes) -> Iterator[mpz]:
    """128 residues modulo n that nobody chose: SHA-256 in counter mode over everything that is claimed."""
    size = -(-bits // 8)
    claimed = int(n).to_bytes(size, "big") + int(w).to_bytes(size, "big")
    # The context's own digest has a fixed length, so nothing runs into what follows it.
    seed = hashlib.sha256(Label.PAILLIER_MODULUS.value + hashlib.sha256(context).digest() + claimed).digest()
    blocks = -(-(bits + _SPARE_BITS) // 256)
    for index in range(CHALLENGES):
        numbers = (index.to_bytes(4, "big") + block.to_bytes(4, "big") for block in range(blocks))
        stream = b"".join(hashlib.sha256(seed + number).digest() for number in numbers)
        yield mpz(int.from_bytes(stream, "big")) % n


def _nonresidue(n: mpz, *, bits: int, randbits: RandomBits) -> mpz:
    while True:
        w = mpz(randbits(bits + _SPARE_BITS)) % n
        if gmpy2.jacobi(w, n) == -1:
            return w


class _Roots:
    """Roots modulo n by its factors. Powers with secret exponents use GMP's side-channel silent routine."""

    __slots__ = ("_n", "_n_inverse", "_p", "_p_inverse", "_q")

    def __init__(self, p: mpz, q: mpz) -> None:
        self._p, self._q, self._n = p, q, p * q
        self._p_inverse = gmpy2.invert(p, q)
        self._n_inverse = (gmpy2.invert(self._n, p - 1), gmpy2.invert(self._n, q - 1))

    def answer(self, y: mpz, w: mpz) -> Answer:
        # -1 is a non-residue modulo both primes and w modulo one, so exactly one variant is a residue modulo both.
        twisted = gmpy2.jacobi(y, self._p) != gmpy2.jacobi(y, self._q)
        value = y * w % self._n if twisted else y
        negated = gmpy2.jacobi(value, self._p) != 1
        value = self._n - value if negated else value
        return Answer(self._fourth_root(value), self._nth_root(y), negated=negated, twisted=twisted)

    def _fourth_root(self, square: mpz) -> mpz:
        # Modulo p = 3 (mod 4), a^((p+1)/4) is the root of a residue a that is itself a residue; twice gives the fourth.
        exponents = (((prime + 1) // 4) ** 2 % (prime - 1) for prime in (self._p, self._q))
        return self._power(square, *exponents)

    def _nth_root(self, y: mpz) -> mpz:
        return self._power(y, *self._n_inverse)

    def _power(self, base: mpz, modulo_p: mpz, modulo_q: mpz) -> mpz:
        at_p = gmpy2.powmod_sec(base % self._p, modulo_p, self._p)
        at_q = gmpy2.powmod_sec(base % self._q, modulo_q, self._q)
        return at_p + self._p * ((at_q - at_p) * self._p_inverse % self._q)
