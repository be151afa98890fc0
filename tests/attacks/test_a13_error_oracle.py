"""A13: the engine's error messages quote rows, so a statement that fails in the right way says everything at once.

Naive: partner SQL runs on the engine and the message of a failure is shown; one statement tells ten thousand diagnoses.
Ours: the gate refuses every statement that could fail over a row before any row is read, and whatever the engine raises
all the same leaves the store as the name of its class (protocols.md section 0, finding 12).
"""

from __future__ import annotations

import re

import duckdb
import pytest

from connectors.errors import StoreError
from connectors.store.engine import engine_errors
from tests.attacks.a13_patients import MARGIN, PEOPLE, accuracy, answer, plain, told

ALL = "string_agg(person_id || ':' || diagnosis, ' ')"
ONE = "(person_id || ':' || diagnosis)"
# Every diagnosis in one message.
WHOLESALE = [
    f"SELECT error({ALL}) FROM patients",
    f"SELECT CAST({ALL} AS INTEGER) FROM patients",
    f"SELECT {ALL}::DATE FROM patients",
    f"SELECT strptime({ALL}, '%Y') FROM patients",
    f"SELECT regexp_matches('', {ALL} || '(') FROM patients",
    f"SELECT date_trunc({ALL}, DATE '2026-01-01') FROM patients",
    f"SELECT COUNT(*) FROM patients WHERE age = CAST((SELECT {ALL} FROM patients) AS INTEGER)",
    f"SELECT COUNT(*) FROM patients HAVING error({ALL})",
]
# One row's at a time.
RETAIL = [
    f"SELECT error({ONE}) FROM patients",
    f"SELECT SUM(CAST({ONE} AS INTEGER)) FROM patients",
    f"SELECT COUNT(*) FROM patients WHERE CAST({ONE} AS INTEGER) > 0",
    f"SELECT COUNT(*) FROM patients WHERE {ONE}::DATE > DATE '2020-01-01'",
    f"SELECT COUNT(*) FROM patients GROUP BY CAST({ONE} AS INTEGER)",
    f"SELECT COUNT(*) FROM patients ORDER BY error(any_value({ONE}))",
]
# No row in the message, but whether there is a message is one bit about a person.
BITS = [
    "SELECT COUNT(*) FROM patients WHERE CASE WHEN person_id = 17 AND diagnosis = {d} THEN error('x') ELSE TRUE END",
    "SELECT SUM(CASE WHEN person_id = 17 AND diagnosis = {d} THEN CAST('x' || age AS INTEGER) ELSE 0 END) FROM patients",
    "SELECT SUM(CASE WHEN person_id = 17 AND diagnosis = {d} THEN 9223372036854775807 + age ELSE 0 END) FROM patients",
    "SELECT COUNT(*) FROM patients WHERE age ="
    " (SELECT age FROM patients WHERE person_id = 18 OR (person_id = 17 AND diagnosis = {d}))",
]
# A column of one class against a literal of another: the engine converts rows, and quotes the one it cannot.
CONVERTING = [
    "SELECT COUNT(*) FROM patients WHERE ward = 5",
    "SELECT COUNT(*) FROM patients WHERE ward IN (1, 2)",
]


def message(statement: str, connection: duckdb.DuckDBPyConnection) -> str:
    """What the naive variant shows of a failure."""
    try:
        connection.execute(statement).fetchall()
    except duckdb.Error as error:
        return str(error)
    return ""


def read(text: str) -> dict[int, int]:
    """The attacker's reading of a message."""
    return {int(number): int(group) for number, group in re.findall(r"\b(\d+):(\d)\b", text)}


def measure() -> dict[str, object]:
    statement = WHOLESALE[0]
    return told(
        "A13 error oracle",
        "用报错信息套取行值",
        "row values through error messages",
        naive=accuracy(read(message(statement, plain()))),
        ours=accuracy(read(answer(statement)[1])),
        baseline=accuracy({}),
        defence={
            "zh": "语句先过白名单网关；引擎报错只留类别",
            "en": "allow-list gate before any row is read; of an engine error only the class leaves",
        },
    )


@pytest.fixture(scope="module")
def naive() -> duckdb.DuckDBPyConnection:
    return plain()


@pytest.mark.parametrize("statement", WHOLESALE)
def test_one_message_of_the_naive_variant_tells_everybodys_diagnosis(
    statement: str, naive: duckdb.DuckDBPyConnection
) -> None:
    learned = read(message(statement, naive))
    assert len(learned) == PEOPLE
    assert accuracy(learned) == 1.0


@pytest.mark.parametrize("statement", RETAIL)
def test_a_message_of_the_naive_variant_tells_somebodys_diagnosis(
    statement: str, naive: duckdb.DuckDBPyConnection
) -> None:
    assert read(message(statement, naive))


@pytest.mark.parametrize("statement", BITS)
def test_that_the_naive_variant_fails_is_a_bit_about_a_person(
    statement: str, naive: duckdb.DuckDBPyConnection
) -> None:
    failed = {bool(message(statement.format(d=group), naive)) for group in range(4)}
    assert failed == {True, False}


@pytest.mark.parametrize("statement", CONVERTING)
def test_a_literal_of_another_class_makes_the_naive_variant_quote_a_row(
    statement: str, naive: duckdb.DuckDBPyConnection
) -> None:
    assert re.search(r"'W\d+'", message(statement, naive))


@pytest.mark.parametrize("statement", [*WHOLESALE, *RETAIL, *(bit.format(d=1) for bit in BITS), *CONVERTING])
@pytest.mark.req("RQ-308")
def test_ours_refuses_before_a_row_is_read(statement: str) -> None:
    allowed, said = answer(statement)
    assert not allowed
    assert not read(said)
    assert not re.search(r"'W\d+'", said)


@pytest.mark.parametrize("statement", [*WHOLESALE, *RETAIL, *CONVERTING])
@pytest.mark.req("RQ-308")
def test_whatever_the_engine_raises_leaves_the_store_as_a_class(
    statement: str, naive: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(StoreError) as caught, engine_errors("run the statement"):
        naive.execute(statement).fetchall()
    assert re.fullmatch(r"run the statement: the engine raised [A-Za-z]+", str(caught.value))
    assert caught.value.__cause__ is None


@pytest.mark.req("RQ-308")
def test_the_attack_succeeds_on_the_naive_variant_and_gains_nothing_on_ours() -> None:
    figures = measure()
    assert figures["naive"] == 1.0
    assert figures["targets"] == PEOPLE
    assert float(str(figures["ours"])) <= float(str(figures["baseline"])) + MARGIN
