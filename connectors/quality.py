"""The quality report of a snapshot: five dimensions scored inside the domain, nothing below ten told (RQ-107, RQ-108).

    completeness  cells with a value ÷ cells
    consistency   row keys ÷ rows: one key never says two things
    accuracy      cells of bounded columns inside their bounds ÷ cells with a value in them
    validity      cells of a declared category and valid resident numbers ÷ those cells and persons
    timeliness    1 while the declared synchronization period runs, then period ÷ age

Rules:
- Scores are decimals in text, four places, rounded down; a score passes at its threshold or above.
- A count from 0 to 9 is suppressed (None), and so is one within 9 of its whole: the score is computed from 0 or from
  the whole instead, so that it cannot give the count back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from connectors.schedule import PERIOD_DAYS, is_overdue
from connectors.store import LockedSnapshot, Pointer
from connectors.store.profile import ColumnCounts, Profile
from policies.documents.dataset import Dataset
from policies.documents.fields import instant_text
from policies.documents.strict_json import Json

SUPPRESSED_BELOW: Final = 10
_PLACES: Final = Decimal("0.0001")
_DAY_SECONDS: Final = 86_400


class Dimension(StrEnum):
    """The five dimensions of the plan, chapter 4(4)."""

    COMPLETENESS = "completeness"
    CONSISTENCY = "consistency"
    ACCURACY = "accuracy"
    VALIDITY = "validity"
    TIMELINESS = "timeliness"


THRESHOLDS: Final[Mapping[Dimension, Decimal]] = MappingProxyType(
    {
        Dimension.COMPLETENESS: Decimal("0.8000"),
        Dimension.CONSISTENCY: Decimal("1.0000"),
        Dimension.ACCURACY: Decimal("0.9900"),
        Dimension.VALIDITY: Decimal("0.9900"),
        Dimension.TIMELINESS: Decimal("1.0000"),
    }
)


@dataclass(frozen=True, slots=True)
class Score:
    """One dimension: score and threshold as decimals in text."""

    dimension: Dimension
    score: str
    threshold: str

    @property
    def passed(self) -> bool:
        return Decimal(self.score) >= Decimal(self.threshold)


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """What is told of one column; None stands for a suppressed count."""

    column: str
    missing: int | None
    outside: int | None
    unknown: int | None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """One snapshot measured against one declaration at one moment."""

    dataset: str
    declaration: str
    """Digest of the declaration measured against."""
    snapshot: str
    measured_at: str
    rows: int | None
    persons: int | None
    scores: tuple[Score, ...]
    columns: tuple[ColumnQuality, ...]
    overdue: bool

    @property
    def passed(self) -> bool:
        return all(score.passed for score in self.scores)

    def to_json(self) -> dict[str, Json]:
        """The report as JSON for files, pipes and the console."""
        return {
            "dataset": self.dataset,
            "declaration": self.declaration,
            "snapshot": self.snapshot,
            "measured_at": self.measured_at,
            "rows": self.rows,
            "persons": self.persons,
            "passed": self.passed,
            "overdue": self.overdue,
            "scores": [
                {
                    "dimension": score.dimension.value,
                    "score": score.score,
                    "threshold": score.threshold,
                    "passed": score.passed,
                }
                for score in self.scores
            ],
            "columns": [
                {
                    "column": column.column,
                    "missing": column.missing,
                    "outside": column.outside,
                    "unknown": column.unknown,
                }
                for column in self.columns
            ],
        }


def assess(
    snapshot: LockedSnapshot, dataset: Dataset, *, snapshot_id: str, refreshed_at: datetime, now: datetime
) -> QualityReport:
    """Measure an open snapshot, refreshed at `refreshed_at`, against the declaration `dataset`."""
    profile = snapshot.profile(dataset)
    parts = _parts(profile, dataset)
    parts[Dimension.TIMELINESS] = _timeliness(dataset, refreshed_at, now=now)
    return QualityReport(
        dataset=dataset.id,
        declaration=dataset.digest,
        snapshot=snapshot_id,
        measured_at=instant_text(now),
        rows=_told(profile.rows),
        persons=_told(profile.persons) if dataset.personal else None,
        scores=tuple(
            Score(dimension, str(parts[dimension].quantize(_PLACES, ROUND_DOWN)), str(THRESHOLDS[dimension]))
            for dimension in Dimension
        ),
        columns=tuple(_column(counts, profile.rows) for counts in profile.columns),
        overdue=is_overdue(dataset.sync_frequency, refreshed_at, now=now),
    )


def assess_current(
    snapshot: LockedSnapshot, dataset: Dataset, *, pointer: Pointer, now: datetime
) -> QualityReport:
    """Measure the published snapshot that `pointer` names."""
    return assess(snapshot, dataset, snapshot_id=pointer.snapshot, refreshed_at=pointer.created, now=now)


def _parts(profile: Profile, dataset: Dataset) -> dict[Dimension, Decimal]:
    rows = profile.rows
    bounded = {column.name for column in dataset.columns if column.bounds is not None}
    categorical = {column.name for column in dataset.columns if column.categories is not None}
    within = [counts for counts in profile.columns if counts.column in bounded]
    known = [counts for counts in profile.columns if counts.column in categorical]
    return {
        Dimension.COMPLETENESS: _share_without(
            (counts.missing for counts in profile.columns), rows * len(profile.columns), each=rows
        ),
        Dimension.CONSISTENCY: _share_without([rows - profile.distinct_keys], rows, each=rows),
        Dimension.ACCURACY: _share_without(
            (counts.outside for counts in within), _cells(within, rows), each=rows
        ),
        Dimension.VALIDITY: _share_without(
            (*(counts.unknown for counts in known), profile.invalid_residents),
            _cells(known, rows) + profile.persons,
            each=rows,
        ),
    }


def _cells(counts: Iterable[ColumnCounts], rows: int) -> int:
    """Cells with a value, by counts as they may be told."""
    return sum(rows - _blurred(count.missing, rows) for count in counts)


def _share_without(faults: Iterable[int], whole: int, *, each: int) -> Decimal:
    if whole <= 0:
        return Decimal(1)
    return max(Decimal(0), 1 - Decimal(sum(_blurred(fault, each) for fault in faults)) / whole)


def _timeliness(dataset: Dataset, refreshed_at: datetime, *, now: datetime) -> Decimal:
    days = PERIOD_DAYS[dataset.sync_frequency]
    age = Decimal(int((now - refreshed_at).total_seconds())) / _DAY_SECONDS
    if days is None or age <= days:
        return Decimal(1)
    return Decimal(days) / age


def _blurred(count: int, whole: int) -> int:
    """`count` as a score may use it: small counts and small remainders disappear."""
    if count < SUPPRESSED_BELOW:
        return 0
    return whole if whole - count < SUPPRESSED_BELOW else count


def _told(count: int) -> int | None:
    return None if count < SUPPRESSED_BELOW else count


def _column(counts: ColumnCounts, rows: int) -> ColumnQuality:
    def told(count: int) -> int | None:
        # A remainder below ten is as telling as a count below ten.
        return None if count < SUPPRESSED_BELOW or 0 < rows - count < SUPPRESSED_BELOW else count

    return ColumnQuality(counts.column, told(counts.missing), told(counts.outside), told(counts.unknown))
