"""A small real domain for tests: residents, a declared data set, an encrypted snapshot, and plain reference scoring."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from connectors.store import DomainStore
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
from policies.documents.model import Feature, LatestRow, LinearPart, PartHead, Transform
from policies.resident import check_character

STORE_KEY, PID_KEY = hashlib.sha256(b"store").digest(), hashlib.sha256(b"pid").digest()
NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
YEARS = (2023, 2024, 2025)
GRID = "0.05"


def both(text: str) -> Bilingual:
    return Bilingual(zh=text, en=text)


def resident(number: int) -> str:
    """The n-th test person, canonical."""
    first = f"330102{1950 + number % 50}{1 + number % 12:02d}{1 + number % 28:02d}{number % 1000:03d}"
    return first + check_character(first)


def dataset(department: str) -> Dataset:
    def column(name: str, kind: ColumnType, *uses: Use, nullable: bool = False) -> Column:
        bounds = Bounds(low="0", high="100000") if kind is ColumnType.DECIMAL else None
        return Column(
            name=name,
            type=kind,
            title=both(name),
            grade=Grade.GENERAL,
            sensitive=False,
            nullable=nullable,
            uses=uses,
            bounds=bounds,
        )

    return Dataset(
        id=f"{department}-rows",
        version=1,
        owner=department,
        name=both("rows"),
        format="csv",
        source=both("source"),
        library=BaseLibrary.POPULATION,
        grade=Grade.GENERAL,
        personal=True,
        source_frequency=SyncFrequency.YEARLY,
        sync_frequency=SyncFrequency.YEARLY,
        volume=Volume(rows=100, persons=40),
        desensitization=Desensitization(method=both("none"), performed_at="2026-01-01T00:00:00Z"),
        columns=(
            column("person", ColumnType.RESIDENT_ID, Use.PERSON),
            column("year", ColumnType.INTEGER, Use.FILTER),
            column("amount", ColumnType.DECIMAL, Use.FEATURE, nullable=True),
            column("visits", ColumnType.INTEGER, Use.FEATURE),
            column("sex", ColumnType.TEXT, Use.FEATURE, nullable=True),
        ),
        row_key=("person", "year"),
        person_column="person",
        order_column="year",
    )


@dataclass(frozen=True)
class Row:
    person: str
    year: int
    amount: float | None
    visits: int
    sex: str | None


def rows(numbers: range, seed: str) -> list[Row]:
    """Two or three years of made-up values for each person; a tenth of the values missing."""
    dice = random.Random(seed)
    return [
        Row(
            resident(number),
            year,
            None if dice.random() < 0.1 else round(dice.uniform(0, 5000), 2),
            dice.randrange(30),
            dice.choice(("F", "M", None)),
        )
        for number in numbers
        for year in YEARS
        if year != 2025 or dice.random() < 0.7
    ]


def batch_of(held: list[Row]) -> pa.RecordBatch:
    """The rows as a source brings them."""
    return pa.record_batch(
        {
            "person": pa.array([row.person for row in held], pa.string()),
            "year": pa.array([row.year for row in held], pa.int64()),
            "amount": pa.array([row.amount for row in held], pa.float64()),
            "visits": pa.array([row.visits for row in held], pa.int64()),
            "sex": pa.array([row.sex for row in held], pa.string()),
        }
    )


def build(directory: Path, declared: Dataset, held: list[Row]) -> DomainStore:
    """An encrypted store with one snapshot of `held`."""
    store = DomainStore(directory, store_key=STORE_KEY, pid_key=PID_KEY)
    with store.writer(declared) as writer:
        writer.add(batch_of(held))
        store.publish(writer.seal(), now=NOW)
    return store


def part(department: str, weights: tuple[str, str, str] = ("0.4", "-0.12", "0.9")) -> LinearPart:
    amount, visits, sex = weights
    return LinearPart(
        id=f"part-{department}",
        department=department,
        dataset=f"{department}-rows",
        row=LatestRow(up_to=2024),
        features=(
            Feature(
                column="amount", transform=Transform.LOG1P, weight=amount, low="0", high="4000", fill="700"
            ),
            Feature(column="visits", weight=visits, low="1", high="20", fill="3"),
            Feature(
                column="sex",
                transform=Transform.EQUALS,
                equals="F",
                weight=sex,
                low="0",
                high="1",
                fill="0.5",
            ),
        ),
    )


def head(linear: LinearPart, *, default: int = 7, low: int = -60, high: int = 60) -> PartHead:
    return PartHead(
        department=linear.department,
        dataset=linear.dataset,
        digest=linear.digest,
        default=default,
        low=low,
        high=high,
    )


def reference_units(person: str, held: list[Row], linear: LinearPart, public: PartHead) -> int:
    """One partial in plain Python: the latest row up to the year, or the default."""
    up_to = linear.row.up_to if linear.row else max(YEARS)
    own = [row for row in held if row.person == person and row.year <= up_to]
    if not own:
        return public.default
    latest = max(own, key=lambda row: row.year)
    total = 0.0
    for feature in linear.features:
        value = getattr(latest, feature.column)
        if feature.equals is not None and value is not None:
            value = 1.0 if value == feature.equals else 0.0
        number = float(feature.fill) if value is None else float(value)
        number = min(max(number, float(feature.low)), float(feature.high))
        if feature.transform is Transform.LOG1P:
            number = math.log1p(number)
        total += float(feature.weight) * number
    return min(max(round(total / float(Decimal(GRID))), public.low), public.high)
