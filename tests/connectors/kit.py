"""Declarations, people and rows that the connector tests share; all invented."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from connectors.sources.schema import arrow_schema
from connectors.store import DomainStore, Pointer
from policies.documents.dataset import (
    BaseLibrary,
    Bounds,
    Column,
    ColumnType,
    Dataset,
    Desensitization,
    Grade,
    SyncFrequency,
    Use,
    Volume,
)
from policies.documents.fields import Bilingual
from policies.resident import check_character

STORE_KEY = bytes(range(32))
PID_KEY = bytes(range(32, 64))
NOW = datetime(2026, 6, 1, 8, 0, 0, tzinfo=UTC)


def resident(number: int) -> str:
    """The n-th invented person, in canonical form."""
    first_17 = f"4403{number // 30000 % 100:02d}19{60 + number % 30:02d}{1 + number % 12:02d}15{number // 30 % 1000:03d}"
    return first_17 + check_character(first_17)


def column(name: str, kind: ColumnType, *, nullable: bool = False, **more: object) -> Column:
    fields = {
        "name": name,
        "type": kind,
        "title": Bilingual(zh=f"{name}列", en=f"the {name}"),
        "grade": Grade.IMPORTANT,
        "sensitive": False,
        "nullable": nullable,
        "uses": (Use.PERSON,) if kind is ColumnType.RESIDENT_ID else (Use.FEATURE,),
    }
    return Column.model_validate({**fields, **more})


RESIDENT = column("resident", ColumnType.RESIDENT_ID)
YEAR = column("year", ColumnType.INTEGER, bounds=Bounds(low="2000", high="2030"))
COST = column("cost", ColumnType.DECIMAL, nullable=True, bounds=Bounds(low="0", high="1000000"))
SEX = column("sex", ColumnType.TEXT, nullable=True, categories=("female", "male"))
INSURED = column("insured", ColumnType.BOOLEAN, nullable=True)
SEEN = column("seen", ColumnType.DATE, nullable=True)
NOTE = column("note", ColumnType.TEXT, nullable=True)
VISITS = (RESIDENT, YEAR, COST, SEX, INSURED, SEEN, NOTE)


def declare(columns: Sequence[Column] = VISITS, **more: object) -> Dataset:
    """A declaration of yearly visits: several rows a person unless `more` says otherwise."""
    fields = {
        "id": "visits",
        "version": 1,
        "owner": "health",
        "name": Bilingual(zh="就诊", en="visits"),
        "format": "CSV",
        "source": Bilingual(zh="医院", en="hospital system"),
        "library": BaseLibrary.POPULATION,
        "grade": Grade.IMPORTANT,
        "personal": True,
        "source_frequency": SyncFrequency.DAILY,
        "sync_frequency": SyncFrequency.MONTHLY,
        "volume": Volume(rows=300, persons=100),
        "desensitization": Desensitization(
            method=Bilingual(zh="去标识", en="pseudonyms"), performed_at="2026-01-01T00:00:00Z"
        ),
        "columns": tuple(columns),
        "row_key": ("resident", "year"),
        "person_column": "resident",
        "order_column": "year",
    }
    return Dataset.model_validate({**fields, **more})


def one_row_each(columns: Sequence[Column] = (RESIDENT, COST, SEX)) -> Dataset:
    return declare(columns, id="persons", row_key=("resident",), order_column=None)


def table(dataset: Dataset, rows: Sequence[Sequence[object]]) -> pa.Table:
    """Rows, given in declared column order, in the declared schema."""
    schema = arrow_schema(dataset)
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema=schema
    )


def visits(persons: int, *, seed: int = 1) -> list[tuple[object, ...]]:
    """Two or three years for each of `persons` people, in random order, some cells empty."""
    dice = random.Random(seed)
    rows: list[tuple[object, ...]] = [
        (
            resident(number),
            year,
            None if dice.random() < 0.2 else round(dice.uniform(0, 9000), 2),
            dice.choice(("female", "male", None)),
            dice.choice((True, False, None)),
            date(year, 1 + number % 12, 1 + number % 28),
            dice.choice(("=1+1", "plain", "")),
        )
        for number in range(persons)
        for year in (2023, 2024, 2025)
        if year != 2024 or dice.random() < 0.6
    ]
    dice.shuffle(rows)
    return rows


def open_store(directory: Path, **more: str) -> DomainStore:
    return DomainStore(directory, store_key=STORE_KEY, pid_key=PID_KEY, **more)


def fill(store: DomainStore, dataset: Dataset, rows: pa.Table, *, now: datetime = NOW) -> Pointer:
    """Publish `rows` as the current snapshot without going through a source file."""
    with store.writer(dataset) as writer:
        for batch in rows.to_batches(max_chunksize=1000):
            writer.add(batch)
        return store.publish(writer.seal(), now=now)
