"""The rebuilt statement: clipping, person counts, and what it must not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from policies.sql.column_types import read_type
from policies.sql.data_list import Bounds, Column, DataList, SqlUse, Table
from policies.sql.gate import check
from policies.sql.query import Query
from policies.sql.statement import compile_statement, counted_keys, person_columns
from tests.policies.sql.listed import DATA_LIST, comparable, filled_tables


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    with filled_tables(outside=True) as connection:
        yield connection


def query_of(sql: str, data_list: DataList = DATA_LIST) -> Query:
    verdict = check(sql, data_list)
    assert verdict.query is not None, verdict.reasons
    return verdict.query


def answer(
    sql: str, tables: duckdb.DuckDBPyConnection, data_list: DataList = DATA_LIST
) -> list[dict[str, Any]]:
    ran = tables.execute(compile_statement(query_of(sql, data_list), data_list))
    names = [described[0] for described in ran.description or ()]
    return [dict(zip(names, row, strict=True)) for row in ran.fetchall()]


CLIPPED = [
    ("SUM(income)", "SUM(CASE WHEN income IS NULL THEN NULL ELSE greatest(least(income, 50000), 0) END)"),
    ("AVG(age)", "AVG(CASE WHEN age IS NULL THEN NULL ELSE greatest(least(age, 110), 0) END)"),
    (
        "VAR_POP(height)",
        "VAR_POP(CASE WHEN height IS NULL THEN NULL ELSE greatest(least(height, 2.5), 0.5) END)",
    ),
    (
        "SUM(CASE WHEN sex = 'F' THEN income ELSE 0 END)",
        "SUM(CASE WHEN sex <> 'F' OR sex IS NULL THEN 0 WHEN income IS NULL THEN NULL"
        " ELSE greatest(least(income, 50000), 0) END)",
    ),
]


@pytest.mark.parametrize(("asked", "meant"), CLIPPED)
def test_every_measure_is_clipped_and_null_stays_null(
    asked: str, meant: str, tables: duckdb.DuckDBPyConnection
) -> None:
    rows = answer(f"SELECT sex, {asked} AS a FROM residents GROUP BY sex", tables)
    expected = tables.execute(f"SELECT sex, {meant} FROM residents GROUP BY sex").fetchall()
    assert comparable([(row["sex"], row["a"]) for row in rows]) == comparable(expected)


def test_a_histogram_puts_what_is_out_of_bounds_into_its_last_bins(tables: duckdb.DuckDBPyConnection) -> None:
    rows = answer("SELECT floor(income/1000)*1000 AS b, COUNT(*) FROM residents GROUP BY b", tables)
    bins = {row["b"] for row in rows} - {None}
    assert min(bins) >= 0
    assert max(bins) <= 50000
    assert len(bins) <= 51


def test_a_cast_that_a_row_does_not_fit_is_null_and_no_error() -> None:
    column = Column("c", read_type("DOUBLE"), frozenset({SqlUse.GROUP}))
    table = Table("t", "d", "p", 1, (Column("p", read_type("VARCHAR"), frozenset()), column))
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT 'a' AS p, 4e15::DOUBLE AS c")
        rows = answer(
            "SELECT CAST(floor(c/10)*10 AS INTEGER) AS k, COUNT(*) AS n FROM t GROUP BY k",
            connection,
            DataList((table,)),
        )
    assert [(row["k"], row["n"]) for row in rows] == [(None, 1)]


def test_a_day_out_of_the_range_of_points_in_time_is_no_error() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE visits AS SELECT 'P' AS pid, DATE '5874897-12-31' AS day")
        for condition in (
            "day > TIMESTAMP '2020-01-01 00:00:00'",
            "day IN (TIMESTAMP '2020-01-01 00:00:00')",
        ):
            (row,) = answer(f"SELECT COUNT(*) AS n FROM visits WHERE {condition}", connection)
            assert row["n"] == 0


@pytest.mark.parametrize(
    ("kind", "bounds", "values", "expected"),
    [
        ("TINYINT", ("-3.5", "1000"), (-128, -3, 5, 127), -3 - 3 + 5 + 127),
        ("UTINYINT", ("-7", "9"), (0, 5, 255), 0 + 5 + 9),
        ("BIGINT", ("0", "1e30"), (2**63 - 1, -5), 2**63 - 1),
        ("HUGEINT", ("0", "10"), (2**120, -(2**120)), 10),
        ("UBIGINT", ("0", "10"), (2**64 - 1,), 10),
        ("DECIMAL(4,1)", ("0.25", "1e9"), ("999.9", "0.1"), Decimal("1000.2")),
        ("DECIMAL(38,0)", ("0", "10"), ("9" * 38, "-" + "9" * 38), 10),
        ("DECIMAL(38,37)", ("0", "10"), ("9." + "9" * 37,), Decimal("9." + "9" * 37)),
        ("FLOAT", ("0.1", "2"), (0.5, 7), 2.5),
        ("DOUBLE", ("0", "1e300"), (5, 1e308, float("nan")), 2e300 + 5),
    ],
)
def test_bounds_are_clipped_to_in_the_columns_own_type(
    kind: str, bounds: tuple[str, str], values: tuple[Any, ...], expected: Any
) -> None:
    measure = Column(
        "m",
        read_type(kind),
        frozenset({SqlUse.MEASURE}),
        Bounds(Decimal(bounds[0]), Decimal(bounds[1])),
    )
    table = Table("t", "d", "p", 1, (Column("p", read_type("VARCHAR"), frozenset()), measure))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (p VARCHAR, m {kind})")
        connection.executemany("INSERT INTO t VALUES ('a', ?)", [(value,) for value in values])
        (row,) = answer("SELECT SUM(m) AS s FROM t", connection, DataList((table,)))
    assert row["s"] == pytest.approx(expected) if isinstance(expected, float) else row["s"] == expected


def test_a_cell_counts_its_persons(tables: duckdb.DuckDBPyConnection) -> None:
    rows = answer("SELECT sex, COUNT(*) FROM residents GROUP BY sex", tables)
    expected = tables.execute("SELECT sex, COUNT(DISTINCT pid) FROM residents GROUP BY sex").fetchall()
    assert comparable([(row["sex"], row["__persons"]) for row in rows]) == comparable(expected)


def test_each_conditional_aggregate_counts_its_own_persons(tables: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "SELECT COUNT(*), SUM(income) FILTER (WHERE age > 60) AS a, AVG(age) AS b,"
        " COUNT(CASE WHEN insured THEN 1 END) AS c FROM residents"
    )
    (row,) = answer(sql, tables)
    assert person_columns(query_of(sql)).by_item == {1: "__persons_2", 3: "__persons_4"}
    counted = "SELECT COUNT(DISTINCT pid) FROM residents WHERE "
    assert (row["__persons_2"],) == tables.execute(counted + "age > 60 AND income IS NOT NULL").fetchone()
    assert (row["__persons_4"],) == tables.execute(counted + "insured").fetchone()


def test_persons_of_every_joined_table_stand_behind_a_cell() -> None:
    # One resident whose district many visits share: many rows and visitors, one resident.
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE residents AS SELECT 'P1' AS pid, 'D' AS district, 5.0 AS income")
        connection.execute(
            "CREATE TABLE visits AS SELECT 'V' || i AS pid, 'D' AS district FROM range(50) t(i)"
        )
        (row,) = answer("SELECT SUM(income) AS s FROM residents JOIN visits USING (district)", connection)
    assert row["__persons"] == 1


def test_a_left_join_counts_the_persons_that_matched() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE residents AS SELECT 'P' || i AS pid FROM range(50) t(i)")
        connection.execute("CREATE TABLE visits AS SELECT 'P1' AS pid, 9.0 AS cost")
        (row,) = answer("SELECT SUM(cost) AS s FROM residents LEFT JOIN visits USING (pid)", connection)
    assert row["__persons"] == 1


def test_keys_that_an_inner_join_makes_equal_are_counted_once() -> None:
    inner = query_of(
        "SELECT COUNT(*) FROM residents JOIN visits USING (pid) JOIN taxes ON payer = visits.pid"
    )
    assert [str(field) for field in counted_keys(inner, DATA_LIST)] == ["residents.pid"]
    left = query_of("SELECT COUNT(*) FROM residents LEFT JOIN visits USING (pid)")
    assert [str(field) for field in counted_keys(left, DATA_LIST)] == ["residents.pid", "visits.pid"]


def test_a_table_of_one_row_a_person_counts_rows() -> None:
    residents = DATA_LIST.table("residents")
    assert residents is not None
    data_list = DataList((replace(residents, one_row_per_person=True),))
    sql = "SELECT SUM(income) FILTER (WHERE insured) AS s FROM residents"
    statement = compile_statement(query_of(sql, data_list), data_list)
    assert 'COUNT(*) AS "__persons"' in statement
    assert "DISTINCT" not in statement


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT p.sex, (age//10)*10 AS band, COUNT(DISTINCT p.pid) n FROM residents p GROUP BY ALL HAVING n > 3 LIMIT 5",
        "SELECT sex, AVG(cost) AS a FROM residents JOIN visits USING (pid) WHERE dept = 'it''s' GROUP BY sex ORDER BY a",
        "SELECT floor(age/10)*10 AS b, COUNT(*) FROM residents GROUP BY b",
    ],
)
def test_a_statement_holds_no_partner_text(sql: str) -> None:
    statement = compile_statement(query_of(sql), DATA_LIST)
    assert "--" not in statement
    assert "/*" not in statement
    assert "*" not in statement.replace("COUNT(*)", "")
    assert not re.search(r"\b(HAVING|ORDER BY|LIMIT)\b", statement)
    # The same from the same model, and a statement is a query of the class that it came from in DuckDB's eyes.
    assert statement == compile_statement(query_of(sql), DATA_LIST)


def test_names_with_quotes_are_quoted() -> None:
    person = Column('p"x', read_type("VARCHAR"), frozenset())
    key = Column("order", read_type("VARCHAR"), frozenset({SqlUse.GROUP}))
    data_list = DataList((Table('t"; DROP', "d", 'p"x', 1, (person, key)),))
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE "t""; DROP" ("p""x" VARCHAR, "order" VARCHAR)')
        rows = answer('SELECT "order", COUNT(*) AS n FROM "t""; DROP" GROUP BY ALL', connection, data_list)
    assert rows == []
