"""Powers by table, bases and pools: every obfuscator is an encryption of zero and is handed out once."""

from __future__ import annotations

import math
import os
import pickle
import threading

import gmpy2
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.paillier import obfuscators, powers
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.obfuscators import Base, Pool
from enclaves.protocols.paillier.powers import PowerTable
from tests.enclaves.protocols.paillier.kit import dice, full, full_pool, small, small_pool


@given(st.integers(1, 8), st.integers(1, 40), st.data())
def test_a_table_gives_the_powers_that_powmod_gives(window: int, bits: int, data: st.DataObject) -> None:
    exponent = data.draw(st.integers(0, (1 << bits) - 1))
    n = mpz(10**18 + 9)
    base = mpz(data.draw(st.integers(2, int(n) ** 2 - 1).filter(lambda number: number % n)))
    table = PowerTable(base, n, bits=bits, window=window)
    assert table.power(table.digits(exponent)) == pow(base, exponent + table.offset, n * n)


def test_no_digit_skips_a_multiplication() -> None:
    table = PowerTable(mpz(3), small().public.n, bits=64, window=8)
    assert all(entry.r != 1 for entries in table.windows for entry in entries)
    assert [len(powers) for powers in table.windows] == [256] * 8
    with pytest.raises(ValueError, match="shorter"):
        table.power([0] * 7)


@given(st.data())
def test_a_product_of_entries_is_the_product_modulo_the_square(data: st.DataObject) -> None:
    n, n2 = small().public.n, small().public.n2
    numbers = data.draw(
        st.lists(st.integers(1, int(n2) - 1).filter(lambda x: gmpy2.gcd(x, n) == 1), max_size=5)
    )
    start = mpz(data.draw(st.integers(0, int(n2) - 1)))
    windows = [PowerTable(mpz(number), n, bits=1, window=1).windows[0] for number in numbers]
    # Digit 0 picks the number itself, digit 1 its square; two starts side by side pick different ones.
    for_first, for_second = math.prod(numbers), math.prod(number**2 for number in numbers)
    found = powers.products([start, mpz(1)], windows, digits=[(0, 1)] * len(numbers), n=n)
    assert found == [start * for_first % n2, mpz(for_second) % n2]


def test_a_production_obfuscator_is_an_nth_power_and_encrypts_zero() -> None:
    pool = full_pool()
    assert pool.exponent_bits == 1539
    for _ in range(5):
        assert full().raw_decrypt(pool.take()) == 0


def test_the_fast_path_is_the_formula_of_the_paper() -> None:
    private, x, alpha = small(), 12345, (1 << 255) + 77
    n, n2 = private.public.n, private.public.n2
    base = obfuscators.draw_base(private.public, randbits=lambda bits: x)
    h = -x * x % n
    assert base.value == pow(h, n, n2)
    pool = Pool(base, randbits=lambda bits: alpha)
    assert pool.take() == pow(base.value, alpha + pool._table.offset, n2)
    # As an n-th power it is what phe makes of r = h^alpha.
    assert pool.take() == pow(pow(h, alpha + pool._table.offset, n), n, n2)


def test_an_obfuscator_leaves_once() -> None:
    pool = Pool(obfuscators.draw_base(small().public), randbits=dice(1))
    pool.fill(50)
    assert pool.ready == 50
    taken = [int(pool.take()) for _ in range(120)]
    assert len(set(taken)) == 120
    assert pool.ready == 0


def test_threads_never_take_the_same_obfuscator() -> None:
    pool = Pool(obfuscators.draw_base(small().public))
    pool.fill(400)
    taken: list[mpz] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(pool.take() for _ in range(100))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 400


def test_a_process_that_inherits_a_pool_finds_it_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(obfuscators.draw_base(small().public))
    pool.fill(3)
    parent = os.getpid()
    ready = set(pool._ready)
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    assert pool.ready == 0
    assert pool.take() not in ready
    with pytest.raises(TypeError):
        pickle.dumps(pool)


def test_exponents_shorter_than_half_the_modulus_are_refused() -> None:
    base = obfuscators.draw_base(small().public)
    with pytest.raises(PaillierRefused, match="256 to 1024 bits, got 255"):
        Pool(base, exponent_bits=255)
    with pytest.raises(PaillierRefused):
        Pool(base, exponent_bits=1025)
    assert Pool(base, exponent_bits=257).exponent_bits == 261


def test_a_base_survives_the_wire_and_a_bad_one_is_refused() -> None:
    key, base = small().public, small_pool().base
    assert obfuscators.base_from_wire(key, base.to_wire()) == base
    with pytest.raises(PaillierRefused, match="128 bytes"):
        obfuscators.base_from_wire(key, base.to_wire()[1:])
    twisted = next(mpz(x) for x in range(2, 100) if gmpy2.jacobi(x, key.n) == -1)
    for value in (mpz(0), mpz(1), key.n2, key.n2 + 4, mpz(small().phe.p), twisted):
        with pytest.raises(PaillierRefused, match="Jacobi symbol 1"):
            Base(key, value)


@settings(max_examples=20)
@given(st.integers(2, 2**500))
def test_every_base_has_jacobi_symbol_one_because_minus_one_has(x: int) -> None:
    base = obfuscators.draw_base(small().public, randbits=lambda bits: x)
    assert gmpy2.jacobi(base.value, small().public.n) == 1
