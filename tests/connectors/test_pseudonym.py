"""Storage pseudonyms against the definition, computed one by one with the standard library."""

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pseudonym import PidKey, PidKeyRefused, pid, pids
from tests.connectors.kit import PID_KEY, resident

KEY = PidKey(PID_KEY)


def test_a_pid_is_the_first_half_of_the_hmac_over_prefix_and_number() -> None:
    expected = hmac.new(PID_KEY, b"domicile-pid\0" + resident(7).encode(), hashlib.sha256).digest()[:16]
    assert pid(KEY, resident(7)) == expected


@given(st.lists(st.integers(0, 5000), max_size=20))
def test_pids_in_bulk_are_the_pids_one_by_one(numbers: list[int]) -> None:
    people = [resident(number) for number in numbers]
    halves = pids(KEY, people)
    assert halves.shape == (len(people), 2)
    assert [bytes(row.astype(">u8").tobytes()) for row in halves] == [pid(KEY, person) for person in people]


def test_another_key_gives_other_pids() -> None:
    other = PidKey(bytes(32))
    assert not np.array_equal(pids(KEY, [resident(1)]), pids(other, [resident(1)]))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(PidKeyRefused, match="32 bytes, got 31"):
        pid(PidKey(bytes(31)), resident(1))
