"""Keys of the kind the room needs, and what is refused of a modulus."""

from __future__ import annotations

import pickle
from functools import cache

import gmpy2
import pytest
from gmpy2 import mpz

from enclaves.protocols.paillier import keys
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PublicKey
from enclaves.protocols.paillier.modulus import check_modulus
from tests.enclaves.protocols.paillier.kit import full, phe_key, small


def test_a_production_key_has_primes_of_the_wanted_kind() -> None:
    private = keys.generate()
    p, q = private.phe.p, private.phe.q
    assert private.public.bits == private.public.n.bit_length() == 3072
    assert p % 4 == q % 4 == 3
    assert gmpy2.gcd(p - 1, q - 1) == 2
    assert gmpy2.gcd(p * q, (p - 1) * (q - 1)) == 1
    assert {p.bit_length(), q.bit_length()} == {1536}


@pytest.mark.parametrize("seed", range(20))
def test_every_small_key_is_of_that_kind_too(seed: int) -> None:
    private = small(256, seed)
    assert keys.fit(mpz(private.phe.p), mpz(private.phe.q))
    assert private.public.n.bit_length() == 256


def test_production_refuses_small_keys() -> None:
    n = small().public.n
    with pytest.raises(PaillierRefused, match="at least 3072 bits, got 2048"):
        keys.generate(bits=2048)
    with pytest.raises(PaillierRefused, match="3072 to 8192 bits"):
        PublicKey(n, bits=512)
    with pytest.raises(PaillierRefused, match="3072 bits, got 512"):
        PublicKey(n)


def test_primes_of_another_kind_are_refused() -> None:
    p, other = _prime(remainder=3), _prime(remainder=1)
    with pytest.raises(PaillierRefused, match="3 modulo 4"):
        keys.from_primes(p, other, bits=512, unsafe_small=True)
    with pytest.raises(PaillierRefused, match="3 modulo 4"):
        keys.from_primes(p, p, bits=512, unsafe_small=True)
    with pytest.raises(PaillierRefused, match="got a composite"):
        keys.from_primes(p, 3 * other, bits=512, unsafe_small=True)


def _prime(*, remainder: int) -> int:
    candidate = mpz(3) << 254
    while candidate % 4 != remainder:
        candidate = gmpy2.next_prime(candidate)
    return int(candidate)


@cache
def _bad_moduli() -> dict[str, tuple[mpz, str]]:
    p, q = mpz(full().phe.p), mpz(full().phe.q)
    n = p * q
    one_less = mpz(1) << 3071
    return {
        "short": (n >> 1 | 1, "3072 bits, got 3071"),
        "long": (2 * n + 1, "3072 bits, got 3073"),
        "negative": (-n, "a modulus of 3072 bits"),
        "even": (n - 1, "an odd modulus"),
        "small factor": (_multiple_of(65521), "factors below 65536"),
        "three": (_multiple_of(3), "factors below 65536"),
        "square": (gmpy2.next_prime(mpz(3) << 1534) ** 2, "a perfect power"),
        "cube": (gmpy2.next_prime(mpz(7) << 1021) ** 3, "a perfect power"),
        "prime": (gmpy2.next_prime(one_less), "got a prime"),
    }


def _multiple_of(factor: int) -> mpz:
    n = mpz(factor) * (((mpz(3) << 3070) // factor) | 1)
    assert n.bit_length() == 3072
    return n


@pytest.mark.parametrize(
    "kind", ["short", "long", "negative", "even", "small factor", "three", "square", "cube", "prime"]
)
def test_a_bad_modulus_is_refused_by_its_kind(kind: str) -> None:
    n, reason = _bad_moduli()[kind]
    with pytest.raises(PaillierRefused, match=reason):
        check_modulus(n, bits=3072)


def test_a_good_modulus_passes_and_has_one_length_on_the_wire() -> None:
    public = full().public
    check_modulus(public.n, bits=3072)
    assert len(public.to_wire()) == public.modulus_bytes == 384
    assert public.ciphertext_bytes == 768


def test_signed_plaintexts_map_to_residues_and_back() -> None:
    private = small()
    half = int(private.public.n) // 2
    for value in (0, 1, -1, half, -half):
        assert private.centered(int(private.public.residue(value))) == value
    for value in (half + 1, -half - 1):
        with pytest.raises(PaillierRefused):
            private.public.residue(value)


def test_the_private_key_is_phes_and_stays_at_home() -> None:
    private = full()
    assert private.phe.public_key == phe_key(private)
    assert private.raw_decrypt(mpz(phe_key(private).raw_encrypt(1234))) == 1234
    assert str(private.phe.p) not in repr(private)
    with pytest.raises(TypeError):
        pickle.dumps(private)
