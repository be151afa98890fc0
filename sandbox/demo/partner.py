"""The partner's desk: an additive model of next-year medical spending, fitted on its own customers.

Ridge regression of √(next-year spending) on clipped, partly log-transformed features, by NumPy's solver. The weights fall
apart by department, since each feature belongs to one. Cut points are the deciles of the customers' own scores, so nothing
of the residents is needed to make the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from policies.documents.fields import Bilingual
from policies.documents.model import Feature, LatestRow, LinearPart, Model, PartHead, Transform
from sandbox.demo.rand import CUT_YEAR

GRID: Final = Decimal("0.02")
BANDS: Final = 10
_RIDGE: Final = 25.0


@dataclass(frozen=True, slots=True)
class Spec:
    """A feature before it has a weight: whose column, how transformed, within which bounds."""

    department: str
    dataset: str
    column: str
    low: str
    high: str
    fill: str
    transform: Transform = Transform.IDENTITY
    equals: str | None = None


FEATURES: Final = (
    Spec("hospital", "visits", "outpatient_spending", "0", "2000", "0", Transform.LOG1P),
    Spec("hospital", "visits", "drug_spending", "0", "1000", "0", Transform.LOG1P),
    Spec("hospital", "visits", "doctor_visits", "0", "20", "0"),
    Spec("hospital", "visits", "admissions", "0", "3", "0"),
    Spec("hospital", "visits", "chronic_diseases", "0", "40", "11"),
    Spec("hospital", "visits", "physical_limitation", "0", "1", "0"),
    Spec("hospital", "visits", "general_health", "30", "100", "74"),
    Spec("social-insurance", "insured", "age", "0", "65", "25"),
    Spec("social-insurance", "insured", "sex", "0", "1", "0", Transform.EQUALS, "F"),
    Spec("social-insurance", "insured", "income", "0", "30000", "8000"),
    Spec("social-insurance", "insured", "education_years", "0", "20", "12"),
    Spec("social-insurance", "insured", "family_size", "1", "10", "4"),
    Spec("health-insurance", "plans", "coinsurance", "0", "100", "25"),
    Spec("health-insurance", "plans", "individual_deductible", "0", "1", "0"),
    Spec("health-insurance", "plans", "spending_limit", "0", "1000", "450"),
)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model head with its parts, ready to be sealed and submitted."""

    head: Model
    parts: tuple[LinearPart, ...]


def fit(customers: Path, *, scenario: str) -> FittedModel:
    """Fit on the partner's own file; `scenario` is the digest the model is made for."""
    table = pa.csv.read_csv(customers)
    values = np.column_stack([_feature(table, spec) for spec in FEATURES])
    target = np.sqrt(np.maximum(table["next_spending"].to_numpy(), 0.0))
    design = np.column_stack([np.ones(len(target)), values])
    penalty = np.diag([0.0, *(_RIDGE * values.var(axis=0))])
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ target)
    # Adding zero drops the sign of a negative zero, which a document may not carry.
    written = [Decimal(f"{weight:.6f}") + 0 for weight in weights]
    scores = design @ np.array([float(weight) for weight in written])
    return assemble(
        FEATURES,
        written[1:],
        scenario=scenario,
        intercept=round(written[0] / GRID),
        cut_points=np.quantile(scores, np.arange(1, BANDS) / BANDS),
        title=Bilingual(zh="次年医疗支出风险评分", en="Risk score of next-year medical spending"),
    )


def unit_vector(*, scenario: str) -> FittedModel:
    """A model that is nothing but one person's drug spending: what a hostile partner would try."""
    spec = Spec("hospital", "visits", "drug_spending", "0", "1000", "0", Transform.LOG1P)
    idle = tuple(
        next(s for s in FEATURES if s.department == d) for d in ("social-insurance", "health-insurance")
    )
    return assemble(
        (spec, *idle),
        [Decimal(1), Decimal("0.001"), Decimal("0.001")],
        scenario=scenario,
        intercept=0,
        cut_points=np.linspace(0.5, 6.5, BANDS - 1),
        title=Bilingual(zh="单一特征模型", en="A single feature passed off as a model"),
    )


def assemble(
    features: Iterable[Spec],
    weights: Iterable[Decimal],
    *,
    scenario: str,
    intercept: int,
    cut_points: NDArray[np.float64],
    title: Bilingual,
) -> FittedModel:
    """Parts by department, and the head that cites them."""
    weighted: dict[str, list[tuple[Spec, Decimal]]] = {}
    for spec, weight in zip(features, weights, strict=True):
        weighted.setdefault(spec.department, []).append((spec, weight))
    parts = tuple(_part(department, weighted[department]) for department in sorted(weighted))
    heads = tuple(_head(part, weighted[part.department]) for part in parts)
    digest = parts[0].digest[:12]
    head = Model(
        id=f"spending-{digest}",
        version=1,
        partner="partner",
        scenario=scenario,
        title=title,
        grid=str(GRID),
        intercept=intercept,
        cut_points=tuple(sorted({round(float(point) / float(GRID)) for point in cut_points})),
        parts=heads,
    )
    return FittedModel(head, parts)


def _part(department: str, weighted: list[tuple[Spec, Decimal]]) -> LinearPart:
    return LinearPart(
        id=f"part-{department}",
        department=department,
        dataset=weighted[0][0].dataset,
        row=LatestRow(up_to=CUT_YEAR - 1),
        features=tuple(
            Feature(
                column=spec.column,
                transform=spec.transform,
                equals=spec.equals,
                weight=str(weight),
                low=spec.low,
                high=spec.high,
                fill=spec.fill,
            )
            for spec, weight in weighted
        ),
    )


def _head(part: LinearPart, weighted: list[tuple[Spec, Decimal]]) -> PartHead:
    """Integer bounds that no partial of this part can leave, and the partial of a person unknown here."""
    ends = [
        sorted(float(w) * _transformed(spec, end) for end in (spec.low, spec.high)) for spec, w in weighted
    ]
    default = sum(float(w) * _transformed(spec, spec.fill) for spec, w in weighted)
    return PartHead(
        department=part.department,
        dataset=part.dataset,
        digest=part.digest,
        default=round(default / float(GRID)),
        low=int(np.floor(sum(low for low, _ in ends) / float(GRID))),
        high=int(np.ceil(sum(high for _, high in ends) / float(GRID))),
    )


def _transformed(spec: Spec, value: str) -> float:
    return float(np.log1p(float(value))) if spec.transform is Transform.LOG1P else float(value)


def _feature(table: pa.Table, spec: Spec) -> NDArray[np.float64]:
    column = table[spec.column]
    if spec.transform is Transform.EQUALS:
        return np.asarray(column.to_pandas() == spec.equals, dtype=np.float64)
    values = np.clip(
        column.cast(pa.float64()).fill_null(float(spec.fill)).to_numpy(), float(spec.low), float(spec.high)
    )
    return np.asarray(np.log1p(values) if spec.transform is Transform.LOG1P else values, dtype=np.float64)
