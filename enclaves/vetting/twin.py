"""Rows to try a model on where no real row is: a file that looks like the data, or a draw from the list's bounds.

Rules:
- A file is CSV or Parquet, read by pyarrow, never by the database; a column is found as `table.column` or by its name. One
  row is one person.
- A draw is uniform within the bounds (of the model, where the list has none) and independent from column to column; whole
  numbers for integer types, the texts a model compares with and one other for text. The same seed gives the same twin.
- Every column counts as sensitive, since a data list does not say which are not: the stricter limits apply.

What a twin cannot show is correlation in the real data; the enclaves measure that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from enclaves.model.column import Column
from enclaves.vetting.bundle import BundleInvalid
from enclaves.vetting.probes import Place
from policies.documents.dataset import ColumnType
from policies.documents.model import Part
from policies.sql import data_list
from policies.sql.column_types import TypeClass
from policies.sql.data_list import DataList, Table

_NO_BOUNDS: Final = (0.0, 1000.0)
# Beyond it, whole numbers are no longer exact as float64.
_WHOLE: Final = 2.0**53
_FIRST_DAY: Final = date(2020, 1, 1).toordinal()
_DAYS: Final = 5 * 365


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list says of the columns of one part: the type of those it names, and which of these are features."""

    types: Mapping[str, ColumnType]
    features: frozenset[str]
    tables: Mapping[str, str]
    """The table each column is in."""


def listed_columns(listed: DataList, part: Part) -> Listed:
    """The part's columns in the list: in the table of its data set, or else in any table of its department."""
    tables = [table for table in listed if table.domain == part.department]
    tables.sort(key=lambda table: table.name != part.dataset)
    found = {name: hit for name in part.columns if (hit := _hit(tables, name)) is not None}
    return Listed(
        types={name: type_of(column) for name, (_, column) in found.items()},
        features=frozenset(name for name, (_, column) in found.items() if column.is_feature),
        tables={name: table.name for name, (table, _) in found.items()},
    )


def _hit(tables: list[Table], name: str) -> tuple[Table, data_list.Column] | None:
    return next(((table, column) for table in tables if (column := table.column(name)) is not None), None)


def type_of(column: data_list.Column) -> ColumnType:
    """A list's type as the catalogue would call it."""
    match column.type.type_class:
        case TypeClass.NUMBER:
            return ColumnType.INTEGER if column.type.is_integer else ColumnType.DECIMAL
        case TypeClass.BOOLEAN:
            return ColumnType.BOOLEAN
        case TypeClass.DATE:
            return ColumnType.DATE
        case TypeClass.TEXT | TypeClass.OTHER:
            return ColumnType.TEXT


def drawn(
    places: Mapping[str, Place],
    bounds: Mapping[str, tuple[float, float]],
    *,
    rows: int,
    generator: np.random.Generator,
) -> dict[str, Column]:
    """Columns of `rows` people who do not exist."""
    known = np.zeros(rows, dtype=np.bool_)
    found = {}
    for name, place in places.items():
        low, high = bounds.get(name, (place.low, place.high))
        match place.type:
            case ColumnType.TEXT:
                texts = np.array([*place.texts, "".join(place.texts) + "."], dtype=object)
                values = texts[generator.integers(0, len(texts), rows)]
            case ColumnType.INTEGER:
                first = int(np.ceil(max(low, -_WHOLE)))
                last = max(first, int(np.floor(min(high, _WHOLE))))
                values = generator.integers(first, last + 1, rows).astype(np.float64)
            case ColumnType.BOOLEAN:
                values = generator.integers(0, 2, rows).astype(np.float64)
            case ColumnType.DATE:
                values = generator.integers(_FIRST_DAY, _FIRST_DAY + _DAYS, rows).astype(np.float64)
            case _:
                values = generator.uniform(low, high, rows)
        found[name] = Column(values, known.copy())
    return found


def bounds_of(listed: DataList, part: Part) -> dict[str, tuple[float, float]]:
    """The list's bounds of the part's columns, where it has some."""
    found = {}
    for name, table_name in listed_columns(listed, part).tables.items():
        table = listed.table(table_name)
        column = table.column(name) if table is not None else None
        if column is not None and column.bounds is not None:
            found[name] = (float(column.bounds.low), float(column.bounds.high))
    return found


def read_table(path: Path) -> pa.Table:
    """A CSV or Parquet file; raises BundleInvalid for anything else."""
    try:
        return parquet.read_table(path) if path.suffix.lower() in {".parquet", ".pq"} else csv.read_csv(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BundleInvalid(f"expected a twin in CSV or Parquet, got {type(error).__name__}") from None


def columns_from(
    table: pa.Table, places: Mapping[str, Place], tables: Mapping[str, str]
) -> dict[str, Column]:
    """The places' columns of a twin file."""
    found = {}
    for name, place in places.items():
        candidates = (f"{tables.get(name, '')}.{name}", name)
        named = next((candidate for candidate in candidates if candidate in table.column_names), None)
        if named is None:
            raise BundleInvalid(f"expected a column `{name}` in the twin, got none")
        found[name] = _column(table.column(named).combine_chunks(), place)
    return found


def _column(cells: pa.Array, place: Place) -> Column:
    missing = cells.is_null().to_numpy(zero_copy_only=False)
    try:
        if place.type is ColumnType.TEXT:
            return Column(np.array(cells.cast(pa.string()).to_pylist(), dtype=object), missing)
        if pa.types.is_temporal(cells.type):
            days = pc.cast(pc.cast(cells, pa.date32()), pa.int32())
            values = pc.fill_null(days, 0).to_numpy(zero_copy_only=False) + date(1970, 1, 1).toordinal()
        else:
            values = pc.fill_null(cells.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    except (pa.ArrowException, ValueError):
        raise BundleInvalid(
            f"expected {place.type.value} in the twin's column `{place.column}`, got another type"
        ) from None
    values = np.asarray(values, dtype=np.float64)
    return Column(np.where(np.isfinite(values), values, 0.0), missing | ~np.isfinite(values))


def default_bounds(bounds: data_list.Bounds | None) -> tuple[float, float]:
    """Bounds of a listed column, or plain ones."""
    return _NO_BOUNDS if bounds is None else (float(bounds.low), float(bounds.high))
