"""No accepted statement fails on some rows only: an error would tell whether such a row exists, below every threshold.

Each production of the contract is written for a column of each type, with literals at the edges of what the engine converts,
and run on rows at the edges of the type. What the gate refuses is not the matter here (its reasons are proved elsewhere).
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator

import duckdb
import pytest

from policies.sql.data_list import DataList
from policies.sql.gate import check_batch

NUMBERS = {
    "TINYINT": ("-128", "127"),
    "SMALLINT": ("-32768", "32767"),
    "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"),
    "UBIGINT": ("0", "18446744073709551615"),
    "HUGEINT": ("-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    "FLOAT": ("-3e38", "3e38"),
    "DOUBLE": ("-1.7e308", "1.7e308"),
    "DECIMAL(4,2)": ("-99.99", "99.99"),
    "DECIMAL(18,0)": ("-" + "9" * 18, "9" * 18),
    "DECIMAL(38,10)": ("-" + "9" * 28 + ".9999999999", "9" * 28 + ".9999999999"),
}
MOMENTS = dict.fromkeys(("DATE", "TIMESTAMP"), ("'0001-01-01'", "'9999-12-31'"))
LITERALS = (
    "0", "-1", "1", "0.5", "300", "5000000000", "9223372036854775808", "170141183460469231731687303715884105728", "9" * 38,
    "0." + "0" * 10 + "1", "0." + "0" * 18 + "1", "0." + "0" * 27 + "1", "0." + "0" * 36 + "1", "1." + "0" * 36 + "1",
    "123456789012345678.123456789012345678", "12345678901234567890123456789.5", "1e38", "1e300",
)  # fmt: skip
STEPS = tuple(n for n in LITERALS if not n.startswith("-") and float(n) >= 1)
DATES = (
    "DATE '2024-01-01'",
    "TIMESTAMP '2024-01-01 10:00:00'",
    "'2024-01-01'",
    "DATE '9999-12-31'",
    "DATE '0001-01-01'",
)


def of_numbers(c: str) -> Iterator[str]:
    """Keys and conditions over a number column; `m` is a measure of the same type with bounds [0, 1000]."""
    for n in STEPS:
        for form in ("floor({c}/{n})*{n}", "floor({c}/{n})", "{c}//{n}", "({c}//{n})*{n}", "{c} - {c} % {n}"):
            e = form.format(c=c, n=n)
            yield from (
                f"{key} AS k, COUNT(*) FROM t GROUP BY k"
                for key in (e, f"CAST({e} AS INTEGER)", f"({e})::BIGINT")
            )
            yield f"COUNT(*) FROM t WHERE {e} > 0.5 OR CAST({e} AS BIGINT) = -1"
    for a, b in itertools.product(LITERALS, LITERALS):
        yield f"COUNT(*) FROM t WHERE {c} BETWEEN {a} AND {b}"
        yield f"COUNT(*) FROM t WHERE {c} IN ({a}, {b})"
        yield f"COUNT(*) FROM t WHERE {c}//3 IN ({a}, {b}) OR floor({c}/3)*3 < {a} OR {c} - {c} % 3 > {b}"
        yield f"CASE WHEN {c} > 1 THEN {a} WHEN {c} <= 1 THEN {b} END AS k, COUNT(*) FROM t GROUP BY k"
        yield f"CASE {c} WHEN {a} THEN 1 WHEN {b} THEN 2 ELSE 3 END AS k, COUNT(*) FROM t GROUP BY k"
        yield f"IF({c} > {a}, -{b}, 0.25) AS k, COUNT(*) FROM t GROUP BY k"
    for a in LITERALS:
        yield f"COUNT(*) FROM t WHERE {c} > {a} OR {a} = {c}"
        yield f"coalesce({c}, {a}) AS k, COUNT(*) FROM t GROUP BY k"
    for function in ("SUM", "AVG", "VARIANCE", "VAR_POP", "STDDEV", "STDDEV_POP"):
        yield f"{function}(m{c}) FROM t"
        yield f"ROUND({function}(CASE WHEN {c} > 0 THEN m{c} ELSE 0 END), 6) FROM t"
    for width in ("20", "33.3", "1e3", "20." + "0" * 30 + "1"):
        yield from (
            f"{key} AS k, COUNT(*) FROM t GROUP BY k"
            for key in (f"floor(m{c}/{width})*{width}", f"(floor(m{c}/{width})*{width})::INT")
        )


def of_moments(c: str) -> Iterator[str]:
    """Keys and conditions over a date or time column."""
    truncated = [f"date_trunc('{unit}', {c})" for unit in ("year", "quarter", "month", "week", "day")]
    parts = [f"{part}({c})" for part in ("year", "quarter", "month", "dayofweek", "isodow", "hour")]
    written = [f"strftime({c}, '{form}')" for form in ("%Y", "%Y-%m")]
    yield from (f"{e} AS k, COUNT(*) FROM t GROUP BY k" for e in [*truncated, *parts, *written])
    for e, a, b in itertools.product([c, *truncated], DATES, DATES):
        yield f"COUNT(*) FROM t WHERE {e} BETWEEN {a} AND {b} OR {e} IN ({a}, {b}) OR {e} > {a}"
    for e, a in itertools.product(parts, LITERALS):
        yield f"COUNT(*) FROM t WHERE {e} IN ({a}, 0.5) OR {e} > {a}"
    for a, b in itertools.product(DATES, DATES):
        yield f"coalesce({c}, {a}) AS k, COUNT(*) FROM t GROUP BY k"
        yield f"CASE {c} WHEN {a} THEN {b} ELSE {a} END AS k, COUNT(*) FROM t GROUP BY k"


COLUMNS = {f"c{i}": kind for i, kind in enumerate([*NUMBERS, *MOMENTS])}
EDGES = {**NUMBERS, **MOMENTS}


def data_list() -> DataList:
    columns: list[dict[str, object]] = [{"name": "p", "type": "VARCHAR", "uses": ["person"]}]
    for name, kind in COLUMNS.items():
        columns.append({"name": name, "type": kind, "uses": ["group", "filter"]})
        if kind in NUMBERS:
            columns.append({"name": f"m{name}", "type": kind, "uses": ["measure"], "bounds": [0, 1000]})
    table = {"name": "t", "domain": "d", "person_key": "p", "rows": 100, "columns": columns}
    return DataList.read(json.dumps({"tables": [table]}).encode())


@pytest.fixture(scope="module")
def edges() -> duckdb.DuckDBPyConnection:
    """Rows at the edges of each type, beside zeros and ones, in the key and in the measure."""
    connection = duckdb.connect(config={"threads": 1})
    names = {**COLUMNS, **{f"m{name}": kind for name, kind in COLUMNS.items() if kind in NUMBERS}}
    connection.execute(
        f"CREATE TABLE t (p VARCHAR, {', '.join(f'{name} {kind}' for name, kind in names.items())})"
    )
    for name, kind in names.items():
        for value in (*EDGES[kind], *(("0", "1", "3") if kind in NUMBERS else ("'2024-02-29'",))):
            connection.execute(f"INSERT INTO t (p, {name}) VALUES ('somebody', CAST({value} AS {kind}))")
    return connection


def check_edges(queries: list[str], connection: duckdb.DuckDBPyConnection) -> int:
    """Run what the gate accepts; gives how many that were."""
    lines = (json.dumps({"id": "", "sql": sql}).encode() for sql in queries)
    failed, ran = [], 0
    for sql, answer in zip(queries, check_batch(lines, data_list()), strict=True):
        if answer["allowed"]:
            ran += 1
            try:
                connection.execute(str(answer["statement"])).fetchall()
            except duckdb.Error as e:
                failed.append(f"{sql}: {e}")
    assert failed[:5] == []
    return ran


def all_queries() -> list[str]:
    found = []
    for name, kind in COLUMNS.items():
        found += [f"SELECT {query}" for query in (of_numbers(name) if kind in NUMBERS else of_moments(name))]
    return found


def test_no_accepted_statement_fails_on_a_row_at_the_edge(edges: duckdb.DuckDBPyConnection) -> None:
    queries = random.Random(20_261_124).sample(all_queries(), 3000)
    assert check_edges(queries, edges) > 1000


@pytest.mark.long
def test_no_accepted_statement_of_the_whole_sweep_fails(edges: duckdb.DuckDBPyConnection) -> None:
    assert check_edges(all_queries(), edges) > 8000
