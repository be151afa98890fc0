"""Response times in whole buckets: two durations of one bucket cannot be told apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.run.bucket import BUCKET_SECONDS, release_at

# Instants of a monotonic clock in binary fractions, so that the reference below is exact.
INSTANTS = st.integers(0, 2**40).map(lambda n: n / 2**10)
DURATIONS = st.integers(0, 2**17).map(lambda n: n / 2**10)


@given(INSTANTS, st.integers(0, 100), st.integers(1, 1024), st.integers(1, 1024))
def test_two_durations_in_one_bucket_leave_at_the_same_instant(
    start: float, whole: int, a: int, b: int
) -> None:
    first, second = release_at(start, start + whole + a / 1024), release_at(start, start + whole + b / 1024)
    assert first == second == start + whole + 1


@given(INSTANTS, DURATIONS)
def test_an_answer_leaves_after_its_work_and_at_most_one_bucket_later(start: float, duration: float) -> None:
    released = release_at(start, start + duration)
    assert start + duration <= released <= start + duration + BUCKET_SECONDS
    assert released >= start + BUCKET_SECONDS


@given(INSTANTS, INSTANTS, DURATIONS)
def test_the_moment_of_asking_shifts_no_boundary(one: float, other: float, duration: float) -> None:
    assert release_at(one, one + duration) - one == release_at(other, other + duration) - other


@given(st.floats(0, 1e9), st.floats(0, 1e6), st.floats(1e-3, 60))
def test_no_answer_leaves_before_its_work_ended_whatever_the_rounding(
    start: float, duration: float, bucket: float
) -> None:
    assert release_at(start, start + duration, bucket) >= start + duration


def test_a_refusal_at_once_waits_for_the_first_bucket() -> None:
    assert release_at(5.25, 5.25) == 6.25


@pytest.mark.parametrize(
    ("duration", "waited"), [(1e-9, 1.0), (0.999, 1.0), (1.0, 1.0), (1.001, 2.0), (2.0, 2.0)]
)
def test_the_boundaries_belong_to_the_bucket_they_end(duration: float, waited: float) -> None:
    assert release_at(0.0, duration) == waited


def test_buckets_may_be_wider() -> None:
    assert release_at(10.0, 10.1, 5.0) == 15.0
    assert release_at(10.0, 16.0, 5.0) == 20.0


@pytest.mark.parametrize(
    "arguments",
    [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf), (-math.inf, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, -1.0)],
)
def test_instants_and_buckets_that_make_no_sense_are_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        release_at(*arguments)
