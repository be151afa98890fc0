"""Dummy twins: tables that look like a data set and were made from its declaration alone.

Rules:
- Nothing but the declaration and the seed goes in: bounds, categories, types, names. No data set is ever read here.
- A twin passes the checks of its own declaration, so that whatever reads the data reads the twin.
- Its people are recognizably invented: their resident numbers have the administrative code 999999, which does not exist,
  and a matching check character.

The same seed gives the same twin. What is not declared is drawn from plain ranges that say so below.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.errors import ConnectorError
from connectors.sources.cells import limits
from connectors.sources.schema import arrow_schema, may_be_null
from policies.documents.dataset import Bounds, Column, ColumnType, Dataset
from policies.resident import check_character

NO_SUCH_PLACE: Final = "999999"
MAX_ROWS: Final = 1_000_000
# Where a number has no declared bounds.
_PLAIN: Final = Bounds(low="0", high="1000")
_FIRST_DAY: Final = date(2020, 1, 1)
_DAYS: Final = 5 * 365
_BIRTHS: Final = date(1940, 1, 1)
_BIRTH_DAYS: Final = 70 * 365
_NULL_SHARE: Final = 0.05
_ROUNDS: Final = 8
_PLACES: Final = 2


class TwinRefused(ConnectorError):
    """A twin that cannot be made as asked."""

    code = "twin_refused"


def dummy_twin(dataset: Dataset, *, rows: int, seed: int) -> pa.Table:
    """A table of the declared schema with at most `rows` rows.

    Fewer come back only where the declared categories and bounds of the row key do not allow so many different keys.
    """
    if not 0 <= rows <= MAX_ROWS:
        raise TwinRefused(f"expected 0 to {MAX_ROWS} rows, got {rows}")
    generator = np.random.Generator(np.random.PCG64(seed))
    table = arrow_schema(dataset).empty_table()
    people = _people(dataset, rows, generator)
    # Row keys must differ: draw, keep the first of each key, and draw what is missing a few times more.
    for _ in range(_ROUNDS):
        if table.num_rows >= rows:
            break
        drawn = _draw(dataset, people, count=rows - table.num_rows, generator=generator)
        table = _distinct(pa.concat_tables([table, drawn]), dataset)
    return table


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a twin in the form `connectors.sources.csv` reads."""
    with path.open("wb") as file:
        arrow_csv.write_csv(table, file, arrow_csv.WriteOptions(quoting_style="needed"))


def _people(dataset: Dataset, rows: int, generator: np.random.Generator) -> list[str]:
    """Distinct invented numbers: one a row, or as many as the declared rows per person give."""
    if not dataset.personal:
        return []
    count = rows
    if not dataset.one_row_per_person and dataset.volume.persons:
        count = max(1, min(rows, rows * dataset.volume.persons // max(1, dataset.volume.rows)))
    # 999 numbers fit a day of birth; picking among all of them without replacement keeps people distinct.
    picks = generator.choice(_BIRTH_DAYS * 999, size=count, replace=False)
    people = []
    for pick in picks.tolist():
        born = _BIRTHS + timedelta(days=pick // 999)
        first_17 = f"{NO_SUCH_PLACE}{born:%Y%m%d}{pick % 999 + 1:03d}"
        people.append(first_17 + check_character(first_17))
    return people


def _draw(dataset: Dataset, people: list[str], *, count: int, generator: np.random.Generator) -> pa.Table:
    columns = []
    for column in dataset.columns:
        if column.name == dataset.person_column:
            chosen = (
                generator.permutation(len(people))[:count]
                if dataset.one_row_per_person
                else generator.integers(0, len(people), count)
            )
            columns.append(pa.array([people[index] for index in chosen.tolist()], pa.string()))
            continue
        cells = _cells(column, count, generator)
        if may_be_null(dataset, column):
            empty = pa.array(generator.random(count) < _NULL_SHARE)
            cells = pc.if_else(empty, pa.scalar(None, cells.type), cells)
        columns.append(cells)
    return pa.Table.from_arrays(columns, schema=arrow_schema(dataset))


def _cells(column: Column, count: int, generator: np.random.Generator) -> pa.Array:
    if column.categories is not None and column.type is not ColumnType.DECIMAL:
        picks = generator.integers(0, len(column.categories), count)
        chosen = pa.array(column.categories).take(pa.array(picks))
        if column.type is ColumnType.TEXT:
            return chosen
        return chosen.cast(pa.int64() if column.type is ColumnType.INTEGER else pa.date32())
    match column.type:
        case ColumnType.INTEGER:
            low, high = limits(column.bounds or _PLAIN, ColumnType.INTEGER)
            return pa.array(generator.integers(int(low), int(high), count, endpoint=True))
        case ColumnType.DECIMAL:
            return _decimals(column.bounds or _PLAIN, count, generator)
        case ColumnType.BOOLEAN:
            return pa.array(generator.random(count) < 0.5)
        case ColumnType.DATE:
            first = _FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()
            days = generator.integers(first, first + _DAYS, count, dtype=np.int32)
            return pa.array(days, pa.int32()).cast(pa.date32())
        case _:
            words = generator.integers(0, 10**9, count)
            return pa.array([f"{column.name}-{word}" for word in words.tolist()], pa.string())


def _decimals(bounds: Bounds, count: int, generator: np.random.Generator) -> pa.Array:
    """Two places, kept inside the bounds where rounding would step over them."""
    low, high = float(Decimal(bounds.low)), float(Decimal(bounds.high))
    values = np.round(generator.uniform(low, high, count), _PLACES)
    return pa.array(np.clip(values, low, high))


def _distinct(table: pa.Table, dataset: Dataset) -> pa.Table:
    numbered = table.append_column("__row", pa.array(np.arange(table.num_rows)))
    first = numbered.group_by(list(dataset.row_key)).aggregate([("__row", "min")]).column("__row_min")
    return table.take(first.take(pc.sort_indices(first))).combine_chunks()
