"""What may be told of counts, and what a refusal says."""

from __future__ import annotations

import pytest

from enclaves.isolation.errors import IsolationUnavailable, WorkerFailed, WorkerKilled, WorkerTimeout
from enclaves.run.errors import RunRefused, TooFewPersons
from enclaves.run.refusal import TEXTS, WORKER_CODES, code_of, refusal, refusal_of, session_is_lost
from enclaves.run.rounding import rounded_count, rounded_persons, rounded_variance
from enclaves.transport.problem import unavailable


@pytest.mark.parametrize(("persons", "told"), [(10, 10), (12, 10), (13, 15), (17, 15), (18, 20), (103, 105)])
def test_counts_are_told_in_fives(persons: int, told: int) -> None:
    assert rounded_persons(persons) == rounded_count(persons) == told


@pytest.mark.parametrize("persons", [0, 1, 9])
def test_fewer_than_ten_persons_are_not_told(persons: int) -> None:
    assert rounded_count(persons) == 0
    with pytest.raises(TooFewPersons):
        rounded_persons(persons)


@pytest.mark.parametrize(
    ("variance", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (123456.0, "123000"),
        (0.0012345, "0.00123"),
        (9.995, "9.99"),
        (2.5e-9, "0.0000000025"),
    ],
)
def test_variances_are_told_to_three_digits(variance: float, text: str) -> None:
    assert rounded_variance(variance) == text


def test_a_refusal_carries_a_code_and_both_languages_and_no_exception_text() -> None:
    secret = "330102195001010011"
    body = refusal_of(RunRefused("some_code", f"expected nothing, got {secret}"))
    assert body["code"] == "some_code"
    assert secret not in str(body)
    assert secret not in str(refusal_of(ValueError(secret)))
    for code in (*TEXTS, "unknown"):
        reason = refusal(code)["reason"]
        assert isinstance(reason, dict)
        assert reason["zh"]
        assert reason["en"]


def test_what_no_rule_forbids_is_a_lost_session() -> None:
    lost = (WorkerTimeout("x"), WorkerKilled(9), IsolationUnavailable("x"), unavailable("x"), MemoryError())
    assert all(session_is_lost(error) for error in lost)
    ruled = (RunRefused("c", "m"), WorkerFailed("TooFewPersons"), WorkerFailed("KeyError"))
    assert not any(session_is_lost(error) for error in ruled)


def test_a_workers_error_class_becomes_a_code() -> None:
    assert {name: code_of(WorkerFailed(name)) for name in WORKER_CODES} == dict(WORKER_CODES)
    assert code_of(WorkerFailed("SomethingElse")) == "worker_failed"
