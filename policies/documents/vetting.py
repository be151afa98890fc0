"""The vetting report: what the examiner found about a model, and the domains' metrics it rests on.

Metrics are computed inside each enclave under the disclosure rule (counts and variances rounded, nothing below the
threshold) and signed by it; the examiner judges the whole model from them (protocols.md §6.5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from policies.documents.document import Document
from policies.documents.fields import (
    Bilingual,
    ColumnName,
    DecimalText,
    Id,
    Instant,
    Party,
    Record,
    Sha256,
    ShortText,
)


class Verdict(StrEnum):
    """Outcome of one check or of the whole report."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    OVERRIDE = "override"
    REJECT = "reject"


class FeatureMetric(Record):
    """A feature of one part on local data: persons (rounded to 5) and variance (3 significant digits)."""

    column: ColumnName
    persons: Annotated[int, Field(ge=0)]
    variance: DecimalText


class VetMetrics(Document):
    """One enclave's metrics for one vet job; signed by the enclave."""

    kind: ClassVar[str] = "vet-metrics"

    enclave: Party
    department: Party
    job: Sha256
    model: Sha256
    part: Sha256
    features: Annotated[tuple[FeatureMetric, ...], Field(min_length=1, max_length=200)]


class VetBands(Document):
    """Band counts of the whole model over the consenting cohort; signed by the gate."""

    kind: ClassVar[str] = "vet-bands"

    gate: Party
    job: Sha256
    model: Sha256
    persons: Annotated[int, Field(ge=0)]
    counts: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2, max_length=20)]
    """Rounded to 5; a count below 10 is written 0."""


class Check(Record):
    """One check of V1–V16: what was measured, the limit, the verdict."""

    check: Id
    figure: ShortText
    limit: ShortText
    verdict: Verdict
    reason: Bilingual


class VettingReport(Document):
    """The examiner's signed judgement of one model under one scenario."""

    kind: ClassVar[str] = "vetting-report"

    examiner: Party
    scenario: Sha256
    model: Sha256
    metrics: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=64)]
    checks: Annotated[tuple[Check, ...], Field(min_length=1, max_length=32)]
    verdict: Verdict
    issued_at: Instant
