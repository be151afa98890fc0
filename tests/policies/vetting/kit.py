"""Models, parts, metrics and band counts for tests of vetting; what is measured is harmless unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from policies.documents.model import LinearPart, Model, OnnxPart, Part
from policies.documents.vetting import Check, VetBands, VetMetrics
from policies.vetting import judge

ZERO = "0" * 64
BANDS = (500, 400, 300, 200)


@dataclass(frozen=True, slots=True)
class F:
    """One feature of a test model."""

    weight: str
    variance: str = "1"
    low: str = "0"
    high: str = "1"
    column: str | None = None
    transform: str = "identity"


def part_of(department: str, features: Sequence[F]) -> LinearPart:
    items: list[dict[str, Any]] = [
        {
            "column": f.column or f"c{number}",
            "transform": f.transform,
            "equals": "yes" if f.transform == "equals" else None,
            "weight": f.weight,
            "low": f.low,
            "high": f.high,
            "fill": f.low,
        }
        for number, f in enumerate(features)
    ]
    return LinearPart.from_body(
        {"id": f"part-{department}", "department": department, "dataset": "facts", "features": items}
    )


def model_of(parts: Sequence[Part], cuts: int = 3) -> Model:
    heads = [
        {
            "department": p.department,
            "dataset": "facts",
            "digest": p.digest,
            "default": 0,
            "low": 0,
            "high": 1000,
        }
        for p in parts
    ]
    return Model.from_body(
        {
            "id": "m",
            "version": 1,
            "partner": "partner",
            "scenario": ZERO,
            "title": {"zh": "模型", "en": "model"},
            "grid": "1",
            "intercept": 0,
            "cut_points": list(range(10, 10 + cuts)),
            "parts": heads,
        }
    )


def leaks(spearman: str = "0.5", information: str = "0.1", gain: str = "0.05") -> list[dict[str, str]]:
    """One figure at every share."""
    return [
        {"share": share, "spearman": spearman, "information": information, "gain": gain}
        for share in ("1", "0.9", "0.6", "0.3")
    ]


def graph_figures(**changes: Any) -> dict[str, Any]:
    return {
        "faults": [],
        "nodes": 2,
        "constant_bytes": 100,
        "parameters": 12,
        "largest_table": 0,
        "trees": 0,
        "depth": 0,
        "small_leaf": None,
        "row_independent": True,
        **changes,
    }


def metrics_of(
    model: Model,
    part: Part,
    variances: Sequence[str],
    *,
    features: dict[str, Any] | None = None,
    **changes: Any,
) -> VetMetrics:
    """Metrics of a part; `features` replaces members of every feature, `changes` those of the whole."""
    items = part.features if isinstance(part, LinearPart) else part.inputs
    weights = [Decimal(item.weight) if hasattr(item, "weight") else Decimal(1) for item in items]
    effects = [weight * weight * abs(Decimal(v)) for weight, v in zip(weights, variances, strict=True)]
    return VetMetrics.from_body(
        {
            "id": f"metrics-{part.department}",
            "enclave": f"{part.department}-enclave",
            "department": part.department,
            "job": ZERO,
            "model": model.digest,
            "part": part.digest,
            "persons": 5000,
            "variance": f"{sum(effects):f}",
            "unique": "0.1",
            "finite": True,
            "graph": graph_figures() if isinstance(part, OnnxPart) else None,
            "features": [
                {
                    "column": item.column,
                    "persons": 5000,
                    "variance": variance,
                    "sensitive": True,
                    "distinct": "0.01",
                    "effect": f"{effect:f}",
                    "raw_information": "0.3",
                    "sweep": {"levels": 2, "span": 1},
                    "leaks": leaks(),
                    **(features or {}),
                }
                for item, variance, effect in zip(items, variances, effects, strict=True)
            ],
            **changes,
        }
    )


def bands_of(model: Model, counts: Sequence[int] = BANDS, persons: int | None = None) -> VetBands:
    total = sum(counts) if persons is None else persons
    return VetBands.from_body(
        {
            "id": "b",
            "gate": "gate",
            "job": ZERO,
            "model": model.digest,
            "persons": total,
            "counts": list(counts),
        }
    )


def checks_of(
    *domains: Sequence[F], counts: Sequence[int] = BANDS, persons: int | None = None
) -> dict[str, Check]:
    parts = [part_of(f"d{number:02}", features) for number, features in enumerate(domains)]
    model = model_of(parts, cuts=len(counts) - 1)
    metrics = [metrics_of(model, p, [f.variance for f in fs]) for p, fs in zip(parts, domains, strict=True)]
    checks = judge(model, parts, metrics=metrics, bands=bands_of(model, counts, persons))
    return {check.check: check for check in checks}


def onnx_part(department: str) -> OnnxPart:
    item = {"column": "c0", "low": "0", "high": "1", "fill": "0"}
    return OnnxPart.from_body(
        {"id": "graph", "department": department, "dataset": "facts", "inputs": [item], "graph": ZERO}
    )
