"""A question apart from its sensitive columns: what is dropped, what stays, what is refused; and what a sum reads."""

from __future__ import annotations

import json

import pytest

from policies.aggregate.amounts import amounts_of
from policies.aggregate.apart import Apart, apart_of
from policies.aggregate.shape import QuestionUnreadable
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.sql.data_list import DataList
from policies.sql.gate import check
from policies.sql.query import Field, Query
from policies.sql.row_statement import compile_rows

ILL, STAGE, COST = Field("town", "ill"), Field("town", "stage"), Field("town", "cost")


def column(name: str, kind: str, *uses: str, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, "uses": uses, **more}


LIST = DataList.read(
    json.dumps(
        {
            "tables": [
                {
                    "name": "town",
                    "domain": "health",
                    "person_key": "person",
                    "rows": 100,
                    "columns": [
                        column("person", "BIGINT", "person"),
                        column("street", "BIGINT", "group", "filter"),
                        column("ill", "BOOLEAN", "group", "filter"),
                        column("stage", "BIGINT", "group", "filter"),
                        column("cost", "BIGINT", "measure", bounds=[0, 5000]),
                    ],
                }
            ]
        }
    ).encode()
)


def query(sql: str) -> Query:
    verdict = check(sql, LIST)
    assert verdict.query is not None, verdict.reasons
    return verdict.query


def apart(sql: str, *sensitive: Field) -> Apart | None:
    return apart_of(query(sql), LIST, frozenset(sensitive or (ILL, STAGE, COST)))


def rows(sql: str) -> str:
    """The row statement of a question that has no sensitive column."""
    return compile_rows(query(sql), LIST)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT street, COUNT(*) AS n FROM town WHERE street < 9 GROUP BY street",
        "SELECT COUNT(DISTINCT person) FILTER (WHERE street = 3) AS n FROM town",
    ],
)
def test_a_question_without_sensitive_columns_is_itself(sql: str) -> None:
    assert apart(sql) is None


def test_without_anything_sensitive_a_sum_and_a_key_stay_as_they_are() -> None:
    sql = "SELECT stage, SUM(cost) AS s FROM town WHERE ill GROUP BY stage"
    assert apart(sql, Field("town", "street")) is None


@pytest.mark.parametrize(
    ("sql", "without"),
    [
        ("COUNT(*) AS n FROM town WHERE ill AND street < 9", "COUNT(*) AS n FROM town WHERE street < 9"),
        ("COUNT(*) AS n FROM town WHERE street < 9 AND (NOT ill OR stage = 2)", "COUNT(*) AS n FROM town WHERE street < 9"),
        ("COUNT(*) AS n FROM town WHERE ill IS NULL", "COUNT(*) AS n FROM town"),
        (
            "COUNT(*) AS n FROM town WHERE street > 1 AND ill AND (street < 9 OR street = 12)",
            "COUNT(*) AS n FROM town WHERE street > 1 AND (street < 9 OR street = 12)",
        ),
        ("COUNT(*) FILTER (WHERE ill AND street = 2) AS n FROM town", "COUNT(*) FILTER (WHERE street = 2) AS n FROM town"),
        ("SUM(CASE WHEN ill THEN 1 ELSE 0 END) AS n FROM town", "COUNT(*) AS n FROM town"),
        ("AVG(cost) AS n FROM town", "COUNT(*) AS n FROM town"),
        ("SUM(cost) FILTER (WHERE street = 2) AS n FROM town", "COUNT(*) FILTER (WHERE street = 2) AS n FROM town"),
    ],
)  # fmt: skip
def test_conditions_of_their_own_are_dropped(sql: str, without: str) -> None:
    found = apart(f"SELECT street, {sql} GROUP BY street")
    assert found is not None
    assert found.statement == rows(f"SELECT street, {without} GROUP BY street")
    assert found.keys == (0,)


def test_sensitive_keys_are_dropped_and_the_others_keep_their_place() -> None:
    found = apart("SELECT ill, street, floor(cost/500)*500 AS bin, COUNT(*) AS n FROM town GROUP BY ALL")
    assert found is not None
    assert found.keys == (1,)
    assert found.statement == rows("SELECT street, COUNT(*) AS n FROM town GROUP BY street")
    shape = Shape(("ill", "street", "bin"), (Measure("n", Kind.COUNT),))
    assert found.shape(shape) == Shape(("street",), (Measure("n", Kind.COUNT),))


def test_who_stands_behind_a_measure_follows_from_what_is_left() -> None:
    measures = (
        "COUNT(*) FILTER (WHERE ill) AS a, SUM(cost) FILTER (WHERE street = 2 AND ill) AS b, AVG(cost) AS c"
    )
    every, some = apart(f"SELECT {measures} FROM town"), apart(f"SELECT {measures} FROM town", ILL)
    assert every is not None
    assert some is not None
    assert every.coverages == (Coverage.CELL, Coverage.CONDITION, Coverage.CELL)
    assert some.coverages == (Coverage.CELL, Coverage.CONDITION, Coverage.PRESENT)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) AS n FROM town WHERE ill OR street = 3",
        "SELECT COUNT(*) AS n FROM town WHERE NOT (ill AND street = 3)",
        "SELECT COUNT(*) AS n FROM town WHERE street < 9 AND (stage = 2 OR (ill AND street = 3))",
        "SELECT COUNT(*) FILTER (WHERE ill OR street = 3) AS n FROM town",
        "SELECT COUNT(CASE WHEN NOT (street = 3 AND ill) THEN 1 END) AS n FROM town",
        "SELECT CASE WHEN ill AND street = 3 THEN 'a' ELSE 'b' END AS k, COUNT(*) AS n FROM town GROUP BY ALL",
        "SELECT CASE WHEN ill THEN 'a' WHEN street = 3 THEN 'b' END AS k, COUNT(*) AS n FROM town GROUP BY ALL",
    ],
)
@pytest.mark.req("RQ-309")
def test_a_condition_that_mixes_is_refused_with_the_column_to_set_apart(sql: str) -> None:
    with pytest.raises(QuestionUnreadable, match=r"the sensitive column `town\.(ill|stage)`"):
        apart(sql)


def test_sensitive_columns_may_mix_with_each_other() -> None:
    labels = "CASE WHEN ill AND stage = 3 THEN 'a' WHEN NOT ill THEN 'b' END"
    found = apart(f"SELECT {labels} AS k, COUNT(*) AS n FROM town WHERE ill OR stage > 1 GROUP BY ALL")
    assert found is not None
    assert found.keys == ()
    assert found.statement == rows("SELECT COUNT(*) AS n FROM town")


def test_a_summed_column_is_read_once_with_all_its_measures() -> None:
    sql = "SELECT street, AVG(cost) AS a, COUNT(*) AS n, SUM(cost) FILTER (WHERE ill) AS s FROM town GROUP BY street"
    (amount,) = amounts_of(query(sql), LIST)
    assert (amount.table, amount.column, amount.measures) == ("town", "cost", (0, 2))
    assert "WHERE" not in amount.statement
    assert "5000" in amount.statement
    assert amounts_of(query("SELECT COUNT(*) AS n FROM town"), LIST) == ()
