"""What the policy bench asks: two timed questions, and many legitimate ones for the speed of the gate.

All are over the tables of `people`; the data list is the one a scenario would list, every column with its declared uses.
"""

# ruff: noqa: S608 - questions are made of this file's own words, and asked of the gate.
from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from enclaves.bench.people import DISTRICTS, PEOPLE, VISITS
from policies.aggregate.listing import ENGINE_TYPES
from policies.documents.dataset import Dataset
from policies.sql.data_list import DataList


@dataclass(frozen=True, slots=True)
class Question:
    """A timed question over one table."""

    table: str
    sql: str


# Of visits one year, and of people no distinct persons: counting them takes more than the 2 GB of a reader, and of plain DuckDB
# beside it, from some 20 million pairs of cell and person on.
TIMED: Final = (
    Question(
        PEOPLE,
        "SELECT district, sex, COUNT(*) AS n, SUM(income) AS earned, COUNT(*) FILTER (WHERE insured) AS covered "
        "FROM people WHERE age >= 18 GROUP BY district, sex "
        "ORDER BY earned DESC LIMIT 100",
    ),
    Question(
        VISITS,
        "SELECT district, sex, COUNT(*) AS n, COUNT(DISTINCT person) AS persons, SUM(cost) AS spent "
        "FROM visits WHERE year = 2025 GROUP BY district, sex "
        "HAVING COUNT(DISTINCT person) >= 20 ORDER BY spent DESC LIMIT 100",
    ),
)

_FIGURES: Final = (
    "COUNT(*) AS n",
    "COUNT(DISTINCT person) AS persons",
    "SUM({measure}) AS total, COUNT(*) AS n",
    "ROUND(AVG({measure}), 2) AS mean",
    "COUNT(*) AS n, COUNT(*) FILTER (WHERE {flag}) AS some",
    "SUM(CASE WHEN {flag} THEN {measure} ELSE 0 END) AS part, SUM({measure}) AS whole",
    "STDDEV_SAMP({measure}) AS spread, COUNT(DISTINCT person) AS persons",
)
_TAILS: Final = (
    "FROM {table} WHERE {number} BETWEEN {low} AND {high} GROUP BY district ORDER BY district",
    "FROM {table} WHERE sex = 'F' AND NOT {flag} GROUP BY district HAVING COUNT(DISTINCT person) >= 20",
    "FROM {table} WHERE district IN ('district 01', 'district 02') OR {flag} GROUP BY district LIMIT 20",
)
_COLUMNS: Final = (
    {"table": PEOPLE, "measure": "income", "flag": "insured", "number": "age", "low": "18", "high": "65"},
    {
        "table": VISITS,
        "measure": "cost",
        "flag": "emergency",
        "number": "year",
        "low": "2023",
        "high": "2025",
    },
)
LEGITIMATE: Final = tuple(
    f"SELECT district, {figures} {tail}".format_map(columns)
    for columns in _COLUMNS
    for figures in _FIGURES
    for tail in _TAILS
)
"""Questions that the gate allows, of the forms partners ask."""


def one_kilobyte(number: int) -> str:
    """The `number`th legitimate question with a long list of values, of about 1,000 characters."""
    places = ", ".join(f"'{DISTRICTS[i % len(DISTRICTS)]}'" for i in range(56))
    cut = number % 80 + 1
    return (
        f"SELECT district, COUNT(*) AS n, SUM(income) AS earned FROM people WHERE age >= {cut} "
        f"AND district IN ({places}) GROUP BY district ORDER BY n DESC"
    )


def list_json(*datasets: Dataset) -> bytes:
    """The data list of `datasets` as LIST.json."""
    tables = [
        {
            "name": dataset.id,
            "domain": dataset.owner,
            "person_key": dataset.person_column,
            "rows": dataset.volume.rows,
            "columns": [
                {
                    "name": column.name,
                    "type": ENGINE_TYPES[column.type],
                    "uses": [use.value for use in column.uses],
                    **(
                        {"bounds": [int(column.bounds.low), int(column.bounds.high)]}
                        if column.bounds is not None
                        else {}
                    ),
                }
                for column in dataset.columns
            ],
        }
        for dataset in datasets
    ]
    return json.dumps({"tables": tables}).encode()


def data_list(*datasets: Dataset) -> DataList:
    """The data list of `datasets`, with what their keeper declares of rows and persons."""
    listed = DataList.read(list_json(*datasets))
    one_row = {dataset.id for dataset in datasets if dataset.one_row_per_person}
    return DataList(tuple(replace(t, one_row_per_person=t.name in one_row) for t in listed))
