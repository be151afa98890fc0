"""All checks of one model, in their order."""

from __future__ import annotations

import decimal
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from policies.documents.authorization import Limits
from policies.documents.model import Model, Part
from policies.documents.vetting import Check, Verdict, VetBands, VetMetrics
from policies.vetting.case import Case, ColumnKey, VettingInputInvalid, assembled
from policies.vetting.checks import check, not_measured
from policies.vetting.columns import cardinality, inputs
from policies.vetting.graphs import graph_checks
from policies.vetting.leaks import information_leak, inversion, rank_leak
from policies.vetting.limits import LIMITS
from policies.vetting.outputs import capacity, exposure, probes
from policies.vetting.training import Training, trained_here
from policies.vetting.weights import variance_share, weight_ratio

_ARITHMETIC: Final = decimal.Context(prec=50, rounding=decimal.ROUND_HALF_EVEN)


def judge(
    model: Model,
    parts: Sequence[Part],
    *,
    metrics: Sequence[VetMetrics],
    bands: VetBands,
    listed: Collection[ColumnKey] | None = None,
    limits: Limits | None = None,
    training: Training | None = None,
) -> tuple[Check, ...]:
    """V1 to V16 of `model`, given all its parts, one `vet-metrics` per part and the gate's band counts.

    The features of each `vet-metrics` stand in the order of the part's features (inputs, for ONNX), one for one. `listed`
    holds the columns the data list names as features, `limits` the scenario's, `training` how a model trained in the sandbox
    came to be. Raises `VettingInputInvalid` if something is missing or belongs to another model.
    """
    # Decimal at 50 digits under a context of its own, so that every examiner gets the same report.
    with decimal.localcontext(_ARITHMETIC):
        case = assembled(model, parts, metrics=metrics, bands=bands, listed=listed)
        return tuple(_checks(case, limits, training))


def refused(metrics: Sequence[VetMetrics]) -> tuple[Check, ...]:
    """V1 to V16 of a model of which a graph fails the static checks, so that it was never run and nothing was counted.

    `metrics` are those of the domains that found a fault; raises `VettingInputInvalid` if none of them did.
    """
    faults = {fault for item in metrics if item.graph is not None for fault in item.graph.faults}
    if not faults:
        raise VettingInputInvalid("expected a graph that fails a static check, got none")
    return tuple(_fault(name) if name in faults else not_measured(name) for name in LIMITS)


def _fault(name: str) -> Check:
    return check(
        name,
        "a graph fails this before it is run",
        verdict=Verdict.REJECT,
        zh="模型图未通过静态检查，未运行",
        en="a graph fails the static check and was not run",
    )


def _checks(case: Case, limits: Limits | None, training: Training | None) -> Iterator[Check]:
    yield inputs(case)
    yield variance_share(case)
    yield rank_leak(case)
    yield information_leak(case)
    yield inversion(case)
    yield capacity(case)
    yield weight_ratio(case)
    yield cardinality(case)
    yield from graph_checks(case)
    yield probes(case)
    yield trained_here(training)
    yield exposure(case, limits)
