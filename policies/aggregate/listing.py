"""The data list of one domain as the SQL gate reads it, from the signed documents alone.

- A table is a personal data set under its id; its columns are the lines of the scenario's list, with their uses. Nothing else
  exists.
- Types, bounds and the person key are those of the data set document the scenario cites, so coordinator, enclave and gate read
  a statement against the same list and come to the same verdict.
- How many rows one person can have bounds what one person can add: one where the row key is the person; where the key is
  person and order column, the declared span of that column; else `DEFAULT_ROWS_PER_PERSON`. Whoever has more is clipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from policies.documents.authorization import ListedColumn, Scenario
from policies.documents.dataset import Column, ColumnType, Dataset
from policies.sql.data_list import DataList

DEFAULT_ROWS_PER_PERSON: Final = 16
MAX_ROWS_PER_PERSON: Final = 366
ENGINE_TYPES: Final[Mapping[ColumnType, str]] = MappingProxyType(
    {
        ColumnType.INTEGER: "BIGINT",
        ColumnType.DECIMAL: "DOUBLE",
        ColumnType.TEXT: "VARCHAR",
        ColumnType.BOOLEAN: "BOOLEAN",
        ColumnType.DATE: "DATE",
        # Persons stand under their number within the domain, never under an identifier.
        ColumnType.RESIDENT_ID: "BIGINT",
    }
)


@lru_cache(maxsize=256)
def data_list_of(scenario: Scenario, datasets: tuple[Dataset, ...], department: str) -> DataList:
    """The list of `department` under `scenario`; `datasets` are the documents the scenario cites."""
    held = [
        dataset
        for dataset in sorted(datasets, key=lambda item: item.id)
        if dataset.owner == department and dataset.person_column is not None
    ]
    tables = [_table(dataset, scenario.data_list) for dataset in held]
    listed = DataList.read(json.dumps({"tables": tables}, ensure_ascii=False).encode())
    # The list as a file does not say it; the declaration does, and then rows count persons.
    return DataList(
        tuple(
            replace(table, one_row_per_person=dataset.one_row_per_person)
            for table, dataset in zip(listed.tables, held, strict=True)
        )
    )


def rows_per_person(dataset: Dataset) -> int:
    """The most rows of one person that count."""
    if dataset.one_row_per_person:
        return 1
    order = None if dataset.order_column is None else dataset.column(dataset.order_column)
    if order is None or set(dataset.row_key) != {dataset.person_column, order.name} or order.bounds is None:
        return DEFAULT_ROWS_PER_PERSON
    if order.type is not ColumnType.INTEGER:
        return DEFAULT_ROWS_PER_PERSON
    span = int(Decimal(order.bounds.high)) - int(Decimal(order.bounds.low)) + 1
    return min(max(span, 1), MAX_ROWS_PER_PERSON)


def _table(dataset: Dataset, listed: Iterable[ListedColumn]) -> dict[str, object]:
    uses: dict[str, list[str]] = {}
    for line in listed:
        if (line.department, line.dataset) == (dataset.owner, dataset.id):
            uses.setdefault(line.column, []).append(line.use.value)
    # Persons are counted whether or not their column is listed; that it must be listed the decision says by name.
    held = [
        column for column in dataset.columns if column.name in uses or column.name == dataset.person_column
    ]
    columns = [_column(column, uses.get(column.name, [])) for column in held]
    return {
        "name": dataset.id,
        "domain": dataset.owner,
        "person_key": dataset.person_column,
        "rows": dataset.volume.rows,
        "columns": columns,
    }


def _column(column: Column, uses: list[str]) -> dict[str, object]:
    described: dict[str, object] = {
        "name": column.name,
        "type": ENGINE_TYPES[column.type],
        "uses": uses,
    }
    if column.bounds is not None:
        described["bounds"] = [_number(column.bounds.low), _number(column.bounds.high)]
    return described


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
