"""The ladder of padded sizes: steps of 5 %, up to 10^6, and which sizes it keeps apart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.sizes import LADDER, MAX_IDS, SMALLEST, check_padded, padded


def test_steps_are_five_percent_rounded_up_and_end_at_a_million() -> None:
    assert LADDER[:4] == (100, 105, 111, 117)
    assert LADDER[-1] == MAX_IDS
    for lower, upper in pairwise(LADDER):
        assert lower < upper <= -(-lower * 105 // 100)


@given(st.integers(0, MAX_IDS))
def test_a_padded_size_is_the_next_step_and_at_most_five_percent_more(count: int) -> None:
    size = padded(count)
    assert size == min(step for step in LADDER if step >= count)
    assert size <= max(SMALLEST, 1.05 * count + 1)
    assert padded(size) == size


@pytest.mark.parametrize("count", [-1, MAX_IDS + 1])
def test_no_set_is_larger_than_a_million(count: int) -> None:
    with pytest.raises(BatchInvalid):
        padded(count)


@pytest.mark.parametrize("count", [0, 99, 101, 104, MAX_IDS - 1, MAX_IDS + 1, 2 * MAX_IDS])
def test_a_size_off_the_ladder_is_refused(count: int) -> None:
    with pytest.raises(BatchInvalid):
        check_padded(count)
