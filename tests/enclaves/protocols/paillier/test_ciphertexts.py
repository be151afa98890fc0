"""Ciphertexts equal phe's on the same integers, and leave by one door only."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Iterator

import pytest
from gmpy2 import mpz
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.paillier import ciphertexts, obfuscators
from enclaves.protocols.paillier.ciphertexts import Ciphertext, OutboundCiphertext
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey
from enclaves.protocols.paillier.obfuscators import Pool
from tests.enclaves.protocols.paillier.kit import full, full_pool, phe_key, small, small_pool


def edges(private: PrivateKey) -> list[int]:
    half = int(private.public.n) // 2
    phe_edge = phe_key(private).max_int
    return [0, 1, -1, 2**63, -(2**63), phe_edge, -phe_edge, half - 1, half, -half]


def cases(private: PrivateKey, *, count: int, seed: int) -> Iterator[int]:
    """Edge values, then integers of every length."""
    yield from edges(private)
    dice = random.Random(seed)
    for _ in range(count - len(edges(private))):
        value = dice.getrandbits(dice.randrange(1, private.public.bits - 1))
        yield dice.choice([value, -value])


def check_like_phe(private: PrivateKey, pool: Pool, *, count: int, seed: int) -> None:
    """Encryption, addition and decryption beside phe's on the same integers."""
    reference, n = phe_key(private), int(private.public.n)
    last, last_value = ciphertexts.encrypt(0, pool).inner(), 0
    for value in cases(private, count=count, seed=seed):
        ours = ciphertexts.from_wire(private.public, ciphertexts.encrypt(value, pool).to_wire())
        theirs = Ciphertext(private.public, mpz(reference.raw_encrypt(value % n)))
        assert ciphertexts.decrypt(private, ours) == value
        # `decrypt` is phe's: it opens what either side made, and sums of both kinds.
        assert ciphertexts.decrypt(private, theirs) == value
        total = private.raw_decrypt(ciphertexts.add([last, theirs, ours]).value)
        assert total == (last_value + 2 * value) % n
        last, last_value = ours, value


def test_the_fast_path_equals_phe_on_integers_of_every_size() -> None:
    check_like_phe(small(), small_pool(), count=2_000, seed=1)


def test_the_fast_path_equals_phe_at_production_size() -> None:
    check_like_phe(full(), full_pool(), count=20, seed=2)


@pytest.mark.long
def test_the_fast_path_equals_phe_on_ten_thousand_integers_at_production_size() -> None:
    check_like_phe(full(), full_pool(), count=10_000, seed=3)


def test_a_ciphertext_is_number_for_number_what_phe_makes_of_the_same_randomness() -> None:
    private, x, alpha = small(), 991, (1 << 200) + 5
    n = int(private.public.n)
    pool = Pool(obfuscators.draw_base(private.public, randbits=lambda bits: x), randbits=lambda bits: alpha)
    r = pow(-x * x % n, alpha + pool._table.offset, n)
    for value in edges(private):
        expected = phe_key(private).raw_encrypt(value % n, r_value=r)
        assert int(ciphertexts.encrypt(value, pool).value) == expected


@given(st.lists(st.integers(-(2**64), 2**64), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_and_grouping_gives_the_same_sum(values: list[int], dice: random.Random) -> None:
    made = [ciphertexts.encrypt(value, small_pool()).inner() for value in values]
    dice.shuffle(made)
    cut = dice.randrange(len(made))
    grouped = [ciphertexts.add(part) for part in (made[:cut], made[cut:]) if part]
    assert ciphertexts.decrypt(small(), ciphertexts.add(grouped)) == sum(values)


def test_rerandomising_changes_the_number_and_not_the_plaintext() -> None:
    inner = ciphertexts.trivial(small().public, mpz(42))
    one, other = (ciphertexts.rerandomise(inner, small_pool()) for _ in range(2))
    assert len({one.value, other.value, inner.value}) == 3
    assert ciphertexts.decrypt(small(), one.inner()) == 42


def test_nothing_but_rerandomise_builds_what_may_leave() -> None:
    inner = ciphertexts.trivial(small().public, mpz(42))
    with pytest.raises(PaillierRefused, match="from rerandomise"):
        OutboundCiphertext(inner.key, inner.value)
    with pytest.raises(PaillierRefused, match="from rerandomise"):
        OutboundCiphertext(inner.key, inner.value, built_by=object())
    assert not hasattr(inner, "to_wire")
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            way(inner)
    assert str(inner.value) not in repr(inner)


def test_every_ciphertext_has_the_one_length() -> None:
    lengths = {len(ciphertexts.encrypt(value, full_pool()).to_wire()) for value in edges(full())}
    assert lengths == {768}
    # A small number keeps its leading zeros.
    number = Ciphertext(small().public, mpz(7))
    assert len(OutboundCiphertext(number.key, number.value, built_by=ciphertexts._REBUILT).to_wire()) == 128


def test_foreign_numbers_outside_of_the_group_are_refused() -> None:
    key = small().public
    p, q = mpz(small().phe.p), mpz(small().phe.q)
    for value in (mpz(0), key.n2, key.n2 + 1, p, q * 5, key.n, p * p):
        data = int(value).to_bytes(key.ciphertext_bytes, "big")
        with pytest.raises(PaillierRefused):
            ciphertexts.from_wire(key, data)
    for data in (b"", bytes(127), bytes(129), b"\xff" * 128):
        with pytest.raises(PaillierRefused):
            ciphertexts.from_wire(key, data)
    with pytest.raises(PaillierRefused):
        Ciphertext(key, mpz(-1))


@given(st.binary(max_size=140))
def test_foreign_bytes_raise_the_rooms_own_error_only(data: bytes) -> None:
    try:
        ciphertexts.from_wire(small().public, data)
    except PaillierRefused:
        return
    assert len(data) == 128


def test_keys_are_not_mixed() -> None:
    other = small(seed=9)
    foreign = ciphertexts.trivial(other.public, mpz(1))
    own = ciphertexts.trivial(small().public, mpz(1))
    for use in (
        lambda: ciphertexts.add([own, foreign]),
        lambda: ciphertexts.rerandomise(foreign, small_pool()),
        lambda: ciphertexts.decrypt(small(), foreign),
        lambda: ciphertexts.add([]),
        lambda: ciphertexts.trivial(small().public, small().public.n),
    ):
        with pytest.raises(PaillierRefused):
            use()
