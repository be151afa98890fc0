"""Permutations are permutations, uniform over all orders, and move points and entries alike."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.shuffle import permutation, reordered
from enclaves.protocols.errors import ProtocolError
from tests.enclaves.protocols.alignment.kit import Stream


@given(st.integers(0, 200), st.integers())
def test_an_order_has_every_place_once(count: int, seed: int) -> None:
    assert sorted(permutation(count, Stream(seed))) == list(range(count))


def test_all_orders_are_equally_likely() -> None:
    draws, stream = 24_000, Stream("uniform")
    seen = Counter(tuple(permutation(4, stream).tolist()) for _ in range(draws))
    expected = draws / 24
    chi_square = sum((seen[order] - expected) ** 2 / expected for order in permutations(range(4)))
    # 23 degrees of freedom: above 58.6 once in 50,000.
    assert chi_square < 58.6


def test_entries_follow_the_order() -> None:
    order = np.array([2, 0, 1], dtype=np.int64)
    assert reordered(b"aabbcc", order, width=2) == b"ccaabb"


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ProtocolError):
        reordered(b"aabbc", np.array([1, 0, 2], dtype=np.int64), width=2)
    with pytest.raises(ProtocolError):
        permutation(4, lambda count: bytes(count - 1))
