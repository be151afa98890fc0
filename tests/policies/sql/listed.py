"""A data list of two domains for the tests of the gate, and tables that hold what it lists."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, Final

import duckdb

from policies.sql.data_list import DataList

LIST: Final[dict[str, Any]] = {
    "tables": [
        {
            "name": "residents",
            "domain": "civil",
            "person_key": "pid",
            "rows": 400,
            "columns": [
                {"name": "pid", "type": "VARCHAR", "uses": ["person"]},
                {"name": "sex", "type": "VARCHAR", "uses": ["group", "filter"]},
                {
                    "name": "age",
                    "type": "INTEGER",
                    "uses": ["group", "filter", "measure"],
                    "bounds": [0, 110],
                },
                {"name": "district", "type": "VARCHAR", "uses": ["group", "filter", "join"]},
                {"name": "birth", "type": "DATE", "uses": ["group", "filter"]},
                {"name": "seen", "type": "TIMESTAMP", "uses": ["group", "filter"]},
                {"name": "insured", "type": "BOOLEAN", "uses": ["group", "filter"]},
                {"name": "income", "type": "DECIMAL(12,2)", "uses": ["measure"], "bounds": [0, 50000]},
                {"name": "height", "type": "DOUBLE", "uses": ["measure", "filter"], "bounds": [0.5, 2.5]},
                {"name": "weight", "type": "DOUBLE", "uses": ["measure"]},
                {"name": "score", "type": "DOUBLE", "uses": ["feature", "group", "filter"]},
                {"name": "note", "type": "VARCHAR", "uses": []},
                {"name": "tags", "type": "VARCHAR[]", "uses": ["group", "filter"]},
                {"name": "社区", "type": "VARCHAR", "uses": ["group", "filter"]},
            ],
        },
        {
            "name": "visits",
            "domain": "health",
            "person_key": "pid",
            "rows": 900,
            "columns": [
                {"name": "pid", "type": "VARCHAR", "uses": []},
                {"name": "doctor", "type": "VARCHAR", "uses": ["person"]},
                {"name": "day", "type": "DATE", "uses": ["group", "filter"]},
                {"name": "cost", "type": "DECIMAL(10,2)", "uses": ["measure", "filter"], "bounds": [0, 1000]},
                {"name": "dept", "type": "VARCHAR", "uses": ["group", "filter"]},
                {"name": "district", "type": "VARCHAR", "uses": ["group", "join"]},
                {"name": "level", "type": "BIGINT", "uses": ["group", "filter", "join"]},
            ],
        },
        {
            "name": "taxes",
            "domain": "tax",
            "person_key": "payer",
            "rows": 300,
            "columns": [
                {"name": "payer", "type": "VARCHAR", "uses": ["person"]},
                {"name": "year", "type": "INTEGER", "uses": ["group", "filter"]},
                {"name": "paid", "type": "BIGINT", "uses": ["measure"], "bounds": [-5, 90000]},
                {"name": "level", "type": "BIGINT", "uses": ["join"]},
            ],
        },
        {
            "name": "wards",
            "domain": "health",
            "person_key": "pid",
            "rows": 1,
            "columns": [{"name": "pid", "type": "VARCHAR", "uses": ["person"]}],
        },
    ]
}
DATA_LIST: Final = DataList.read(json.dumps(LIST).encode())


def filled_tables(*, outside: bool = False) -> duckdb.DuckDBPyConnection:
    """The listed tables with made-up rows, NULL here and there; with `outside` some measures are out of bounds."""
    draw = random.Random(20260101)
    connection = duckdb.connect()
    for table in LIST["tables"]:
        columns = ", ".join(f'"{column["name"]}" {column["type"]}' for column in table["columns"])
        connection.execute(f'CREATE TABLE "{table["name"]}" ({columns})')
        rows = [[_value(column, draw, outside) for column in table["columns"]] for _ in range(table["rows"])]
        marks = ", ".join("?" for _ in table["columns"])
        connection.executemany(f'INSERT INTO "{table["name"]}" VALUES ({marks})', rows)
    return connection


def _value(column: dict[str, Any], draw: random.Random, outside: bool) -> object:
    kind: str = column["type"]
    if column["name"] in {"pid", "payer", "doctor"}:
        return f"P{draw.randint(1, 90)}"
    if draw.random() < 0.06:
        return None
    day = f"{draw.randint(2019, 2025)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    if "bounds" in column:
        low, high = column["bounds"]
        drawn = draw.uniform(low - (outside * 40), high + outside * 40)
        return round(drawn) if kind in {"INTEGER", "BIGINT"} else round(drawn, 2)
    values: dict[str, object] = {
        "VARCHAR": draw.choice(["F", "M", "北区", "南区", "A1", "b2"]),
        "DATE": day,
        "TIMESTAMP": f"{day} {draw.randint(0, 23):02}:15:30",
        "BOOLEAN": draw.random() < 0.5,
        "INTEGER": draw.randint(2019, 2024),
        "BIGINT": draw.randint(-30, 30),
        "DOUBLE": round(draw.uniform(-9, 90), 3),
        "VARCHAR[]": ["x"],
    }
    return values[kind]


def comparable(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows in an order of their own, numbers to nine digits: sums of floating point depend on the order of rows."""
    return sorted((tuple(map(_comparable, row)) for row in rows), key=str)


def _comparable(value: Any) -> Any:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return value
    return float(f"{float(value):.9g}")
