"""Vetting a model whose weights no department may see: what the examiner adds to what the domains measured.

Each domain measures its features alone (`vet-metrics` with `weights`): persons, variance, how many steps a feature takes.
The examiner holds the weights, and what follows from both exactly, or as a bound that errs to the strict side, is filled in
here; V1, V2, V6, V7, V8 and V14 are judged on it as on any other model:

    effect of a column = (sum over its features of |weight / grid| * standard deviation)^2         at most, and exact for one
    span of a column   = sum over its features of |weight / grid| * range                           at most
    different partials = at most the column's different steps, and at most span + 1 levels

What takes rows and weights in one place (V3 to V5: rank correlation, information, guesses) nobody can measure here. V3 has an
estimate, columns taken as uncorrelated, that can condemn a model; otherwise all three ask for the examiner's word. Nothing
passes in silence (decision 0023).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Final

from policies.documents.model import Feature, LinearPart, PartHead, Transform
from policies.documents.vetting import FeatureMetric, Sweep, VetMetrics

_MILLI: Final = Decimal("0.001")
_LEVELS: Final = 1001
_SPAN: Final = 2**17


def completed(part: LinearPart, measured: VetMetrics, *, head: PartHead, grid: str) -> VetMetrics:
    """The metrics with everything filled in that follows from the part's weights; leaks stay empty."""
    lines = list(zip(part.features, measured.features, strict=True))
    scale = 1 / Decimal(grid)
    deviations: dict[str, Decimal] = defaultdict(Decimal)
    spans: dict[str, Decimal] = defaultdict(Decimal)
    uses: dict[str, int] = defaultdict(int)
    for feature, metric in lines:
        weight = abs(Decimal(feature.weight)) * scale
        deviations[feature.column] += weight * Decimal(metric.variance).sqrt()
        spans[feature.column] += weight * reach(feature)
        uses[feature.column] += 1
    persons = max(measured.persons, 1)
    filled = tuple(
        _filled(
            metric,
            deviation=deviations[metric.column],
            span=spans[metric.column],
            alone=uses[metric.column] == 1,
            persons=persons,
        )
        for _, metric in lines
    )
    variance = sum((deviation * deviation for deviation in deviations.values()), start=Decimal(0))
    return measured.model_copy(
        update={
            "variance": _text(variance),
            "unique": _share(Decimal(head.high - head.low + 1) / persons),
            # A weighted sum of clipped numbers is a number.
            "finite": True,
            "features": filled,
        }
    )


def reach(feature: Feature) -> Decimal:
    """How far the transformed value can move."""
    low, high = Decimal(feature.low), Decimal(feature.high)
    if feature.transform is Transform.LOG1P:
        return (1 + high).ln() - (1 + low).ln()
    return high - low


def estimated_correlation(shares: Iterable[Decimal]) -> Decimal:
    """The largest correlation of the whole score with one column, from the columns' shares of its variance; 1 for none."""
    return max(shares, default=Decimal(1)).sqrt()


def _filled(
    metric: FeatureMetric, *, deviation: Decimal, span: Decimal, alone: bool, persons: int
) -> FeatureMetric:
    levels = int(span.to_integral_value(ROUND_CEILING)) + 1
    different = Decimal(levels) / persons
    if alone and metric.distinct is not None:
        different = min(different, Decimal(metric.distinct))
    return metric.model_copy(
        update={
            "distinct": _share(different),
            "effect": _text(deviation * deviation),
            "sweep": Sweep(levels=min(levels, _LEVELS), span=min(levels - 1, _SPAN)),
        }
    )


def _share(value: Decimal) -> str:
    """A share to three decimals, rounded up: these are bounds."""
    bounded = min(value, Decimal(1)).quantize(_MILLI, rounding=ROUND_CEILING)
    return "1" if bounded == 1 else _text(bounded)


def _text(value: Decimal) -> str:
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return text or "0"
