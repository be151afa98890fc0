"""The vetting report: what the examiner found about a model, and the domains' metrics it rests on.

Metrics are computed inside each enclave under the disclosure rule (counts and variances rounded, nothing below the
threshold) and signed by it; the examiner judges the whole model from them (protocols.md §6.5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

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
    NOT_APPLICABLE = "not-applicable"
    """Of a check that this model gives nothing to look at; never of a report."""


Share = Annotated[str, Field(pattern=r"^(0(\.[0-9]{1,3})?|1)$")]
"""A share from 0 to 1 to three decimals, such as 0.25."""


class Leak(Record):
    """What a score says about one feature when the domain's partial carries `share` of the score's variance.

    `share` 1 is the partial by itself; below 1 the rest of the score is an independent normal one of the size that is left.
    """

    share: Share
    spearman: Share
    """Absolute rank correlation of score and feature (V3)."""
    information: Share
    """Mutual information of band and feature over the feature's entropy (V4)."""
    gain: Share
    """Accuracy of the best guess from the band, over that of the most frequent value (V5)."""


class Sweep(Record):
    """One column moved over its range, the others at their defaults (V14)."""

    levels: Annotated[int, Field(ge=1, le=1001)]
    """Different partials, in grid units, of at most 1001 values tried."""
    span: Annotated[int, Field(ge=0, le=2**17)]
    """Largest less smallest of these partials."""


class FeatureMetric(Record):
    """A feature of one part on local data: persons rounded to 5, variances to 3 significant digits, shares to 3 decimals.

    What takes the partial to measure is absent for a part that was not run, since its graph fails a static check.
    """

    column: ColumnName
    persons: Annotated[int, Field(ge=0)]
    variance: DecimalText
    """Of the transformed value among the persons who have one."""
    sensitive: bool
    """As the department's declaration of the data set says."""
    distinct: Share | None
    """Different partials that the column alone makes, in grid units, over persons (V1)."""
    effect: DecimalText | None
    """Variance of the partial that the column alone makes, in squared grid units."""
    raw_information: Share | None
    """As `Leak.information`, of the unbanded partial (V4)."""
    sweep: Sweep | None
    leaks: Annotated[tuple[Leak, ...], Field(max_length=10)]
    """By falling share, beginning with 1."""


class GraphMetric(Record):
    """What the static checks say of an ONNX graph, and what was seen when it ran on local rows (V9 to V13)."""

    faults: Annotated[tuple[Literal["v6", "v9", "v10", "v11", "v12"], ...], Field(max_length=5)]
    """The checks that fail; the graph is run only if none does."""
    nodes: Annotated[int, Field(ge=0)]
    constant_bytes: Annotated[int, Field(ge=0)]
    parameters: Annotated[int, Field(ge=0)]
    """Numbers in constants, tree ensembles apart."""
    largest_table: Annotated[int, Field(ge=0)]
    trees: Annotated[int, Field(ge=0)]
    depth: Annotated[int, Field(ge=0)]
    small_leaf: bool | None
    """Whether a leaf holds 1 to 19 local persons."""
    row_independent: bool | None
    """Whether rows one by one, in a batch and in another order give the same."""


class VetMetrics(Document):
    """One enclave's metrics for one vet job; signed by the enclave."""

    kind: ClassVar[str] = "vet-metrics"

    enclave: Party
    department: Party
    job: Sha256
    model: Sha256
    part: Sha256
    weights: Sha256 | None = None
    """The encrypted weights of a model whose weights the enclave must not see: then the features were measured alone."""
    persons: Annotated[int, Field(ge=0)]
    """Persons of the domain, rounded to 5."""
    variance: DecimalText | None
    """Of the partial, in squared grid units."""
    unique: Share | None
    """Different partials over persons (V8)."""
    finite: bool | None
    """Whether all-zero and all-default rows, and every sweep, give numbers (V14)."""
    graph: GraphMetric | None
    """Exactly for an ONNX part."""
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

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.verdict is Verdict.NOT_APPLICABLE:
            raise ValueError("expected a report to pass, ask for an override or reject")
        return self
