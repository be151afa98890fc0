"""Vetting on this machine: the checks a model would meet, tried on a twin, before anybody else sees the model.

The same measuring as in the enclave and the same judging as at the examiner's. The report is nobody's signed word: what
counts is measured on real rows, under the disclosure rule, by each domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.store.statistics import ColumnStatistics
from enclaves.model import linear
from enclaves.model.column import Column
from enclaves.model.partial import grid_units
from enclaves.run.rounding import rounded_count, rounded_persons
from enclaves.vetting import twin
from enclaves.vetting.bundle import Bundle, BundleInvalid, head_of
from enclaves.vetting.graphs import Inspection, inspect, observed
from enclaves.vetting.metrics import Population, Subject, measured, unmeasured
from enclaves.vetting.probes import Evaluate, places_of
from enclaves.worker.vector import evaluator
from policies import banding
from policies.documents.model import LinearPart, Model, OnnxPart, Part, PartHead
from policies.documents.strict_json import Json
from policies.documents.vetting import Check, VetBands, VetMetrics
from policies.sql.data_list import DataList
from policies.vetting import judge

_NO_JOB = "0" * 64


@dataclass(frozen=True, slots=True)
class Draw:
    """How a twin is made where no file is given."""

    rows: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Domain:
    """A part with what the list says of it, its rows, and how it runs; without `evaluate` it may not run."""

    part: Part
    listed: twin.Listed
    population: Population
    inspection: Inspection | None
    evaluate: Evaluate | None

    def partials(self) -> NDArray[np.float64]:
        if self.evaluate is None:
            return np.zeros(self.population.persons)
        return np.nan_to_num(self.evaluate(self.population.columns, self.population.persons))


def vet(
    bundle: Bundle, listed: DataList, rows: pa.Table | Draw, *, bands: int
) -> tuple[Model, tuple[Check, ...]]:
    """The model and its checks. Raises PolicyError, ModelError or TooFewPersons."""
    generator = np.random.default_rng(rows.seed if isinstance(rows, Draw) else 0)
    domains = [_domain(bundle, part, listed, rows, generator) for part in bundle.parts]
    model = bundle.head or head_of(domains[0].part, domains[0].partials(), bands=bands)
    metrics = [_metrics(bundle, domain, model) for domain in domains]
    names = [
        (domain.part.department, domain.part.dataset, column)
        for domain in domains
        for column in domain.listed.features
    ]
    return model, judge(model, bundle.parts, metrics=metrics, bands=_bands(model, domains), listed=names)


def _domain(
    bundle: Bundle, part: Part, listed: DataList, rows: pa.Table | Draw, generator: np.random.Generator
) -> _Domain:
    about = twin.listed_columns(listed, part)
    places = places_of(part, about.types)
    if isinstance(rows, Draw):
        columns = twin.drawn(places, twin.bounds_of(listed, part), rows=rows.rows, generator=generator)
        persons = rows.rows
    else:
        columns, persons = twin.columns_from(rows, places, about.tables), len(rows)
    population = Population(columns, persons)
    if not isinstance(part, OnnxPart):
        return _Domain(part, about, population, None, evaluator(part, None))
    graph = bundle.graphs[part.department]
    inspection = inspect(graph, inputs=len(part.inputs))
    return _Domain(part, about, population, inspection, None if inspection.faults else evaluator(part, graph))


def _metrics(bundle: Bundle, domain: _Domain, model: Model) -> VetMetrics:
    part, population = domain.part, domain.population
    subject = Subject(
        part=part,
        head=_head(model, part),
        grid=float(model.grid),
        bands=model.bands,
        types=domain.listed.types,
        sensitive=frozenset(part.columns),
    )
    figures = _statistics(part, population)
    graph: dict[str, Json] | None = None
    if domain.evaluate is None:
        body = unmeasured(subject, population, figures)
        graph = domain.inspection.body() if domain.inspection else None
    else:
        body = measured(subject, population, figures, domain.evaluate)
        if isinstance(part, OnnxPart) and domain.inspection is not None:
            graph = observed(
                domain.inspection,
                part,
                bundle.graphs[part.department],
                population=population,
                evaluate=domain.evaluate,
                grid=subject.grid,
            )
    return VetMetrics.from_body(
        {
            **body,
            "id": f"twin-{part.department}",
            "enclave": part.department,
            "department": part.department,
            "job": _NO_JOB,
            "model": model.digest,
            "part": part.digest,
            "graph": graph,
        }
    )


def _head(model: Model, part: Part) -> PartHead:
    head = model.part(part.department)
    if head is None:
        raise BundleInvalid(f"expected a model with a part of `{part.department}`, got another")
    return head


def _statistics(part: Part, population: Population) -> Sequence[ColumnStatistics]:
    """Persons with a value and variance of the transformed value, feature by feature."""
    return [_statistic(part, index, population) for index in range(len(_names(part)))]


def _statistic(part: Part, index: int, population: Population) -> ColumnStatistics:
    name = _names(part)[index]
    column = population.columns[name]
    known = Column(column.values[~column.missing], column.missing[~column.missing])
    count = len(known.values)
    if isinstance(part, LinearPart):
        values = linear.transformed(part.features[index], {name: known}, slots=count)
    else:
        item = part.inputs[index]
        values = np.clip(known.numbers(fill=0.0), float(item.low), float(item.high))
    return ColumnStatistics(name, count, float(values.var()) if count else 0.0)


def _names(part: Part) -> list[str]:
    """The column of each feature, or of each input of a graph."""
    if isinstance(part, LinearPart):
        return [feature.column for feature in part.features]
    return [item.column for item in part.inputs]


def _bands(model: Model, domains: Sequence[_Domain]) -> VetBands:
    persons = domains[0].population.persons
    totals = np.full(persons, model.intercept, dtype=np.int64)
    for domain in domains:
        known = np.ones(persons, dtype=np.bool_)
        totals += grid_units(domain.partials(), known, head=_head(model, domain.part), grid=float(model.grid))
    counts = np.bincount(banding.bands(totals, model.cut_points), minlength=model.bands)
    return VetBands(
        id="twin-bands",
        gate="twin",
        job=_NO_JOB,
        model=model.digest,
        persons=rounded_persons(persons),
        counts=tuple(rounded_count(int(count)) for count in counts),
    )
