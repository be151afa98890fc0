"""`domicile demo` as a newcomer runs it: real processes, real data, and bands that plain arithmetic on the sources gives."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from policies.documents.model import Feature, LinearPart, Transform
from sandbox.demo.partner import FittedModel, fit
from sandbox.demo.rand import CUT_YEAR, Sources, write_sources

Row = dict[str, object]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demo ran."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def told(kept: Path) -> dict[str, object]:
    """One run of the demo, its JSON answer."""
    argv = [sys.executable, "-m", "sandbox.cli.main", "demo", "--json", "--keep", str(kept)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.mark.req("RQ-001", "RQ-002", "RQ-134", "RQ-139", "RQ-140", "RQ-184", "RQ-193")
def test_the_promise_holds_end_to_end(told: dict[str, object]) -> None:
    assert told["persons"] == 5912
    scored = told["scored"]
    assert isinstance(scored, int)
    assert 1000 <= scored < 5912
    assert told["modes_equal"] is True
    assert float(str(told["top_band_lift"])) >= 1.5
    bands = told["bands"]
    assert isinstance(bands, dict)
    assert sum(bands.values()) == scored


@pytest.mark.req("RQ-011", "RQ-030", "RQ-169", "RQ-302", "RQ-303", "RQ-308", "RQ-309", "RQ-316")
def test_what_must_be_refused_is_refused_with_its_own_code(told: dict[str, object]) -> None:
    refused = told["refused"]
    assert isinstance(refused, list)
    assert [item["code"] for item in refused] == [
        "raw_export",
        "scenario_mismatch",
        "signatures_missing",
        "model_not_vetted",
        "consent_missing",
        "consent_withdrawn",
        "request_replayed",
        "ledger_refused",
        "suspended",
    ]


@pytest.mark.req("RQ-003", "RQ-047", "RQ-210")
def test_every_delivered_score_is_on_the_invoice_and_the_log_verifies(told: dict[str, object]) -> None:
    invoice, ledger, scored = told["invoice"], told["ledger"], told["scored"]
    assert isinstance(invoice, dict)
    assert isinstance(ledger, dict)
    assert isinstance(scored, int)
    # Both modes were fetched, each score once.
    assert invoice["units"] == 2 * scored
    assert invoice["amount"] == f"{2 * scored * 186 / 100:.2f}"
    assert ledger["verified"] is True
    assert ledger["size"] > 100


def test_bands_are_those_of_plain_arithmetic_on_the_source_files(
    told: dict[str, object], sources: Sources
) -> None:
    """A second, slow way from the departments' files to the bands; so two runs of the demo give the same bands."""
    model = fit(sources.customers, scenario="0" * 64)
    consenting = [person for rank, person in enumerate(sources.applicants) if rank % 5 != 4]
    latest = {
        "hospital": latest_rows(pa.parquet.read_table(sources.hospital)),
        "social-insurance": latest_rows(
            pa.csv.read_csv(sources.social_insurance, convert_options=TEXT_PERSON)
        ),
        "health-insurance": latest_rows(pa.feather.read_table(sources.health_insurance)),
    }
    counts = Counter(band_of(model, person, latest) for person in consenting)
    assert told["bands"] == {str(band): counts[band] for band in sorted(counts)}


@pytest.mark.usefixtures("told")
def test_no_row_of_a_department_lies_anywhere_but_in_its_encrypted_store(
    kept: Path, sources: Sources
) -> None:
    """Look for a person's ID in every file the run left that is not that party's own."""
    with sources.next_year.open(newline="") as file:
        person = next(csv.DictReader(file))["person"].encode()
    # The consent service and the insurer know their own people; sources are the departments' own.
    own = {"sources", "consent-service", "insurer"}
    searched = 0
    for path in kept.rglob("*"):
        if path.is_file() and not own & set(path.relative_to(kept).parts):
            searched += 1
            assert person not in path.read_bytes(), path.relative_to(kept)
    assert searched > 50


TEXT_PERSON = pa.csv.ConvertOptions(column_types={"person": pa.string()})


def latest_rows(table: pa.Table) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for row in sorted(table.to_pylist(), key=lambda row: row["year"]):
        if row["year"] < CUT_YEAR:
            rows[row["person"]] = row
    return rows


def band_of(model: FittedModel, person: str, latest: dict[str, dict[str, Row]]) -> int:
    total = model.head.intercept
    for part in model.parts:
        head = model.head.part(part.department)
        assert head is not None
        row = latest[part.department].get(person)
        units = head.default if row is None else round(partial(part, row) / float(model.head.grid))
        total += max(head.low, min(head.high, units))
    return sum(point <= total for point in model.head.cut_points)


def partial(part: LinearPart, row: Row) -> float:
    return sum(float(feature.weight) * value_of(feature, row[feature.column]) for feature in part.features)


def value_of(feature: Feature, value: object) -> float:
    if feature.transform is Transform.EQUALS:
        return float(value == feature.equals)
    number = float(feature.fill) if value is None else float(str(value))
    number = max(float(feature.low), min(float(feature.high), number))
    return math.log1p(number) if feature.transform is Transform.LOG1P else number
