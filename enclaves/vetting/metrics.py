"""The body of a `vet-metrics` document from a part and its domain's rows, already under the disclosure rule.

Rules (protocols.md sections 6.2 L3, L4 and 6.5):
- Fewer than ten persons, or a feature of which fewer than ten persons have a value: nothing at all (`TooFewPersons`).
- A feature on which fewer than ten persons differ from the most frequent value counts as constant: no figure speaks of a
  small group.
- Persons to the nearest five, variances to three significant digits, shares to three decimals. A leaf's population leaves
  as one word, whether any holds 1 to 19 persons.
- Scores are taken as they enter the sum: integers in grid units, clipped. A missing value is filled as the part says.
- Rank correlation, information and guesses are measured over at most `MAX_MEASURED` persons, every k-th of them.

The rest of the score, of which the domain knows only that it exists, is a normal one drawn under a fixed seed, at each of
`SHARES`; `policies.vetting.leaks` says why. What the figures mean is judged there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.store.statistics import ColumnStatistics
from enclaves.model import linear
from enclaves.model.column import Column, Numbers
from enclaves.model.partial import grid_units
from enclaves.run.errors import TooFewPersons
from enclaves.run.rounding import MIN_PERSONS, rounded_persons, rounded_share, rounded_variance
from enclaves.vetting import leakage, probes
from enclaves.vetting.probes import Evaluate, Place
from policies.documents.dataset import ColumnType
from policies.documents.model import LinearPart, Part, PartHead
from policies.documents.strict_json import Json

SHARES: Final = (1.0, 0.9, 0.6, 0.3)
"""Shares of the score's variance at which the partial is measured; the first is the partial by itself."""
MAX_MEASURED: Final = 50_000
# A document has room for 64 KiB: long parts are measured at fewer shares.
_LONG_PART: Final = 100
_REST_SEED: Final = 20_260_403
UNWEIGHTED: Final[Mapping[str, Json]] = MappingProxyType({"variance": None, "unique": None, "finite": None})
"""What a document says of a whole part whose weights were not applied."""
UNWEIGHTED_FEATURE: Final[Mapping[str, Json]] = MappingProxyType(
    {"effect": None, "raw_information": None, "sweep": None, "leaks": []}
)
"""The same of one of its features."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A part with what is public of it and of its data set: types and which columns are sensitive."""

    part: Part
    head: PartHead
    grid: float
    bands: int
    types: Mapping[str, ColumnType]
    sensitive: frozenset[str]

    def units(self, partials: Numbers) -> NDArray[np.float64]:
        """Partials as they enter the sum; a value that is no number counts as the default."""
        known = np.ones(len(partials), dtype=np.bool_)
        return grid_units(partials, known, head=self.head, grid=self.grid).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody in the domain: the part's columns, one value a person."""

    columns: Mapping[str, Column]
    persons: int

    def __post_init__(self) -> None:
        if self.persons < MIN_PERSONS:
            raise TooFewPersons(f"expected at least {MIN_PERSONS} persons, got fewer")

    def sample(self) -> Population:
        """Every k-th person, at most `MAX_MEASURED` of them."""
        step = -(-self.persons // MAX_MEASURED)
        return Population(
            {
                name: Column(column.values[::step], column.missing[::step])
                for name, column in self.columns.items()
            },
            len(range(0, self.persons, step)),
        )


def measured(
    subject: Subject, population: Population, statistics: Sequence[ColumnStatistics], evaluate: Evaluate
) -> dict[str, Json]:
    """`persons`, `variance`, `unique`, `finite` and `features` of the document."""
    units = subject.units(evaluate(population.columns, population.persons))
    sample = population.sample()
    places = probes.places_of(subject.part, subject.types)
    swept = {
        name: probes.alone(evaluate, places, name, probes.sweep_values(place))
        for name, place in places.items()
    }
    constant = evaluate(probes.constants(places), 2)
    scores = _blurred(subject.units(evaluate(sample.columns, sample.persons)), features=len(statistics))
    lines: list[Json] = []
    for index, figure in enumerate(statistics):
        place = places[figure.column]
        sweep = subject.units(swept[figure.column])
        line = _base(subject, figure)
        line |= {"sweep": {"levels": len(np.unique(sweep)), "span": int(np.ptp(sweep))}}
        line |= _feature(subject, sample, place, index=index, evaluate=evaluate, places=places, scores=scores)
        lines.append(line)
    finite = all(bool(np.isfinite(values).all()) for values in (constant, *swept.values()))
    return {
        "persons": rounded_persons(population.persons),
        "variance": rounded_variance(float(units.var())),
        "unique": rounded_share(len(np.unique(units)) / population.persons),
        "finite": finite,
        "features": lines,
    }


def unmeasured(
    subject: Subject, population: Population, statistics: Sequence[ColumnStatistics]
) -> dict[str, Json]:
    """The same of a part that may not be run: only what its columns say by themselves."""
    nothing: dict[str, Json] = {"distinct": None, **UNWEIGHTED_FEATURE}
    return {
        "persons": rounded_persons(population.persons),
        **UNWEIGHTED,
        "features": [{**_base(subject, figure), **nothing} for figure in statistics],
    }


def _base(subject: Subject, figure: ColumnStatistics) -> dict[str, Json]:
    """What is said of a feature whether or not the part runs. Raises TooFewPersons."""
    return {
        "column": figure.column,
        "persons": rounded_persons(figure.persons),
        "variance": rounded_variance(figure.variance),
        "sensitive": figure.column in subject.sensitive,
    }


def _feature(
    subject: Subject,
    sample: Population,
    place: Place,
    *,
    index: int,
    evaluate: Evaluate,
    places: Mapping[str, Place],
    scores: Sequence[tuple[float, NDArray[np.float64]]],
) -> dict[str, Json]:
    """What the partials say of one feature."""
    values = _values(subject.part, index, sample)
    if is_constant(values):
        still = [_leak(share, 0.0, 0.0, 0.0) for share, _ in scores]
        return {"variance": "0", "distinct": "0", "effect": "0", "raw_information": "0", "leaks": still}
    effect = subject.units(probes.alone(evaluate, places, place.column, sample.columns[place.column]))
    levels = leakage.levels_of(values)
    leaks: list[Json] = []
    for share, score in scores:
        band = leakage.banded(score, subject.bands)
        information, gain = leakage.information_share(band, levels), leakage.accuracy_gain(band, levels)
        leaks.append(_leak(share, leakage.spearman(score, values), information, gain))
    return {
        "distinct": rounded_share(len(np.unique(effect)) / sample.persons),
        "effect": rounded_variance(float(effect.var())),
        "raw_information": rounded_share(leakage.raw_information_share(scores[0][1], levels)),
        "leaks": leaks,
    }


def _leak(share: float, spearman: float, information: float, gain: float) -> Json:
    return {
        "share": rounded_share(share),
        "spearman": rounded_share(spearman),
        "information": rounded_share(information),
        "gain": rounded_share(gain),
    }


def _values(part: Part, index: int, sample: Population) -> NDArray[np.float64]:
    """The feature as the part sees it: filled, clipped, transformed."""
    if isinstance(part, LinearPart):
        return linear.transformed(part.features[index], sample.columns, slots=sample.persons)
    item = part.inputs[index]
    return np.clip(
        sample.columns[item.column].numbers(fill=float(item.fill)), float(item.low), float(item.high)
    )


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether fewer than ten persons differ from the most frequent value."""
    _, counts = np.unique(values, return_counts=True)
    return len(values) - int(counts.max()) < MIN_PERSONS


def _blurred(units: NDArray[np.float64], *, features: int) -> list[tuple[float, NDArray[np.float64]]]:
    """The partial at each share: itself, then under an independent normal rest of the size that is left."""
    rest = np.random.default_rng(_REST_SEED).standard_normal(len(units)) * units.std()
    shares = SHARES if features <= _LONG_PART else (SHARES[0], SHARES[2])
    return [(share, units + rest * np.sqrt((1 - share) / share)) for share in shares]
