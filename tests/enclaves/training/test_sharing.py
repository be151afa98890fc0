"""Arithmetic on shares beside plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.training.dealing import Cross, Dealer, Masking, Product, Truncation, Words
from enclaves.training.errors import TrainingRefused
from enclaves.training.sharing import PLACES, Shareholder, encoded
from tests.enclaves.training.columns import Table


def shared(values: np.ndarray, parties: int, seed: int) -> list[Words]:
    dice = np.random.default_rng(seed)
    parts = [dice.integers(0, 1 << 64, values.shape, dtype=np.uint64) for _ in range(parties - 1)]
    return [values - np.sum(parts, axis=0, dtype=np.uint64), *parts]


def together(parts: list[Words]) -> np.ndarray:
    return np.sum(np.stack(parts), axis=0, dtype=np.uint64).view(np.int64)


def members(table: Table) -> list[Shareholder]:
    return [Shareholder(hand, first=k == 0) for k, hand in enumerate(table.hands)]


words = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20)


@settings(max_examples=40)
@given(words, st.integers(2, 4), st.integers(0, 10**6))
def test_products_are_those_of_the_ring(values: list[int], parties: int, seed: int) -> None:
    x = np.array(values, dtype=np.uint64)
    y = x[::-1].copy()
    table = Table(parties, str(seed))
    table.deal([Product(len(x))])
    pairs = zip(members(table), shared(x, parties, seed), shared(y, parties, seed + 1), strict=True)
    found = together(table.run([m.product(a, b) for m, a, b in pairs]))
    np.testing.assert_array_equal(found.view(np.uint64), x * y)


@settings(max_examples=60)
@given(
    st.lists(st.integers(-(2**62) + 1, 2**62 - 1), min_size=1, max_size=40),
    st.integers(1, 61),
    st.integers(2, 4),
    st.integers(0, 10**6),
)
def test_truncation_is_the_floor_or_one_more(values: list[int], bits: int, parties: int, seed: int) -> None:
    x = np.array(values, dtype=np.int64)
    table = Table(parties, str(seed))
    table.deal([Truncation(len(x), bits)])
    pairs = zip(members(table), shared(x.view(np.uint64), parties, seed), strict=True)
    found = together(table.run([m.truncated(a, bits) for m, a in pairs]))
    assert set(np.unique(found - (x >> bits))) <= {0, 1}


def test_truncation_is_right_on_average_and_never_wraps_in_a_million_draws() -> None:
    x = np.full(1_000_000, 3 << 40, dtype=np.int64) + (1 << 18)
    table = Table(2, "average")
    table.deal([Truncation(len(x), 20)])
    pairs = zip(members(table), shared(x.view(np.uint64), 2, 5), strict=True)
    found = together(table.run([m.truncated(a, 20) for m, a in pairs])) - (3 << 20)
    assert set(np.unique(found)) == {0, 1}
    assert abs(found.mean() - 0.25) < 0.003


@pytest.mark.parametrize("parties", [2, 3])
def test_a_cross_product_is_exact_modulo_the_ring(parties: int) -> None:
    dice = np.random.default_rng(2)
    x = dice.integers(0, 1 << 64, (30, 4), dtype=np.uint64)
    table = Table(parties, "cross")
    everyone = members(table)
    table.deal([Masking(x.shape)])
    table.run([m.mask_right(p) for m, p in zip(everyone, shared(x, parties, 3), strict=True)])
    for columns in (1, 5):
        left = dice.integers(0, 1 << 64, (30, columns), dtype=np.uint64)
        table.deal([Cross(*left.shape)])
        pairs = zip(everyone, shared(left, parties, 4), strict=True)
        found = together(table.run([m.cross(p) for m, p in pairs]))
        np.testing.assert_array_equal(found.view(np.uint64), left.T @ x)


def test_chebyshev_polynomials_of_shares_are_those_of_the_value() -> None:
    t = np.linspace(-1, 1, 201)
    table = Table(3, "chebyshev")
    known = 1
    while known < 64:
        table.deal([Product(known * len(t)), Truncation(known * len(t), PLACES - 1)])
        known *= 2
    parts = shared(encoded(t, PLACES), 3, 7)
    found = together(table.run([m.chebyshev(p, 64) for m, p in zip(members(table), parts, strict=True)]))
    expected = np.cos(np.outer(np.arange(65), np.arccos(t)))
    assert np.abs(np.ldexp(found.astype(float), -PLACES) - expected).max() < 5e-5


def test_a_dealer_needs_two_different_keys() -> None:
    for keys in ([bytes(32)], [bytes(32), bytes(32)]):
        with pytest.raises(TrainingRefused):
            Dealer(keys)


def test_corrections_of_another_shape_are_refused() -> None:
    table = Table(2, "shape")
    table.deal([Product(4)])
    with pytest.raises(TrainingRefused):
        table.run([m.product(np.zeros(3, np.uint64), np.zeros(3, np.uint64)) for m in members(table)])


def test_a_product_with_a_matrix_that_was_not_masked_is_refused() -> None:
    table = Table(2, "order")
    with pytest.raises(TrainingRefused):
        table.dealer.deal([Cross(3, 1)])
    with pytest.raises(TrainingRefused):
        table.run([m.cross(np.zeros((3, 1), np.uint64)) for m in members(table)])
