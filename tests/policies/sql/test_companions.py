"""The companion statements against the same totals written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from policies.sql.companions import compile_person_cells, compile_person_totals
from policies.sql.gate import check
from policies.sql.query import Query
from tests.policies.sql.listed import DATA_LIST, comparable, filled_tables

ASKED = (
    "SELECT sex, COUNT(*) AS n, SUM(income) AS s, AVG(CASE WHEN insured THEN income ELSE 0 END) AS z,"
    " SUM(age) FILTER (WHERE age > 30) AS f FROM residents WHERE district IS NOT NULL GROUP BY sex"
)


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    with filled_tables(outside=True) as connection:
        yield connection


def query_of(sql: str) -> Query:
    verdict = check(sql, DATA_LIST)
    assert verdict.query is not None, verdict.reasons
    return verdict.query


def test_totals_are_of_clipped_rows_by_cell_and_person(tables: duckdb.DuckDBPyConnection) -> None:
    ran = tables.execute(compile_person_totals(query_of(ASKED), DATA_LIST, one_row_per_person=False))
    assert [described[0] for described in ran.description or ()] == [
        *("__k0", "__person", "__n0", "__n1", "__s1", "__q1", "__n2", "__s2", "__q2", "__n3", "__s3", "__q3")
    ]
    got = ran.fetchall()
    expected = tables.execute(
        """
        WITH c AS (
            SELECT sex, pid, insured, age AS raw_age,
                   CASE WHEN income IS NULL THEN NULL ELSE least(greatest(income, 0), 50000) END::DOUBLE AS i,
                   CASE WHEN age IS NULL THEN NULL ELSE least(greatest(age, 0), 110) END::DOUBLE AS a
            FROM residents WHERE district IS NOT NULL
        )
        SELECT sex, pid, count(*), count(i), coalesce(sum(i), 0), coalesce(sum(i * i), 0),
               count(CASE WHEN insured THEN i END),
               coalesce(sum(CASE WHEN insured THEN i ELSE 0 END), 0),
               coalesce(sum(CASE WHEN insured THEN i * i ELSE 0 END), 0),
               count(CASE WHEN raw_age > 30 THEN 1 END),
               coalesce(sum(CASE WHEN raw_age > 30 THEN a END), 0),
               coalesce(sum(CASE WHEN raw_age > 30 THEN a * a END), 0)
        FROM c GROUP BY sex, pid
        """
    ).fetchall()
    assert comparable(got) == comparable(expected)


def test_a_row_is_its_own_total_where_a_person_has_one() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE residents AS SELECT 'P' || i AS pid, 'F' AS sex, i * 10.0 AS income, i AS age,"
            " i % 2 = 0 AS insured, 'D' AS district FROM range(20) t(i)"
        )
        each = compile_person_totals(query_of(ASKED), DATA_LIST, one_row_per_person=True)
        grouped = compile_person_totals(query_of(ASKED), DATA_LIST, one_row_per_person=False)
        assert "GROUP BY" not in each
        assert comparable(connection.execute(each).fetchall()) == comparable(
            connection.execute(grouped).fetchall()
        )


def test_cells_tell_who_stands_where(tables: duckdb.DuckDBPyConnection) -> None:
    ran = tables.execute(compile_person_cells(query_of(ASKED), DATA_LIST))
    assert [described[0] for described in ran.description or ()] == [
        "__k0",
        "__person",
        "__c1",
        "__c2",
        "__c3",
    ]
    got = ran.fetchall()
    expected = tables.execute(
        "SELECT DISTINCT sex, pid, income IS NOT NULL, coalesce(insured, false) AND income IS NOT NULL,"
        " coalesce(age > 30, false) FROM residents WHERE district IS NOT NULL"
    ).fetchall()
    assert comparable(got) == comparable(expected)


def test_the_persons_of_another_table_can_be_told(tables: duckdb.DuckDBPyConnection) -> None:
    query = query_of(
        "SELECT sex, SUM(cost) AS s FROM residents LEFT JOIN visits USING (district) GROUP BY sex"
    )
    totals = compile_person_totals(query, DATA_LIST, one_row_per_person=False, table="visits")
    got = tables.execute(totals).fetchall()
    expected = tables.execute(
        "SELECT sex, v.pid, count(cost),"
        " coalesce(sum(least(greatest(cost, 0), 1000)) FILTER (WHERE cost IS NOT NULL), 0),"
        " coalesce(sum(power(least(greatest(cost, 0), 1000)::DOUBLE, 2)) FILTER (WHERE cost IS NOT NULL), 0)"
        " FROM residents r LEFT JOIN visits v ON r.district = v.district WHERE v.pid IS NOT NULL GROUP BY sex, v.pid"
    ).fetchall()
    assert comparable(got) == comparable(expected)
