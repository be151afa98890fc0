"""Tables of the corpus list in DuckDB: empty, or with generated rows that are the same in every run.

- One row in fifteen of each column is NULL. Persons are few, so that joins meet; their values look like nothing else.
- Measures lie within their bounds, both ends included, unless `wild` rows are asked for: then columns that are measures
  and nothing else also hold values far outside.
"""

from __future__ import annotations

import json

import duckdb

from tests.policies.sql.oracle_names import LIST_FILE, Column, read_tables

ROWS = 5000
PERSONS = 1500

_TEXTS = {
    "district": "福田 罗湖 南山 宝安",
    "department": "急诊 内科 儿科 外科",
    "sex": "F M",
    "hospital_code": "H1 H2 H3 H4 H5 H6 H7 H8 H9",
    "diagnosis_code": "J18 J20 E10 E11 I10 I21 K35 C34",
    "payer": "A B O'Neil",
    "ward": "ICU 内一 内二 外一",
    "药品类别": "抗生素 降压药 降糖药 其他",
    "科室": "急诊 内科 儿科",
    "community": "莲花 福保 梅林",
    "plan_type": "养老 医疗 失业",
    "险种": "养老 医疗 工伤",
    "mode": "metro bus ferry",
    "station": "福田 会展中心 岗厦",
    "vehicle_type": "truck car van",
    "industry": "制造业 软件 零售",
    "kind": "专票 普票",
    "行业": "软件 金融 零售",
    "街道": "福田 沙头 香蜜湖",
    "month": "01 02 03",
}
_NUMBERS = {
    "line_id": (1, 40),
    "tax_year": (2019, 2025),
    "triage_level": (1, 6),
    "severity": (1, 6),
    "visit_id": (1, 10**12),
}


def connect(*, rows: int = ROWS, wild: bool = False) -> duckdb.DuckDBPyConnection:
    """A locked connection in memory with every listed table; `rows` 0 gives empty tables."""
    connection = duckdb.connect(config={"threads": 1})
    for listed in json.loads(LIST_FILE.read_text(encoding="utf-8"))["tables"]:
        columns = ", ".join(f'"{c["name"]}" {c["type"]}' for c in listed["columns"])
        connection.execute(f'CREATE TABLE "{listed["name"]}" ({columns})')
    if rows:
        for table in read_tables().values():
            values = [f'{_cell(c, wild=wild)}::{c.type} AS "{c.name}"' for c in table.columns.values()]
            connection.execute(
                f'INSERT INTO "{table.name}" SELECT {", ".join(values)} FROM range({rows}) r(i)'
            )
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")
    return connection


def _cell(column: Column, *, wild: bool) -> str:
    key = f"{column.table}.{column.name}"
    draw = f"hash(i, '{key}')"
    value = _value(column, draw)
    if wild and column.bounds is not None and not column.uses & {"group", "filter"}:
        value = f"CASE WHEN {draw} % 7 = 0 THEN ({value}) * -3 - 5 WHEN {draw} % 11 = 0 THEN ({value}) * 4 + 5 ELSE {value} END"
    return f"(CASE WHEN hash(i, 'null of {key}') % 15 = 0 THEN NULL ELSE {value} END)"


def _value(column: Column, draw: str) -> str:
    if column.name in ("org_code", "employer_id", "单位编号"):
        return f"'ORG-' || ({draw} % 700)"
    if "person" in column.uses:
        number = f"({draw} % {PERSONS})"
        return f"(440300190000000000 + {number})" if column.type == "BIGINT" else f"'P44030019-' || {number}"
    if column.kind == "text":
        pool = (
            "["
            + ", ".join("'" + t.replace("'", "''") + "'" for t in _TEXTS.get(column.name, "甲 乙 丙").split())
            + "]"
        )
        return f"{pool}[1 + ({draw} % len({pool}))::INT]"
    if column.kind == "bool":
        return f"({draw} % 3 = 0)"
    if column.type == "DATE":
        return (
            f"(DATE '1955-01-01' + ({draw} % 25500)::INT)" if column.name == "birth_date" else _recent(draw)
        )
    if column.kind == "moment":
        return f"({_recent(draw)} + to_seconds(({draw} % 86400)::INT))"
    low, high = column.bounds or _NUMBERS.get(column.name, (0, 60))
    share = f"(CASE {draw} % 53 WHEN 0 THEN 0.0 WHEN 1 THEN 1.0 ELSE ({draw} % 9973) / 9973.0 END)"
    number = f"({low} + ({high} - {low}) * {share}::DOUBLE)"
    if column.type in ("INTEGER", "SMALLINT", "BIGINT"):
        return f"floor({number})"
    return f"round({number}, 2)"


def _recent(draw: str) -> str:
    return f"(DATE '2022-06-01' + ({draw} % 1100)::INT)"
