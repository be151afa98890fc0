"""A partner's model: a public head everyone sees and one secret part per domain; data only, never code.

The head holds what the gate needs to turn a sum into a band, and the digest of each part; a part is sealed to its own
domain and to the examiner. All arithmetic on scores is on integers in grid units:

    total = intercept + Σ_d clip(rint(partial_d / grid), low_d, high_d)      band = number of cut points ≤ total

Limits (protocols.md §3.4, V6): total range ≤ 2^12, at most 20 bands, cut points ascending and inside the range.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from policies.documents.document import Document
from policies.documents.fields import Bilingual, ColumnName, DecimalText, Id, Party, Record, Sha256

MAX_BANDS: Final = 20
MAX_TOTAL_RANGE: Final = 2**12
GridUnits = Annotated[int, Field(ge=-(2**16), le=2**16)]


class PartHead(Record):
    """What is public of one domain's part."""

    department: Party
    dataset: Id
    digest: Sha256
    default: GridUnits
    """Partial of a person the domain does not know."""
    low: GridUnits
    high: GridUnits

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.low <= self.default <= self.high:
            raise ValueError("expected low ≤ default ≤ high")
        return self


class Model(Document):
    """The public head; signed by the partner."""

    kind: ClassVar[str] = "model"

    version: Annotated[int, Field(ge=1)]
    partner: Party
    scenario: Sha256
    title: Bilingual
    grid: DecimalText
    intercept: GridUnits
    cut_points: Annotated[tuple[GridUnits, ...], Field(min_length=1, max_length=MAX_BANDS - 1)]
    parts: Annotated[tuple[PartHead, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if Decimal(self.grid) <= 0:
            raise ValueError("expected a positive grid")
        departments = [part.department for part in self.parts]
        if departments != sorted(set(departments)):
            raise ValueError("expected the parts sorted by department, each once")
        if list(self.cut_points) != sorted(set(self.cut_points)):
            raise ValueError("expected ascending cut points")
        if self.high - self.low > MAX_TOTAL_RANGE:
            raise ValueError(f"expected a total range of at most {MAX_TOTAL_RANGE} grid units")
        if not (self.low < self.cut_points[0] and self.cut_points[-1] <= self.high):
            raise ValueError("expected the cut points inside the total range")
        return self

    @property
    def low(self) -> int:
        return self.intercept + sum(part.low for part in self.parts)

    @property
    def high(self) -> int:
        return self.intercept + sum(part.high for part in self.parts)

    @property
    def bands(self) -> int:
        return len(self.cut_points) + 1

    def part(self, department: str) -> PartHead | None:
        return next((part for part in self.parts if part.department == department), None)


class Transform(StrEnum):
    """How a column's value becomes a number before it is weighted."""

    IDENTITY = "identity"
    LOG1P = "log1p"
    EQUALS = "equals"


class ShownFeature(Record):
    """What a domain must know of a feature to compute it: transform(clip(value, low, high)), `fill` for a missing value."""

    column: ColumnName
    transform: Transform = Transform.IDENTITY
    equals: Annotated[str, Field(max_length=80)] | None = None
    low: DecimalText
    high: DecimalText
    fill: DecimalText

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.transform is Transform.EQUALS) != (self.equals is not None):
            raise ValueError("expected `equals` exactly with the transform equals")
        if Decimal(self.low) > Decimal(self.high):
            raise ValueError("expected low ≤ high")
        if self.transform is Transform.LOG1P and Decimal(self.low) < 0:
            raise ValueError("expected log1p of values not below zero")
        return self


class Feature(ShownFeature):
    """One weighted feature: weight · transform(clip(value, low, high))."""

    weight: DecimalText


class LatestRow(Record):
    """Which of a person's rows is scored: the latest whose order column is ≤ `up_to`."""

    up_to: int


class LinearPart(Document):
    """A domain's part as weights; travels sealed, never in the clear."""

    kind: ClassVar[str] = "model-part"

    form: Literal["linear"] = "linear"
    department: Party
    dataset: Id
    row: LatestRow | None = None
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=200)]
    blind: Sha256 | None = None
    """256 random bits. Without them the digest in the head would let a domain try out the weights of a part it must not see."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(feature.column for feature in self.features))


class OnnxInput(Record):
    """A column fed to the graph as one float column, clipped, `fill` where missing."""

    column: ColumnName
    low: DecimalText
    high: DecimalText
    fill: DecimalText

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if Decimal(self.low) > Decimal(self.high):
            raise ValueError("expected low ≤ high")
        return self


class OnnxPart(Document):
    """A domain's part as an ONNX graph: float32 [N, inputs] → float [N, 1]; the graph is an attachment by digest."""

    kind: ClassVar[str] = "model-part"

    form: Literal["onnx"] = "onnx"
    department: Party
    dataset: Id
    row: LatestRow | None = None
    inputs: Annotated[tuple[OnnxInput, ...], Field(min_length=1, max_length=200)]
    graph: Sha256

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item.column for item in self.inputs))


Part = LinearPart | OnnxPart
