"""A model whose weights no domain sees: what follows from features alone and weights, and what needs the examiner's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policies.documents.vetting import Check, Verdict, VetMetrics
from policies.vetting import REQUIRED_CHECKS, VettingInputInvalid, judge, verdict
from policies.vetting.hidden import completed
from tests.policies.vetting.kit import F, bands_of, metrics_of, model_of, part_of

HONEST = [F("1"), F("0.9"), F("-0.8"), F("0.7"), F("0.6"), F("0.5")]
PASS, OVERRIDE, REJECT = Verdict.PASS, Verdict.OVERRIDE, Verdict.REJECT
ALONE: dict[str, Any] = {"effect": None, "raw_information": None, "sweep": None, "leaks": []}


def alone(metrics: VetMetrics, **changes: Any) -> VetMetrics:
    """The metrics as a domain sends them that sees no weights."""
    body = metrics.to_body()
    features: Any = body["features"]
    return VetMetrics.from_body(
        {
            **body,
            "weights": "e" * 64,
            "variance": None,
            "unique": None,
            "finite": None,
            "features": [{**line, **ALONE, **changes} for line in features],
        }
    )


def judged(*domains: Sequence[F], **changes: Any) -> dict[str, Check]:
    given = domains or [HONEST]
    parts = [part_of(f"d{number:02}", features) for number, features in enumerate(given)]
    model = model_of(parts)
    metrics = [
        alone(metrics_of(model, part, [f.variance for f in features]), **changes)
        for part, features in zip(parts, given, strict=True)
    ]
    return {c.check: c for c in judge(model, parts, metrics=metrics, bands=bands_of(model))}


def test_what_nobody_can_measure_needs_the_examiners_word_and_passes_never_in_silence() -> None:
    checks = judged(HONEST, HONEST)
    assert set(checks) == REQUIRED_CHECKS
    assert [name for name, check in checks.items() if check.verdict is OVERRIDE] == ["v3", "v4", "v5"]
    assert "estimated" in checks["v3"].figure
    assert "not measured" in checks["v4"].figure
    assert verdict(checks.values()) is OVERRIDE


def test_weights_are_judged_by_the_examiner_as_those_of_any_model() -> None:
    checks = judged(HONEST, HONEST)
    assert {name: checks[name].verdict for name in ("v1", "v2", "v6", "v7", "v14")} == dict.fromkeys(
        ("v1", "v2", "v6", "v7", "v14"), PASS
    )


@pytest.mark.req("RQ-289")
def test_a_unit_vector_and_a_positional_code_are_rejected_although_no_domain_sees_them() -> None:
    unit = judged([F("100"), F("0.1"), F("0.1")], HONEST)
    assert unit["v2"].verdict is REJECT
    assert unit["v3"].verdict is REJECT
    digits = judged([F(str(10**power)) for power in range(4)], [F("0.5")])
    assert digits["v7"].verdict is REJECT


def test_the_variances_and_sweeps_filled_in_are_those_of_the_weighted_columns() -> None:
    part = part_of("d00", [F("2", "4", high="10"), F("-3", "1", high="2"), F("1", "1", column="c0")])
    model = model_of([part])
    head = model.part("d00")
    assert head is not None
    found = completed(part, alone(metrics_of(model, part, ["4", "1", "1"])), head=head, grid="0.5")
    # In grid units of a half: c0 has two features, whose deviations add up: 2*2*2 + 2*1*1 = 10.
    assert [line.effect for line in found.features] == ["100", "36", "100"]
    assert [line.sweep.span for line in found.features if line.sweep] == [42, 12, 42]
    assert found.variance == "136"
    assert found.finite is True


def test_a_column_that_names_people_is_rejected_by_its_steps() -> None:
    wide = [F("1", high="1000"), *HONEST[1:]]
    checks = judged(wide, HONEST, distinct="0.9", persons=1000)
    assert checks["v1"].verdict is REJECT


def test_metrics_of_some_domains_with_weights_and_some_without_are_no_case() -> None:
    parts = [part_of("d00", HONEST), part_of("d01", HONEST)]
    model = model_of(parts)
    metrics = [metrics_of(model, part, ["1"] * 6) for part in parts]
    with pytest.raises(VettingInputInvalid, match="hidden from all domains or from none"):
        judge(model, parts, metrics=[metrics[0], alone(metrics[1])], bands=bands_of(model))
