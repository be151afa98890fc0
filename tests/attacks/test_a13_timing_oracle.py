"""A13: how long an answer takes is an answer, if the asker can make the engine work harder for some rows than for others.

Naive: partner SQL runs and its result is withheld, but it comes when it is done. A statement that is slow exactly when a
person has a serious diagnosis (groups 2 and 3) tells it for ten thousand people. Ours: the gate knows no function whose
cost depends on a row's value, and answers, refusals too, leave at whole seconds counted from the asking; the attacker's best
accepted statement, one that isolates as few people as it may, gives one response time for everybody.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.run.bucket import BUCKET_SECONDS, release_at
from policies.sql.gate import check
from tests.attacks.a13_patients import MARGIN, PEOPLE, accuracy, answer, data_list, plain, secrets, told

WORK_MS = 10
AT_ONCE = 10
SLOW = "SELECT sleep_ms({ms} * CAST(diagnosis >= 2 AS INTEGER)) FROM patients WHERE person_id = ?"
# The same in many spellings; each must be refused whatever it costs.
ATTACKS = [
    "SELECT COUNT(*) FROM patients WHERE person_id = 17 AND diagnosis >= 2 AND sleep_ms(500) IS NULL",
    "SELECT COUNT(*), sleep_ms(500 * diagnosis) FROM patients WHERE person_id = 17",
    "SELECT COUNT(*) FROM patients WHERE person_id = 17",
    "SELECT SUM(length(repeat('x', diagnosis * 100000000))) FROM patients WHERE person_id = 17",
    "SELECT SUM(CASE WHEN person_id = 17 AND diagnosis = 3 THEN length(repeat('x', 900000000)) ELSE 0 END) FROM patients",
    "SELECT COUNT(*) FROM patients WHERE regexp_matches(repeat(ward, diagnosis * 10000), '(a?){900}b')",
    "SELECT COUNT(*) FROM patients WHERE levenshtein(repeat(ward, diagnosis * 1000), repeat('b', 9999)) > 1",
    "SELECT COUNT(*) FROM patients, range(diagnosis * 1000000)",
    "SELECT COUNT(*) FROM patients CROSS JOIN patients p2 WHERE patients.diagnosis = 3",
    "SELECT COUNT(*) FROM patients p1 JOIN patients p2 ON p1.diagnosis >= p2.diagnosis",
    "SELECT COUNT(*) FROM patients WHERE diagnosis = (SELECT COUNT(*) FROM range(1000000000))",
    "SELECT COUNT(*) FROM patients WHERE diagnosis = 3 AND (SELECT SUM(range) FROM range(1000000000)) > 0",
    "SELECT COUNT(*) FROM patients WHERE EXISTS (SELECT 1 FROM range(1000000000) WHERE range = diagnosis * 999999999)",
    "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 9999999) SELECT COUNT(*) FROM t",
    "SELECT list(diagnosis) FROM patients",
    "SELECT COUNT(*) FROM (SELECT unnest(range(diagnosis * 1000000)) FROM patients)",
]  # fmt: skip
# Accepted: the fewest people that one may ask about by the columns that may be filtered on.
ACCEPTED = (
    "SELECT COUNT(DISTINCT person_id) FROM patients WHERE ward = 'W{ward}' AND age = {age} AND diagnosis >= 2"
)
PROBES = 200


def serious() -> NDArray[np.int64]:
    return (secrets() >= 2).astype(np.int64)


class Stopwatch:
    """Asks the naive variant, a connection to each thread, and keeps only how long it took, in seconds."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("SET threads = 1")
        self._connection = connection
        self._own = threading.local()

    def seconds(self, number: int) -> float:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connection.cursor()
        began = time.perf_counter()
        self._own.connection.execute(SLOW.format(ms=WORK_MS), [number]).fetchall()
        return time.perf_counter() - began


def attack(watch: Stopwatch) -> dict[int, int]:
    """Everybody once, and again whoever seemed slow: a busy machine makes answers late, never early."""
    limit = 0.9 * WORK_MS / 1000
    with ThreadPoolExecutor(AT_ONCE) as pool:
        everybody = list(range(1, PEOPLE + 1))
        once = dict(zip(everybody, pool.map(watch.seconds, everybody), strict=True))
        slow = [number for number, seconds in once.items() if seconds >= limit]
        again = dict(zip(slow, pool.map(watch.seconds, slow), strict=True))
    return {number: int(again.get(number, 0.0) >= limit) for number in everybody}


def response_seconds(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    """When ours answers: the time from asking to release, with the gate, the rebuilt statement and the bucket."""
    started = time.monotonic()
    verdict = check(statement, data_list())
    if verdict.statement is not None:
        connection.execute(verdict.statement).fetchall()
    return release_at(started, time.monotonic()) - started


def observed(connection: duckdb.DuckDBPyConnection) -> dict[int, float]:
    """Response times of ours by person, for people spread over all wards, ages and diagnoses."""
    numbers = range(1, PEOPLE + 1, PEOPLE // PROBES)
    return {
        number: response_seconds(connection, ACCEPTED.format(ward=number % 12, age=20 + number * 7 % 60))
        for number in numbers
    }


def best_guess(times: dict[int, float]) -> dict[int, int]:
    """The best an attacker can do with response times: the most frequent truth behind each time, as if he knew it."""
    truth = serious()
    by_time: dict[float, list[int]] = {}
    for number, seconds in times.items():
        by_time.setdefault(round(seconds, 3), []).append(number)
    if len(by_time) < 2:
        return {}
    learned: dict[int, int] = {}
    for alike in by_time.values():
        guess = int(np.bincount(truth[np.array(alike) - 1]).argmax())
        learned |= dict.fromkeys(alike, guess)
    return learned


def measure() -> dict[str, object]:
    connection = plain()
    times = observed(connection)
    return told(
        "A13 timing oracle",
        "用响应时间套取个人信息",
        "persons through response times",
        naive=accuracy(attack(Stopwatch(connection)), serious()),
        ours=accuracy(best_guess(times), serious()),
        baseline=accuracy({}, serious()),
        defence={
            "zh": "没有随行值变慢的函数；答复按整秒放出",
            "en": "no function whose cost depends on a value; answers leave at whole seconds",
        },
    )


@pytest.mark.parametrize("statement", ATTACKS)
@pytest.mark.req("RQ-308")
def test_ours_refuses_work_that_depends_on_a_row(statement: str) -> None:
    assert not answer(statement)[0]


def test_the_accepted_statement_is_accepted_and_isolates_few() -> None:
    statement = check(ACCEPTED.format(ward=1, age=27), data_list()).statement
    assert statement is not None
    [row] = plain().execute(statement).fetchall()
    assert 0 < row[0] < PEOPLE / 50


@pytest.mark.req("RQ-308")
def test_every_answer_of_ours_comes_at_the_same_time() -> None:
    times = observed(plain())
    assert len(times) == PROBES
    late = [seconds for seconds in times.values() if round(seconds, 6) != BUCKET_SECONDS]
    # A machine busy with other things may stall for a second; that depends on nobody's diagnosis.
    assert len(late) <= PROBES / 100


@pytest.mark.req("RQ-308")
def test_a_refusal_of_ours_takes_as_long_as_an_answer() -> None:
    connection = plain()
    refused = response_seconds(connection, ATTACKS[0])
    accepted = response_seconds(connection, ACCEPTED.format(ward=1, age=27))
    assert round(refused, 6) == round(accepted, 6) == BUCKET_SECONDS


def test_without_buckets_the_same_attacker_would_learn_from_times() -> None:
    truth = serious()
    exact = {number: 0.3 + 0.2 * truth[number - 1] for number in range(1, PEOPLE + 1)}
    assert accuracy(best_guess(exact), truth) == 1.0
    released = {number: release_at(0.0, float(seconds)) for number, seconds in exact.items()}
    assert best_guess(released) == {}


@pytest.mark.req("RQ-308")
def test_the_attack_succeeds_on_the_naive_variant_and_gains_nothing_on_ours() -> None:
    figures = measure()
    naive, ours, baseline = (float(str(figures[name])) for name in ("naive", "ours", "baseline"))
    assert naive >= 0.95
    assert ours <= baseline + MARGIN
