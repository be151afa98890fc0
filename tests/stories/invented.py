"""Invented residents for a district that is killed and started again, and what their bands must be.

Three files in the form the demo's declarations ask for, some people missing from one of them, some cells empty, several
years a person. `reference_bands` computes the bands again from the files alone, with NumPy and none of the product's
arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from policies.documents.dataset import Column, ColumnType, Dataset
from policies.documents.fields import Bilingual
from policies.documents.model import LinearPart, Model, PartHead, Transform
from policies.resident import check_character
from sandbox.demo import declarations, partner
from sandbox.demo.partner import FEATURES, FittedModel, Spec
from sandbox.demo.rand import CUT_YEAR, Sources

PERSONS = 400
BANDS = 4
LEVELS = 33
YEARS = ((1, 2, 3), (1,), (2, 3), (1, 2))
"""Which years a person has rows of, by rank; all have one before the cut."""


@dataclass(frozen=True, slots=True)
class Files:
    """One file a department."""

    hospital: Path
    social_insurance: Path
    health_insurance: Path

    def tables(self) -> dict[str, Any]:
        """Each department's rows as it brought them."""
        return {
            "hospital": pa.parquet.read_table(self.hospital),
            "social-insurance": pa.csv.read_csv(
                self.social_insurance,
                convert_options=pa.csv.ConvertOptions(column_types={"person": pa.string()}),
            ),
            "health-insurance": pa.feather.read_table(self.health_insurance),
        }


def persons() -> list[str]:
    """Resident IDs under an administrative code that does not exist."""
    first = [
        f"999999{date(1950, 1, 1) + timedelta(days=37 * rank):%Y%m%d}{rank:03d}" for rank in range(PERSONS)
    ]
    return [number + check_character(number) for number in first]


def write_files(directory: Path, rng: np.random.Generator) -> tuple[Files, Sources]:
    """Write the three files; `Sources` is the same in the demo's words."""
    directory.mkdir(parents=True)
    files = Files(directory / "visits.parquet", directory / "insured.csv", directory / "plans.arrow")
    tables = {
        department: _table(dataset, rng, absent=13 + place)
        for place, (department, dataset) in enumerate(
            sorted(declarations.datasets(datetime.now(UTC)).items())
        )
    }
    pa.parquet.write_table(tables["hospital"], files.hospital)
    pa.csv.write_csv(tables["social-insurance"], files.social_insurance)
    pa.feather.write_feather(tables["health-insurance"], files.health_insurance, compression="uncompressed")
    none = directory / "none"
    sources = Sources(
        hospital=files.hospital,
        social_insurance=files.social_insurance,
        health_insurance=files.health_insurance,
        customers=none,
        next_year=none,
        persons=PERSONS,
        applicants=tuple(persons()),
    )
    return files, sources


def invented_model(files: Files, rng: np.random.Generator, *, scenario: str) -> FittedModel:
    """A model whose features weigh about the same, cut into bands of about equal size."""
    weights = [_weight(spec, rng) for spec in FEATURES]

    def with_cuts(cuts: Any) -> FittedModel:
        return partner.assemble(
            FEATURES,
            weights,
            scenario=scenario,
            intercept=7,
            cut_points=cuts,
            title=Bilingual(zh="虚构模型", en="An invented model"),
        )

    draft = with_cuts(np.array([0.14]))
    totals = np.array(list(_totals(files, draft.head, draft.parts).values()), dtype=np.float64)
    return with_cuts(np.quantile(totals, np.arange(1, BANDS) / BANDS) * float(partner.GRID))


def reference_bands(files: Files, fitted: FittedModel) -> dict[str, int]:
    """Person → band, from the files."""
    cuts = fitted.head.cut_points
    return {
        person: sum(cut <= total for cut in cuts)
        for person, total in _totals(files, fitted.head, fitted.parts).items()
    }


def _totals(files: Files, head: Model, parts: tuple[LinearPart, ...]) -> dict[str, int]:
    totals = dict.fromkeys(persons(), head.intercept)
    tables = files.tables()
    for part in parts:
        part_head = next(h for h in head.parts if h.department == part.department)
        units = _units(tables[part.department], part, part_head, grid=float(head.grid))
        for person in totals:
            totals[person] += units.get(person, part_head.default)
    return totals


def _units(table: Any, part: LinearPart, head: PartHead, *, grid: float) -> Mapping[str, int]:
    """Each person's grid units from the latest row before the cut."""
    latest: dict[str, tuple[int, int]] = {}
    for row, (person, year) in enumerate(
        zip(table["person"].to_pylist(), table["year"].to_pylist(), strict=True)
    ):
        if year < CUT_YEAR:
            latest[person] = max(latest.get(person, (0, 0)), (year, row))
    rows = np.array([row for _, row in latest.values()])
    score = np.zeros(len(rows))
    for feature in part.features:
        cells = [table[feature.column].to_pylist()[row] for row in rows]
        if feature.equals is not None:
            cells = [None if cell is None else float(cell == feature.equals) for cell in cells]
        values = np.array([float(feature.fill) if cell is None else float(cell) for cell in cells])
        values = np.minimum(np.maximum(values, float(feature.low)), float(feature.high))
        score += float(feature.weight) * (
            np.log1p(values) if feature.transform is Transform.LOG1P else values
        )
    units = np.minimum(np.maximum(np.rint(score / grid), head.low), head.high)
    return {person: int(unit) for person, unit in zip(latest, units, strict=True)}


def _weight(spec: Spec, rng: np.random.Generator) -> Decimal:
    low, high = float(spec.low), float(spec.high)
    width = float(np.log1p(high) - np.log1p(low)) if spec.transform is Transform.LOG1P else high - low
    # A column of two values spreads about twice as far as an even one of the same width; vetting looks at the spread.
    share = 0.5 if width == 1 else 1.0
    return Decimal(f"{share * rng.choice((-1, 1)) * rng.uniform(3, 5) / width:.6f}")


def _table(dataset: Dataset, rng: np.random.Generator, *, absent: int) -> Any:
    """Rows of everybody but each `absent`-th person, in no order."""
    keys = [
        (person, year)
        for rank, person in enumerate(persons())
        if rank % absent
        for year in YEARS[rank % len(YEARS)]
    ]
    keys = [keys[place] for place in rng.permutation(len(keys))]
    fixed = {"person": pa.array([person for person, _ in keys], pa.string())}
    fixed["year"] = pa.array([year for _, year in keys], pa.int64())
    return pa.table(
        {column.name: fixed.get(column.name) or _cells(column, rng, len(keys)) for column in dataset.columns}
    )


def _drawn(low: float, high: float, rng: np.random.Generator, count: int) -> Any:
    """Values of a few levels: among so few people a column of many would be taken for an identifier (V1)."""
    return low + (high - low) * rng.integers(0, LEVELS, count) / (LEVELS - 1)


def _cells(column: Column, rng: np.random.Generator, count: int) -> Any:
    if column.type is ColumnType.TEXT:
        return pa.array(rng.choice(column.categories or (), count).tolist(), pa.string())
    assert column.bounds is not None
    low, high = float(column.bounds.low), float(column.bounds.high)
    if column.type is ColumnType.INTEGER:
        cells: list[float | int | None] = np.rint(_drawn(low, high, rng, count)).astype(int).tolist()
        kind = pa.int64()
    else:
        cells, kind = np.round(_drawn(low, high, rng, count), 2).tolist(), pa.float64()
    if column.nullable:
        cells = [None if empty else cell for cell, empty in zip(cells, rng.random(count) < 0.1, strict=True)]
    return pa.array(cells, kind)
