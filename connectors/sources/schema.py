"""The Arrow shape of a declared data set, and which foreign types may be read into it.

Rules:
- A source holds exactly the declared columns, each once, in any order.
- A column may be widened (int32 to int64, float32 to float64), never narrowed or parsed from another type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pyarrow as pa
from pyarrow import types as kinds

from connectors.errors import SourceRefused
from policies.documents.dataset import Column, ColumnType, Dataset

ARROW_TYPES: Final[Mapping[ColumnType, pa.DataType]] = MappingProxyType(
    {
        ColumnType.INTEGER: pa.int64(),
        ColumnType.DECIMAL: pa.float64(),
        ColumnType.TEXT: pa.string(),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.DATE: pa.date32(),
        ColumnType.RESIDENT_ID: pa.string(),
    }
)
# What a message calls a type; also the rule a text of it has to fit.
WORDS: Final[Mapping[ColumnType, str]] = MappingProxyType(
    {
        ColumnType.INTEGER: "an integer of at most 18 digits",
        ColumnType.DECIMAL: "a finite decimal number",
        ColumnType.TEXT: "UTF-8 text",
        ColumnType.BOOLEAN: "true, false, 1 or 0",
        ColumnType.DATE: "a calendar date such as 2026-01-31",
        ColumnType.RESIDENT_ID: "a resident identity number (GB 11643)",
    }
)


def arrow_schema(dataset: Dataset) -> pa.Schema:
    """Fields in declared order; `nullable` as declared, never for key and person columns."""
    return pa.schema(
        [
            pa.field(column.name, ARROW_TYPES[column.type], nullable=may_be_null(dataset, column))
            for column in dataset.columns
        ]
    )


def may_be_null(dataset: Dataset, column: Column) -> bool:
    """Row keys and the person column identify, so they are never empty, whatever the declaration says."""
    return column.nullable and column.name not in dataset.row_key and column.name != dataset.person_column


def check_names(names: Sequence[str], dataset: Dataset, *, file: str) -> None:
    """Raise `SourceRefused` unless `names` are the declared columns.

    An undeclared name is not quoted: in a file without a header it is a value of the first row.
    """
    declared = {column.name for column in dataset.columns}
    for position, name in enumerate(names, start=1):
        if name not in declared:
            raise SourceRefused(file, f"expected a declared name for column {position}, got another name")
        if name in names[: position - 1]:
            raise SourceRefused(file, "expected each column once, got it twice", column=name)
    for column in dataset.columns:
        if column.name not in names:
            raise SourceRefused(file, "expected the column, got none", column=column.name)


def _is_text(kind: pa.DataType) -> bool:
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _is_integer(kind: pa.DataType) -> bool:
    # uint64 does not fit int64; null stands for a column without any value.
    return bool(kinds.is_integer(kind) and not kinds.is_uint64(kind)) or bool(kinds.is_null(kind))


def _is_number(kind: pa.DataType) -> bool:
    return _is_integer(kind) or bool(kinds.is_floating(kind) or kinds.is_decimal(kind))


_READABLE: Final[Mapping[ColumnType, Callable[[pa.DataType], bool]]] = MappingProxyType(
    {
        ColumnType.INTEGER: _is_integer,
        ColumnType.DECIMAL: _is_number,
        ColumnType.TEXT: lambda kind: _is_text(kind) or kinds.is_null(kind),
        ColumnType.BOOLEAN: lambda kind: kinds.is_boolean(kind) or kinds.is_null(kind),
        ColumnType.DATE: lambda kind: kinds.is_date32(kind) or kinds.is_null(kind),
        ColumnType.RESIDENT_ID: _is_text,
    }
)


def check_types(schema: pa.Schema, dataset: Dataset, *, file: str) -> None:
    """Raise `SourceRefused` unless every column of `schema` can be read into its declared type."""
    for column in dataset.columns:
        kind = schema.field(column.name).type
        if not _READABLE[column.type](kind):
            raise SourceRefused(file, f"expected type {column.type}, got {_plain(kind)}", column=column.name)


def _plain(kind: pa.DataType) -> str:
    """The bare name of a type, without parameters: `timestamp[us, tz=…]` is a `timestamp`."""
    return str(kind).partition("[")[0].partition("<")[0].partition("(")[0][:40]
