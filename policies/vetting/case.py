"""What is judged, put together once: a model's head, its parts, and the metrics that belong to them.

Raises `VettingInputInvalid` if something is missing or belongs to another model; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from policies.documents.model import Feature, LinearPart, Model, OnnxPart, Part
from policies.documents.vetting import FeatureMetric, VetBands, VetMetrics
from policies.errors import PolicyError
from policies.vetting.hidden import completed

ColumnKey = tuple[str, str, str]
"""Department, data set, column."""


class VettingInputInvalid(PolicyError):
    """Parts, metrics or band counts that do not belong to the model being judged."""

    code = "vetting_input_invalid"


@dataclass(frozen=True, slots=True)
class Weighted:
    """One feature with what was measured of it: the variance of its transformed value over the domain's population."""

    key: ColumnKey
    feature: Feature
    variance: Decimal


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain's part with its metrics, feature by feature in the part's order."""

    part: Part
    metrics: VetMetrics

    def keyed(self) -> Iterator[tuple[ColumnKey, FeatureMetric]]:
        """Each feature's column and metric; features of one column share the key."""
        for metric in self.metrics.features:
            yield (self.part.department, self.part.dataset, metric.column), metric

    @property
    def is_graph(self) -> bool:
        return isinstance(self.part, OnnxPart)


@dataclass(frozen=True, slots=True)
class Case:
    """A whole model with everything measured of it. `listed` holds the columns an agreed data list names as features."""

    model: Model
    domains: tuple[Domain, ...]
    bands: VetBands
    listed: frozenset[ColumnKey] | None

    @property
    def hidden(self) -> bool:
        """Whether the domains measured features alone, since they must not see the weights."""
        return any(domain.metrics.weights is not None for domain in self.domains)

    @property
    def graphs(self) -> tuple[Domain, ...]:
        return tuple(domain for domain in self.domains if domain.is_graph)

    @property
    def readable(self) -> bool:
        """Whether every weight can be read."""
        return not self.graphs

    def weighted(self) -> tuple[Weighted, ...]:
        """The weighted features of all linear parts."""
        return tuple(
            Weighted(key, feature, Decimal(metric.variance))
            for domain in self.domains
            if isinstance(domain.part, LinearPart)
            for feature, (key, metric) in zip(domain.part.features, domain.keyed(), strict=True)
        )

    def effects(self) -> Mapping[ColumnKey, Decimal]:
        """Variance each column makes by itself, in squared grid units; columns of parts that were not run are left out."""
        found: dict[ColumnKey, Decimal] = {}
        for domain in self.domains:
            for key, metric in domain.keyed():
                if metric.effect is not None:
                    found[key] = Decimal(metric.effect)
        return found

    def domain_share(self, domain: Domain) -> Decimal:
        """The domain's share of the variance of the score, domains taken as uncorrelated; 1 while that is not known."""
        variances = [item.metrics.variance for item in self.domains]
        own = domain.metrics.variance
        if own is None or any(variance is None for variance in variances):
            return Decimal(1)
        total = sum((Decimal(variance) for variance in variances if variance is not None), start=Decimal(0))
        return Decimal(own) / total if total else Decimal(1)


def assembled(
    model: Model,
    parts: Sequence[Part],
    *,
    metrics: Sequence[VetMetrics],
    bands: VetBands,
    listed: Collection[ColumnKey] | None,
) -> Case:
    """The case of `model`, after checking that everything belongs to it."""
    by_department = {part.department: part for part in parts}
    measured = {item.department: item for item in metrics}
    departments = {head.department for head in model.parts}
    if not len(parts) == len(by_department) == len(model.parts) or set(by_department) != departments:
        raise VettingInputInvalid("expected one part for each department of the model")
    if not len(metrics) == len(measured) == len(model.parts) or set(measured) != departments:
        raise VettingInputInvalid("expected metrics from each department of the model")
    domains = []
    for head in model.parts:
        part, found = by_department[head.department], measured[head.department]
        if part.digest != head.digest or found.part != head.digest or found.model != model.digest:
            raise VettingInputInvalid(f"expected the part of {head.department} the model names, got another")
        check_metrics(part, found)
        if found.weights is not None:
            if not isinstance(part, LinearPart):
                raise VettingInputInvalid("expected a linear part under encryption, got a graph")
            found = completed(part, found, head=head, grid=model.grid)
        domains.append(Domain(part, found))
    if len({domain.metrics.weights is None for domain in domains}) != 1:
        raise VettingInputInvalid("expected weights hidden from all domains or from none, got some")
    if bands.model != model.digest or len(bands.counts) != model.bands:
        raise VettingInputInvalid("expected the band counts of this model, got others")
    return Case(model, tuple(domains), bands, None if listed is None else frozenset(listed))


def check_metrics(part: Part, metrics: VetMetrics) -> None:
    """Raise unless the metrics describe the part feature by feature (inputs, for a graph) and are possible numbers."""
    items = part.features if isinstance(part, LinearPart) else part.inputs
    if [item.column for item in metrics.features] != [item.column for item in items]:
        raise VettingInputInvalid(f"expected metrics of {part.department} feature by feature, got others")
    if isinstance(part, OnnxPart) != (metrics.graph is not None):
        raise VettingInputInvalid("expected figures of a graph exactly with an ONNX part")
    variances = [metrics.variance, *(v for item in metrics.features for v in (item.variance, item.effect))]
    if any(Decimal(variance) < 0 for variance in variances if variance is not None):
        raise VettingInputInvalid("expected variances of at least zero, got a negative one")
