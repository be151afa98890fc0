from __future__ import annotations

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from policies.disclosure.cells import Coverage, Key, Kind, Measure, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.presenting import Table
from policies.disclosure.release import Mark, Row, Value
from policies.disclosure.rendering import as_arrow, as_csv, as_json
from policies.disclosure.report import DisclosureReport
from policies.documents.strict_json import canonical, parse

REPORT = DisclosureReport(
    cells=2,
    values=2,
    cells_by_rule={},
    values_by_rule={},
    partial=0,
    partial_values=0,
    n_domains=3,
    bilateral=False,
    limits=Limits(),
)
SHAPE = Shape(("group",), (Measure("n", Kind.COUNT), Measure("mean", Kind.MEAN, Coverage.PRESENT, 2)))
HIDDEN = Mark.SUPPRESSED


def table(*rows: tuple[Key, Value, Value]) -> Table:
    return Table(SHAPE, tuple(Row((key,), 20, (n, mean)) for key, n, mean in rows), REPORT)


def fields(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def arrow(content: bytes) -> Any:
    return pa.ipc.open_stream(content).read_all()


def test_csv_says_suppressed_in_words() -> None:
    content = as_csv(table(("a", 20, Decimal("-12.50")), (None, HIDDEN, HIDDEN)))
    assert content == b"group,n,mean\r\na,20,-12.50\r\n,suppressed,suppressed\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_text_that_a_spreadsheet_would_run_is_neutralized(text: str) -> None:
    assert fields(as_csv(table((text, 20, Decimal(1)))))[1][0] == "'" + text
    named = replace(SHAPE, keys=(text,))
    assert fields(as_csv(Table(named, (), REPORT)))[0][0] == "'" + text


@pytest.mark.parametrize("text", ['say "no"', "a,b", "a\nb", "病人", "a=b", ""])
def test_other_text_survives(text: str) -> None:
    assert fields(as_csv(table((text, 20, Decimal(1)))))[1][0] == text


def test_json_is_canonical_with_decimals_as_text_and_marks_beside() -> None:
    content = as_json(table(("a", 20, Decimal("12.50")), ("b", HIDDEN, HIDDEN)))
    value = parse(content)
    assert canonical(value) == content
    assert json.loads(content)["rows"] == [
        {"key": ["a"], "values": [20, "12.50"], "marks": [None, None]},
        {"key": ["b"], "values": [None, None], "marks": ["suppressed", "suppressed"]},
    ]
    assert json.loads(content)["report"] == REPORT.as_json()


def test_json_never_holds_an_inexact_integer() -> None:
    rows = json.loads(as_json(table((2**60, 2**53, Decimal(1)))))["rows"]
    assert (rows[0]["key"], rows[0]["values"][0]) == ([str(2**60)], str(2**53))


def test_arrow_keeps_types_and_puts_marks_in_columns_of_their_own() -> None:
    got = arrow(as_arrow(table(("a", 20, Decimal("12.50")), ("b", HIDDEN, HIDDEN))))
    assert got.column_names == ["group", "n", "n__mark", "mean", "mean__mark"]
    assert got.to_pydict() == {
        "group": ["a", "b"],
        "n": [20, None],
        "n__mark": [None, "suppressed"],
        "mean": [Decimal("12.50"), None],
        "mean__mark": [None, "suppressed"],
    }
    assert got.schema.field("n").type == pa.int64()
    assert got.schema.metadata[b"disclosure_report"] == REPORT.body


@pytest.mark.parametrize(
    ("keys", "type_", "shown"),
    [
        ([3, None], pa.int64(), [3, None]),
        ([True, None], pa.bool_(), [True, None]),
        ([dt.date(2026, 1, 1)], pa.date32(), [dt.date(2026, 1, 1)]),
        (
            [dt.datetime.fromisoformat("2026-01-01T08:00:00")],
            pa.timestamp("us"),
            [dt.datetime.fromisoformat("2026-01-01T08:00:00")],
        ),
        ([Decimal("2.5"), Decimal(1), None], pa.decimal128(38, 1), [Decimal("2.5"), Decimal("1.0"), None]),
        (["x", 3], pa.string(), ["x", "3"]),
        ([None], pa.string(), [None]),
        ([], pa.string(), []),
    ],
)
def test_arrow_keys_have_the_type_of_their_column(keys: list[Key], type_: object, shown: list[Key]) -> None:
    got = arrow(as_arrow(table(*((key, 20, Decimal(1)) for key in keys))))
    assert got.schema.field("group").type == type_
    assert got.column("group").to_pylist() == shown


@pytest.mark.parametrize("render", [as_csv, as_json, as_arrow])
def test_an_answer_without_rows_can_be_rendered(render: Any) -> None:
    assert render(Table(SHAPE, (), REPORT))


def test_dates_and_booleans_have_one_spelling() -> None:
    shown = fields(as_csv(table((dt.date(2026, 1, 2), 20, Decimal(1)), (True, 20, Decimal(1)))))
    assert [row[0] for row in shown[1:]] == ["2026-01-02", "true"]


def test_json_names_its_keys_and_measures_with_their_kinds() -> None:
    value = json.loads(as_json(table()))
    assert set(value) == {"keys", "measures", "rows", "report"}
    assert value["keys"] == ["group"]
    assert value["measures"] == [{"name": "n", "kind": "count"}, {"name": "mean", "kind": "mean"}]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000001"), "0.000000001"),
        (dt.date(2024, 3, 1), "2024-03-01"),
        (dt.datetime(2024, 3, 1, 5, 6, 7), "2024-03-01T05:06:07"),  # noqa: DTZ001 - keys carry no zone
        (None, ""),
    ],
)
def test_a_key_of_every_class_has_its_text_in_csv(key: Key, text: str) -> None:
    assert fields(as_csv(table((key, 20, Decimal(1)))))[1] == [text, "20", "1"]


def test_a_large_decimal_has_no_exponent_in_csv() -> None:
    assert fields(as_csv(table(("a", 20, Decimal("1.5E+9")))))[1][2] == "1500000000"
