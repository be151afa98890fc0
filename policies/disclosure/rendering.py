"""The released table as bytes: CSV for people, canonical JSON for signatures, Arrow for programs.

- A withheld value is the word `suppressed` in CSV, `null` with its mark beside it in JSON and Arrow (`<name>__mark`), so that
  nobody takes it for zero or for missing.
- Decimals travel as text in JSON, as decimal128 in Arrow; nowhere as floats.
- CSV (RFC 4180, UTF-8): text that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe in front, so that no
  spreadsheet runs it. Numbers are ours and keep their sign.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from policies.disclosure.cells import Key, Kind
from policies.disclosure.presenting import Table
from policies.disclosure.release import Mark, Row, Value
from policies.documents.strict_json import Json, canonical

MARK_SUFFIX: Final = "__mark"
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_PRECISION: Final = 38
_COUNTS: Final = frozenset({Kind.COUNT, Kind.PERSONS})


def as_csv(table: Table) -> bytes:
    """RFC 4180 with a header; NULL is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in _names(table)])
    for row in table.rows:
        writer.writerow([_field(part) for part in (*row.key, *row.values)])
    return text.getvalue().encode()


def as_json(table: Table) -> bytes:
    """RFC 8785 JSON: columns, rows as `{key, values, marks}`, and the report."""
    return canonical(
        {
            "keys": list(table.shape.keys),
            "measures": [
                {"name": measure.name, "kind": measure.kind.value} for measure in table.shape.measures
            ],
            "rows": [_row(row) for row in table.rows],
            "report": table.report.as_json(),
        }
    )


def as_arrow(table: Table) -> bytes:
    """An Arrow IPC stream: the columns by name and, behind each measure, its mark; the report as schema metadata."""
    columns: dict[str, Any] = {}
    for place, name in enumerate(table.shape.keys):
        columns[name] = _arrow_keys([row.key[place] for row in table.rows])
    for place, measure in enumerate(table.shape.measures):
        values = [row.values[place] for row in table.rows]
        columns[measure.name] = _arrow_numbers(values, counts=measure.kind in _COUNTS)
        marks = [value.value if isinstance(value, Mark) else None for value in values]
        columns[measure.name + MARK_SUFFIX] = pa.array(marks, pa.string())
    content = pa.table(columns).replace_schema_metadata({"disclosure_report": table.report.body})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)
    return bytes(sink.getvalue())


def _names(table: Table) -> tuple[str, ...]:
    return table.shape.keys + tuple(measure.name for measure in table.shape.measures)


def _row(row: Row) -> Json:
    return {
        "key": [_json(part) for part in row.key],
        "values": [None if isinstance(value, Mark) else _json(value) for value in row.values],
        "marks": [value.value if isinstance(value, Mark) else None for value in row.values],
    }


def _json(value: Key | Value) -> Json:
    match value:
        case Decimal():
            return format(value, "f")
        case dt.date():
            return value.isoformat()
        case Mark():
            return value.value
        case _:
            # Wider than JSON's exact integers: as text, like every number that does not fit.
            return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def _field(value: Key | Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return _safe(value)
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case Mark():
            return value.value
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_RISKY) else text


def _arrow_keys(keys: Sequence[Key]) -> Any:
    """A column of keys of one class; mixed classes become text."""
    kinds = {type(key) for key in keys if key is not None}
    for kind, arrow in (
        (bool, pa.bool_()),
        (int, pa.int64()),
        (dt.date, pa.date32()),
        (dt.datetime, pa.timestamp("us")),
    ):
        if kinds == {kind}:
            return pa.array(keys, arrow)
    if kinds == {Decimal}:
        return _arrow_numbers([key for key in keys if isinstance(key, Decimal) or key is None], counts=False)
    return pa.array([None if key is None else str(_json(key)) for key in keys], pa.string())


def _arrow_numbers(values: Sequence[Value | None], *, counts: bool) -> Any:
    known = [None if isinstance(value, Mark) else value for value in values]
    if counts:
        return pa.array(known, pa.int64())
    decimals = [None if value is None else Decimal(value) for value in known]
    scale = max(
        (max(0, -int(value.as_tuple().exponent)) for value in decimals if value is not None), default=0
    )
    return pa.array(decimals, pa.decimal128(_PRECISION, min(scale, _PRECISION)))
