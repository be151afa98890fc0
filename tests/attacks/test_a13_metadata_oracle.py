"""A13: what an engine says *about* tables is exact: least and greatest value of every block, sizes, variables, logs.

Naive: results of fewer than ten rows are withheld, but the catalogue and statistics are open. The attacker makes a table
with one person in each column; its statistics are ten thousand diagnoses. Ours: no statement creates anything, and no
function, pragma or catalogue table is on the allow-list.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb
import pytest

from tests.attacks.a13_patients import MARGIN, PEOPLE, accuracy, answer, plain, told

COLUMNS = 1000
WITHHELD_BELOW = 10


def wide(first: int) -> str:
    """One row with a column for each of a thousand people."""
    columns = ", ".join(f"held[{number}] AS p{number}" for number in range(first, first + COLUMNS))
    return (
        f"CREATE OR REPLACE TEMP TABLE wide AS SELECT {columns}"
        " FROM (SELECT list(diagnosis ORDER BY person_id) AS held FROM patients)"
    )


# How the naive variant gives the wide table away, each read by the attacker as (column, least value).
STORAGE = "SELECT column_name, stats FROM pragma_storage_info('wide')"
SUMMARY = "SELECT column_name, min FROM (SUMMARIZE wide)"
READERS: dict[str, Callable[[tuple[object, ...]], object]] = {
    STORAGE: lambda row: (re.findall(r"Min: (\d)", str(row[1])) or [None])[0],
    SUMMARY: lambda row: row[1],
}
ATTACKS = [
    wide(1).replace("TEMP TABLE", "TABLE"),
    "CREATE TEMP TABLE one AS SELECT diagnosis FROM patients WHERE person_id = 17",
    "CREATE TEMP VIEW one AS SELECT diagnosis FROM patients WHERE person_id = 17",
    "CREATE TEMP MACRO one() AS TABLE SELECT diagnosis FROM patients WHERE person_id = 17",
    "SELECT COUNT(*) FROM pragma_storage_info('patients')",
    "SELECT stats FROM pragma_storage_info('patients')",
    "PRAGMA storage_info('patients')",
    "SELECT stats(diagnosis) FROM patients",
    "SELECT COUNT(*), stats(diagnosis) FROM patients GROUP BY ALL",
    "SUMMARIZE patients",
    "SELECT COUNT(*) FROM (SUMMARIZE patients)",
    "DESCRIBE patients",
    "SHOW TABLES",
    "FROM patients",
    "TABLE patients",
    "PRAGMA database_list",
    "PRAGMA show_tables",
    "PRAGMA table_info('patients')",
    "CALL pragma_metadata_info()",
    "SELECT COUNT(*) FROM duckdb_tables()",
    "SELECT COUNT(*) FROM duckdb_columns",
    "SELECT COUNT(*) FROM duckdb_settings()",
    "SELECT COUNT(*) FROM duckdb_databases()",
    "SELECT COUNT(*) FROM duckdb_temporary_files()",
    "SELECT COUNT(*) FROM duckdb_memory()",
    "SELECT COUNT(*) FROM duckdb_variables()",
    "SELECT COUNT(*) FROM information_schema.tables",
    "SELECT COUNT(*) FROM pg_catalog.pg_class",
    "SELECT COUNT(*) FROM sqlite_master",
    "SELECT COUNT(*), current_database() FROM patients",
    "SELECT COUNT(*), current_setting('temp_directory') FROM patients",
    "SELECT COUNT(*), version() FROM patients",
    "SELECT COUNT(*) FROM patients WHERE rowid = 16",
    "SELECT COUNT(*) FROM patients TABLESAMPLE 1 ROWS",
    "SET VARIABLE v = (SELECT diagnosis FROM patients WHERE person_id = 17)",
    "SELECT COUNT(*), getvariable('v') FROM patients",
    "SELECT COUNT(*), write_log(ward) FROM patients GROUP BY ALL",
    "SELECT COUNT(*) FROM duckdb_logs()",
    "SELECT COUNT(*) FROM query_table('patients')",
    "SELECT COUNT(*) FROM query('SELECT stats(diagnosis) FROM patients')",
    "CHECKPOINT",
    "VACUUM ANALYZE patients",
    "ATTACH ':memory:' AS other",
    "COPY patients TO 'patients.csv'",
    "EXPORT DATABASE 'out'",
]


def withheld(statement: str, connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """The naive variant: rows of a result are counted, and few are withheld; of metadata there are always many."""
    rows = connection.execute(statement).fetchall()
    return rows if len(rows) >= WITHHELD_BELOW else []


def read(rows: list[tuple[object, ...]], value: Callable[[tuple[object, ...]], object]) -> dict[int, int]:
    learned: dict[int, int] = {}
    for row in rows:
        found = value(row)
        if found is not None:
            learned[int(str(row[0]).removeprefix("p"))] = int(str(found))
    return learned


def everybody(statement: str, connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """The whole attack by one of the readers."""
    learned: dict[int, int] = {}
    for first in range(1, PEOPLE + 1, COLUMNS):
        connection.execute(wide(first))
        learned |= read(withheld(statement, connection), READERS[statement])
    return learned


def measure() -> dict[str, object]:
    seen: dict[int, int] = {}
    for attack in (wide(1), STORAGE, SUMMARY):
        for number, group in re.findall(r"\bp(\d+)\b\D+(\d)\b", answer(attack)[1]):
            seen[int(number)] = int(group)
    return told(
        "A13 metadata oracle",
        "用统计信息和目录表套取个人信息",
        "persons through statistics and the catalogue",
        naive=accuracy(everybody(STORAGE, plain())),
        ours=accuracy(seen),
        baseline=accuracy({}),
        defence={
            "zh": "不能建表，函数、PRAGMA 和目录表都不在白名单内",
            "en": "nothing can be created; no function, pragma or catalogue table is on the allow-list",
        },
    )


def test_the_naive_variant_withholds_a_persons_row_itself() -> None:
    connection = plain()
    assert withheld("SELECT diagnosis FROM patients WHERE person_id = 17", connection) == []
    connection.execute(wide(1))
    assert withheld("SELECT * FROM wide", connection) == []


@pytest.mark.parametrize("statement", READERS)
def test_statistics_of_the_naive_variant_tell_everybodys_diagnosis(statement: str) -> None:
    learned = everybody(statement, plain()) if statement == STORAGE else {}
    if statement == SUMMARY:
        # The slower way, for the first thousand.
        connection = plain()
        connection.execute(wide(1))
        learned = read(withheld(statement, connection), READERS[statement])
        assert len(learned) == COLUMNS
        expected = connection.execute(
            f"SELECT person_id, diagnosis FROM patients WHERE person_id <= {COLUMNS}"
        )
        assert learned == dict(expected.fetchall())
    else:
        assert accuracy(learned) == 1.0


def test_the_size_of_a_table_in_the_naive_variant_is_a_bit_about_a_person() -> None:
    connection = plain()
    sizes = set()
    for group in range(4):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE one AS"
            f" SELECT 1 AS hit FROM patients WHERE person_id = 17 AND diagnosis = {group}"
        )
        sizes |= set(
            connection.execute(
                "SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'one'"
            ).fetchall()
        )
    assert sizes == {(0,), (1,)}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.req("RQ-308")
def test_ours_says_nothing_about_tables(attack: str) -> None:
    allowed, said = answer(attack)
    assert not allowed
    assert "Min:" not in said


@pytest.mark.req("RQ-308")
def test_the_attack_succeeds_on_the_naive_variant_and_gains_nothing_on_ours() -> None:
    figures = measure()
    assert figures["naive"] == 1.0
    assert float(str(figures["ours"])) <= float(str(figures["baseline"])) + MARGIN
