"""Every production of the contract is allowed, and the rebuilt statement answers as the query itself would."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest

from policies.sql.gate import check
from tests.policies.sql.listed import DATA_LIST, comparable, filled_tables

KEYS = [
    "sex",
    "residents.sex",
    '"SEX"',
    "社区",
    "birth",
    "insured",
    "floor(age/10)*10",
    "floor(age / 2.5) * 2.5",
    "floor(age/10)",
    "(age//10)*10",
    "age//10",
    "age - age % 10",
    "AGE - residents.age % 10",
    "age // 7.",
    "CAST(floor(age/10)*10 AS INTEGER)",
    "(age//10)::BIGINT",
    "date_trunc('year', seen)",
    "date_trunc('quarter', birth)",
    "date_trunc('MONTH', seen)",
    "date_trunc('week', birth)",
    "date_trunc('day', seen)",
    "year(birth)",
    "quarter(birth)",
    "month(seen)",
    "dayofweek(birth)",
    "isodow(birth)",
    "hour(seen)",
    "extract(year FROM birth)",
    "extract('isodow' FROM birth)",
    "date_part('hour', seen)",
    "strftime(birth, '%Y')",
    "strftime(seen, '%Y-%m')",
    "left(sex, 1)",
    "substr(district, 1, 2)",
    "substring(district, 1, 2)",
    "substring(district from 1 for 2)",
    "coalesce(sex, '不详')",
    "coalesce(age, -1)",
    "coalesce(birth, DATE '1900-01-01')",
    "coalesce(birth, '1900-01-01')",
    "CASE WHEN age < 18 THEN '少年' WHEN age BETWEEN 18 AND 59 THEN '成年' ELSE '老年' END",
    "CASE WHEN insured AND sex IN ('F') THEN 1 END",
    "CASE sex WHEN 'F' THEN '女' WHEN 'M' THEN '男' ELSE NULL END",
    "IF(age >= 60, TRUE, FALSE)",
    "floor(income/1000)*1000",
    "floor(height/0.1)*0.1",
    "CAST(floor(income/2000)*2000 AS BIGINT)",
]
AGGREGATES = [
    "COUNT(*)",
    "COUNT(1)",
    "count()",
    "COUNT(DISTINCT pid)",
    "SUM(income)",
    "AVG(income)",
    "AVG(age)",
    "VARIANCE(income)",
    "VAR_SAMP(height)",
    "VAR_POP(income)",
    "STDDEV(age)",
    "STDDEV_SAMP(income)",
    "STDDEV_POP(income)",
    "ROUND(AVG(income), 2)",
    "ROUND(AVG(income))",
    "ROUND(SUM(height), 0)",
    "COUNT(*) FILTER (WHERE sex = 'F')",
    "COUNT(DISTINCT pid) FILTER (WHERE age > 30)",
    "SUM(income) FILTER (WHERE insured)",
    "SUM(CASE WHEN sex = 'F' THEN income END)",
    "SUM(CASE WHEN sex = 'F' THEN income ELSE 0 END)",
    "AVG(CASE WHEN sex = 'F' THEN income ELSE NULL END)",
    "AVG(CASE WHEN sex = 'F' THEN age ELSE 0 END)",
    "STDDEV(CASE sex WHEN 'F' THEN income END)",
    "COUNT(CASE WHEN age >= 60 THEN 1 END)",
    "SUM(CASE WHEN age >= 60 THEN 1 ELSE 0 END)",
    "COUNT(DISTINCT CASE WHEN age >= 60 THEN pid END)",
    "ROUND(AVG(height) FILTER (WHERE year(birth) = 2020), 6)",
]
PREDICATES = [
    "sex = 'F'",
    "'F' = sex",
    "sex <> 'F'",
    "sex != 'F'",
    "age < 30",
    "30 >= age",
    "age <= 30 AND age > -5",
    "age = 30.0",
    "age > 1e1",
    "age < 99999999999999999999",
    "height > 1.5",
    "birth >= DATE '2021-01-01'",
    "birth >= '2021-01-01'",
    "birth >= '2021-01-01'::DATE",
    "birth >= TIMESTAMP '2021-01-01 10:30:00'",
    "birth NOT IN (DATE '2021-01-01', TIMESTAMP '2021-01-02')",
    "birth >= CAST('2021-01-01' AS DATE)",
    "seen >= TIMESTAMP '2021-01-01 10:30:00'",
    "seen >= '2021-01-01 10:30:00'",
    "seen BETWEEN '2021-01-01' AND DATE '2023-12-31'",
    "age BETWEEN 20 AND 40",
    "age NOT BETWEEN 20 AND 40",
    "sex IN ('F', 'M')",
    "sex NOT IN ('F')",
    "NOT sex IN ('F')",
    "sex IS NULL",
    "sex IS NOT NULL",
    "insured",
    "NOT insured",
    "insured = TRUE",
    "insured IN (FALSE)",
    "NOT (sex = 'F' OR age > 30)",
    "(sex = 'F' AND (age > 30 OR age IS NULL)) OR insured",
    "year(birth) = 2021",
    "strftime(birth, '%Y-%m') >= '2021-06'",
    "date_trunc('month', seen) = DATE '2021-06-01'",
    "floor(age/10)*10 = 30",
    "age // 10 IN (2, 3)",
    "left(district, 1) = 'A'",
    "tags IS NOT NULL",
    "社区 = '北区'",
]
JOINS = [
    "residents JOIN visits ON residents.pid = visits.pid",
    "residents r INNER JOIN visits v ON v.pid = r.pid",
    "residents r LEFT JOIN visits v ON r.pid = v.pid AND r.district = v.district",
    "residents r LEFT OUTER JOIN visits v ON (r.pid = v.pid) AND (r.district = v.district)",
    "residents JOIN visits USING (pid)",
    "residents JOIN visits USING (pid, district)",
    "residents r JOIN taxes AS x ON r.pid = x.payer",
    "residents r JOIN visits v ON r.pid = v.pid LEFT JOIN taxes x ON x.level = v.level AND x.payer = r.pid",
]
TAILS = [
    "GROUP BY sex",
    "GROUP BY 1",
    "GROUP BY ALL",
    "GROUP BY residents.sex HAVING COUNT(DISTINCT residents.pid) >= 10",
    "GROUP BY sex HAVING COUNT(DISTINCT pid) > 9",
    "GROUP BY sex HAVING persons >= 5",
    "GROUP BY sex ORDER BY n DESC NULLS LAST, 1 ASC",
    "GROUP BY sex ORDER BY sex NULLS FIRST LIMIT 500",
    "GROUP BY sex ORDER BY COUNT(*) LIMIT 1;",
    "GROUP BY sex FETCH FIRST 5 ROWS ONLY",
    "GROUP BY sex, sex",
]
ALIASES = ["n", '"人数（不详）"', '"share %"', '"a.b-c/d: e"', "_n", '"1"', "x" * 64]
_LEFT_TO_RELEASE = re.compile(r"\b(HAVING|ORDER BY|LIMIT|FETCH)\b.*|;$")


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    with filled_tables() as connection:
        yield connection


def check_same_answer(sql: str, tables: duckdb.DuckDBPyConnection) -> None:
    verdict = check(sql, DATA_LIST)
    assert verdict.allowed, [(reason.code, reason.column, reason.where) for reason in verdict.reasons]
    assert verdict.statement is not None
    asked = tables.execute(_LEFT_TO_RELEASE.sub("", sql)).fetchall()
    rebuilt = tables.execute(verdict.statement)
    names = [described[0] for described in rebuilt.description or ()]
    shown = [i for i, name in enumerate(names) if not name.startswith("__")]
    answers = [[row[i] for i in shown] for row in rebuilt.fetchall()]
    assert comparable(answers) == comparable(asked)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_the_contract_groups_as_asked(key: str, tables: duckdb.DuckDBPyConnection) -> None:
    check_same_answer(f"SELECT {key} AS k, COUNT(*) AS n, AVG(income) FROM residents GROUP BY k", tables)
    check_same_answer(f"SELECT {key}, COUNT(DISTINCT pid) FROM residents GROUP BY {key}", tables)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregate_of_the_contract_answers_as_asked(
    aggregate: str, tables: duckdb.DuckDBPyConnection
) -> None:
    check_same_answer(f"SELECT {aggregate} AS a FROM residents", tables)
    check_same_answer(f"SELECT district, {aggregate} FROM residents GROUP BY district", tables)


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_condition_of_the_contract_filters_as_asked(
    predicate: str, tables: duckdb.DuckDBPyConnection
) -> None:
    check_same_answer(f"SELECT COUNT(*) FROM residents WHERE {predicate}", tables)
    if "height" not in predicate:
        # A conditional aggregate rests on group or filter columns alike.
        check_same_answer(f"SELECT SUM(income) FILTER (WHERE {predicate}) FROM residents", tables)


@pytest.mark.parametrize("source", JOINS)
def test_a_join_of_the_contract_ties_as_asked(source: str, tables: duckdb.DuckDBPyConnection) -> None:
    counted = "" if "taxes" in source else ", SUM(cost) AS c"
    check_same_answer(f"SELECT sex, COUNT(*) AS n{counted} FROM {source} GROUP BY sex", tables)
    check_same_answer(f"SELECT COUNT(*) AS n FROM {source} WHERE age > 20", tables)


@pytest.mark.parametrize("tail", TAILS)
def test_what_follows_is_read_and_left_to_the_release(tail: str, tables: duckdb.DuckDBPyConnection) -> None:
    check_same_answer(
        f"SELECT sex, COUNT(*) AS n, COUNT(DISTINCT pid) AS persons FROM residents {tail}", tables
    )


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_of_the_contract_names_the_column(alias: str, tables: duckdb.DuckDBPyConnection) -> None:
    verdict = check(f"SELECT COUNT(*) AS {alias} FROM residents", DATA_LIST)
    assert verdict.statement is not None
    described = tables.execute(verdict.statement).description or []
    assert [name[0] for name in described] == [alias.strip('"'), "__persons"]


def test_a_key_may_be_shown_twice(tables: duckdb.DuckDBPyConnection) -> None:
    check_same_answer("SELECT sex, sex AS 性别, COUNT(*) FROM residents GROUP BY sex", tables)


def test_a_prefixed_alias_and_a_trailing_comma_are_the_same_tree(tables: duckdb.DuckDBPyConnection) -> None:
    check_same_answer("SELECT k: residents.sex, n: COUNT(*), FROM residents GROUP BY k,", tables)


def test_the_limits_of_the_contract_are_reached() -> None:
    ten = ", ".join(f"COUNT(*) AS a{i}" for i in range(10))
    assert check(f"SELECT sex, district, age, {ten} FROM residents GROUP BY ALL", DATA_LIST).allowed
    hundred = " OR ".join(["age = 1"] * 100)
    assert check(f"SELECT COUNT(*) FROM residents WHERE {hundred}", DATA_LIST).allowed
    values = ", ".join(map(str, range(200)))
    assert check(f"SELECT COUNT(*) FROM residents WHERE age IN ({values})", DATA_LIST).allowed
    nested = "(" * 50 + "age = 1" + ")" * 50
    assert check(f"SELECT COUNT(*) FROM residents WHERE {nested}", DATA_LIST).allowed
    branches = " ".join(f"WHEN age = {i} THEN {i}" for i in range(20))
    assert check(f"SELECT CASE {branches} END AS k, COUNT(*) FROM residents GROUP BY k", DATA_LIST).allowed
    padding = " " * (8192 - len("SELECT COUNT(*) FROM residents"))
    assert check(f"SELECT COUNT(*) FROM residents{padding}", DATA_LIST).allowed
