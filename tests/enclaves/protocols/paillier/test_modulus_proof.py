"""The Paillier-Blum proof holds for good moduli and for no others."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import gmpy2
import pytest
from gmpy2 import mpz

from enclaves.protocols.paillier import modulus_proof
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.modulus_proof import CHALLENGES, Answer, ModulusProof
from tests.enclaves.protocols.paillier.kit import SMALL_BITS, dice, full, small

CONTEXT = b"authorization 7"


@cache
def proof() -> ModulusProof:
    return modulus_proof.prove(small(), context=CONTEXT)


def check(changed: ModulusProof, *, n: mpz | None = None, context: bytes = CONTEXT) -> None:
    modulus_proof.verify(n or small().public.n, changed, context=context, bits=SMALL_BITS)


def test_a_proof_of_a_production_key_holds_after_the_wire() -> None:
    private = full()
    made = modulus_proof.prove(private, context=CONTEXT)
    data = made.to_wire(bits=3072)
    assert len(data) == 98_816
    assert modulus_proof.receive_key(private.public.to_wire(), data, context=CONTEXT) == private.public


def test_a_small_key_is_not_received_even_with_a_proof() -> None:
    with pytest.raises(PaillierRefused, match="384 bytes"):
        modulus_proof.receive_key(small().public.to_wire(), proof().to_wire(bits=SMALL_BITS), context=CONTEXT)


def test_a_proof_holds_for_its_context_and_modulus_only() -> None:
    check(proof())
    with pytest.raises(PaillierRefused, match="n-th root"):
        check(proof(), context=b"authorization 8")
    with pytest.raises(PaillierRefused):
        check(proof(), n=small(seed=3).public.n)


@pytest.mark.parametrize("symbol", [0, 1])
def test_a_witness_without_jacobi_symbol_minus_one_is_refused(symbol: int) -> None:
    n = small().public.n
    w = mpz(small().phe.p) if symbol == 0 else mpz(4)
    assert gmpy2.jacobi(w, n) == symbol
    with pytest.raises(PaillierRefused, match="Jacobi symbol -1"):
        check(replace(proof(), w=w))


def test_a_witness_beyond_the_modulus_is_refused() -> None:
    with pytest.raises(PaillierRefused, match="Jacobi"):
        check(replace(proof(), w=proof().w + small().public.n))


@pytest.mark.parametrize("place", [0, 63, 127])
def test_one_changed_answer_is_refused(place: int) -> None:
    n, good = small().public.n, proof().answers[place]
    changes = {
        "x": replace(good, x=good.x + 1),
        "x zero": replace(good, x=mpz(0)),
        "x not a unit": replace(good, x=mpz(small().phe.q)),
        "x beyond": replace(good, x=good.x + n),
        "z": replace(good, z=n - good.z),
        "z not a unit": replace(good, z=mpz(small().phe.p)),
        "z beyond": replace(good, z=good.z + n),
        "a": replace(good, negated=not good.negated),
        "b": replace(good, twisted=not good.twisted),
    }
    for changed in changes.values():
        answers = (*proof().answers[:place], changed, *proof().answers[place + 1 :])
        with pytest.raises(PaillierRefused):
            check(replace(proof(), answers=answers))


def test_the_negative_of_a_fourth_root_is_as_good() -> None:
    n, good = small().public.n, proof().answers[0]
    check(replace(proof(), answers=(replace(good, x=n - good.x), *proof().answers[1:])))


def test_a_proof_of_another_length_is_refused() -> None:
    data = proof().to_wire(bits=SMALL_BITS)
    assert modulus_proof.proof_from_wire(data, bits=SMALL_BITS) == proof()
    for other in (b"", data[:-1], data + b"\0"):
        with pytest.raises(PaillierRefused, match="a proof of"):
            modulus_proof.proof_from_wire(other, bits=SMALL_BITS)
    with pytest.raises(PaillierRefused, match=f"{CHALLENGES} answers"):
        check(replace(proof(), answers=proof().answers[:-1]))
    with pytest.raises(PaillierRefused, match="flags"):
        modulus_proof.proof_from_wire(data[:-1] + b"\x04", bits=SMALL_BITS)


def _primes(count: int, *, bits: int, remainder: int, modulo: int = 4) -> list[mpz]:
    bits_of = dice(bits + remainder)
    found: set[mpz] = set()
    while len(found) < count:
        candidate = gmpy2.next_prime(bits_of(bits) | 3 << (bits - 2))
        if candidate % modulo == remainder:
            found.add(candidate)
    return sorted(found)


def _factored(kind: str) -> list[mpz]:
    """The primes of a modulus that is not Paillier-Blum, repeated as they divide it."""
    if kind == "not blum":
        return [*_primes(1, bits=128, remainder=3), *_primes(1, bits=128, remainder=5, modulo=8)]
    if kind == "three primes":
        return _primes(3, bits=86, remainder=3)
    if kind == "squared prime":
        p, q = _primes(2, bits=86, remainder=3)
        return [p, p, q]
    # gcd(n, phi(n)) > 1: p divides q - 1, so that n-th powers are not all units.
    (p,) = _primes(1, bits=100, remainder=3)
    q = next(q for k in range(1 << 59, 1 << 60) if gmpy2.is_prime(q := 2 * k * p + 1) and q % 4 == 3)
    return [p, q]


def _best_proof(primes: list[mpz]) -> tuple[mpz, ModulusProof, int]:
    """What a prover who knows all factors can answer at best, and how many challenges that is."""
    n, bits_of = gmpy2.mpz(1), dice(11)
    for prime in primes:
        n *= prime
    bits = n.bit_length()
    w = next(w for w in iter(lambda: mpz(bits_of(bits)) % n, None) if gmpy2.jacobi(w, n) == -1)
    answers, honest = [], 0
    for y in modulus_proof._challenges(n, w, bits=bits, context=CONTEXT):
        answer = _answer(primes, n, y=y, w=w)
        honest += answer is not None
        answers.append(answer or Answer(mpz(1), mpz(1), negated=False, twisted=False))
    return n, ModulusProof(w, tuple(answers)), honest


def _answer(primes: list[mpz], n: mpz, *, y: mpz, w: mpz) -> Answer | None:
    """An answer found by every means that the factors give, or None if there is none."""
    order = gmpy2.mpz(1)
    for prime in set(primes):
        order *= (prime - 1) * prime ** (primes.count(prime) - 1)
    if gmpy2.gcd(n, order) != 1:
        # An n-th root needs y to be an n-th power; with gcd g it is one only if y^(order/g) = 1.
        if gmpy2.powmod(y, order // gmpy2.gcd(n, order), n) != 1:
            return None
        raise AssertionError("a challenge of these moduli is an n-th power with chance 2^-80")
    z = gmpy2.powmod(y, gmpy2.invert(n, order), n)
    for negated in (False, True):
        for twisted in (False, True):
            value = modulus_proof._variant(n, y=y, w=w, negated=negated, twisted=twisted)
            if all(
                gmpy2.powmod(value, (prime - 1) // gmpy2.gcd(4, prime - 1), prime) == 1 for prime in primes
            ):
                return Answer(_fourth_root(value, primes, n), z, negated=negated, twisted=twisted)
    return None


def _fourth_root(value: mpz, primes: list[mpz], n: mpz) -> mpz:
    """By the Chinese remainders; a fourth power modulo primes that are 3 modulo 4 or 5 modulo 8 has odd order."""
    root = mpz(0)
    for prime in primes:
        odd = (prime - 1) >> gmpy2.bit_scan1(prime - 1)
        others = n // prime
        root += gmpy2.powmod(value, gmpy2.invert(4, odd), prime) * others * gmpy2.invert(others, prime)
    return root % n


@pytest.mark.parametrize("kind", ["not blum", "three primes", "squared prime", "common factor"])
def test_a_modulus_of_another_kind_leaves_challenges_without_an_answer(kind: str) -> None:
    n, best, honest = _best_proof(_factored(kind))
    # At most about half of 128 challenges can be answered; 96 would be six standard deviations off.
    assert honest < 96
    with pytest.raises(PaillierRefused):
        modulus_proof.verify(n, best, context=CONTEXT, bits=n.bit_length())


def test_the_best_proof_of_a_good_modulus_holds() -> None:
    primes = [mpz(small().phe.p), mpz(small().phe.q)]
    n, best, honest = _best_proof(primes)
    assert honest == CHALLENGES
    check(best, n=n)
