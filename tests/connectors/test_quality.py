"""The quality report against counts made by hand, and what it must not tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.quality import THRESHOLDS, Dimension, QualityReport, assess_current
from connectors.store import open_snapshot
from policies.documents import strict_json
from policies.documents.dataset import Bounds, Dataset, SyncFrequency
from tests.connectors.kit import (
    COST,
    NOW,
    RESIDENT,
    SEX,
    YEAR,
    declare,
    fill,
    one_row_each,
    open_store,
    resident,
    table,
)

LATER = NOW + timedelta(days=1)


@dataclass
class Case:
    """Persons with a cost and a sex; None for a missing one."""

    costs: Sequence[float | None]
    sexes: Sequence[str | None]

    def table(self) -> pa.Table:
        rows = [
            (resident(who), cost, sex)
            for who, (cost, sex) in enumerate(zip(self.costs, self.sexes, strict=True))
        ]
        return table(one_row_each(), rows)


def report(
    tmp_path: Path, rows: pa.Table, declared: Dataset, *, stored: Dataset | None = None, days: int = 1
) -> QualityReport:
    store = open_store(tmp_path)
    fill(store, stored or declared, rows)
    with store.lease(declared.id) as lease, open_snapshot(lease.path, lease.key) as snapshot:
        return assess_current(snapshot, declared, pointer=lease.pointer, now=NOW + timedelta(days=days))


def scores(found: QualityReport) -> dict[Dimension, str]:
    return {score.dimension: score.score for score in found.scores}


def test_a_snapshot_that_fits_scores_one_everywhere(tmp_path: Path) -> None:
    found = report(tmp_path, Case([1.0] * 40, ["male"] * 40).table(), one_row_each())
    assert scores(found) == dict.fromkeys(Dimension, "1.0000")
    assert found.passed
    assert (found.rows, found.persons) == (40, 40)
    assert not found.overdue


def test_completeness_counts_cells_without_a_value(tmp_path: Path) -> None:
    found = report(
        tmp_path, Case([None] * 30 + [1.0] * 70, ["male"] * 80 + [None] * 20).table(), one_row_each()
    )
    assert scores(found)[Dimension.COMPLETENESS] == "0.7500"
    assert [(column.column, column.missing) for column in found.columns] == [("cost", 30), ("sex", 20)]
    assert not found.passed


def test_accuracy_and_validity_measure_old_rows_by_a_stricter_declaration(tmp_path: Path) -> None:
    rows = Case([10.0] * 60 + [500.0] * 40, ["male"] * 80 + ["female"] * 20).table()
    stricter = one_row_each(
        (
            RESIDENT,
            COST.model_copy(update={"bounds": Bounds(low="0", high="100")}),
            SEX.model_copy(update={"categories": ("male", "other")}),
        )
    )
    found = report(tmp_path, rows, stricter, stored=one_row_each())
    assert scores(found)[Dimension.ACCURACY] == "0.6000"
    # 20 of 100 sexes are unknown, none of 100 resident numbers is invalid.
    assert scores(found)[Dimension.VALIDITY] == "0.9000"
    assert [(column.outside, column.unknown) for column in found.columns] == [(40, None), (None, 20)]


def test_a_column_declared_later_is_missing_altogether(tmp_path: Path) -> None:
    wider = one_row_each((RESIDENT, COST, SEX, YEAR.model_copy(update={"nullable": True})))
    found = report(tmp_path, Case([1.0] * 30, ["male"] * 30).table(), wider, stored=one_row_each())
    assert {column.column: column.missing for column in found.columns}["year"] == 30
    assert scores(found)[Dimension.COMPLETENESS] == "0.6666"


@pytest.mark.parametrize(
    ("frequency", "days", "score", "overdue"),
    [
        (SyncFrequency.MONTHLY, 31, "1.0000", False),
        (SyncFrequency.MONTHLY, 62, "0.5000", True),
        (SyncFrequency.DAILY, 8, "0.1250", True),
        (SyncFrequency.ONCE, 5000, "1.0000", False),
    ],
)
def test_timeliness_falls_once_the_period_has_passed(
    frequency: SyncFrequency, days: int, score: str, overdue: bool, tmp_path: Path
) -> None:
    declared = one_row_each().model_copy(update={"sync_frequency": frequency})
    found = report(tmp_path, Case([1.0] * 20, ["male"] * 20).table(), declared, days=days)
    assert (scores(found)[Dimension.TIMELINESS], found.overdue) == (score, overdue)
    assert found.passed is not overdue


@pytest.mark.parametrize("missing", range(10))
def test_counts_below_ten_change_nothing_that_is_told(missing: int, tmp_path: Path) -> None:
    costs: list[float | None] = [None] * missing + [1.0] * (50 - missing)
    found = report(tmp_path, Case(costs, ["male"] * 50).table(), one_row_each())
    assert found.columns[0].missing is None
    assert scores(found)[Dimension.COMPLETENESS] == "1.0000"


@pytest.mark.parametrize("present", range(1, 10))
def test_remainders_below_ten_change_nothing_that_is_told(present: int, tmp_path: Path) -> None:
    costs: list[float | None] = [1.0] * present + [None] * (50 - present)
    found = report(tmp_path, Case(costs, ["male"] * 50).table(), one_row_each())
    assert found.columns[0].missing is None
    assert scores(found)[Dimension.COMPLETENESS] == "0.5000"


def test_a_handful_of_rows_is_not_counted_out(tmp_path: Path) -> None:
    found = report(tmp_path, Case([1.0] * 9, ["male"] * 9).table(), one_row_each())
    assert (found.rows, found.persons) == (None, None)


def test_an_empty_snapshot_has_a_report(tmp_path: Path) -> None:
    found = report(tmp_path, Case([], []).table(), one_row_each())
    assert scores(found) == dict.fromkeys(Dimension, "1.0000")


def test_every_dimension_has_a_threshold_and_a_score_is_text(tmp_path: Path) -> None:
    assert set(THRESHOLDS) == set(Dimension)
    found = report(tmp_path, table(declare(), []), declare())
    assert strict_json.canonical(found.to_json())
    assert all(Decimal(0) <= Decimal(score.score) <= 1 for score in found.scores)
