"""What a domain measures of features whose weights it must not see: each by itself, and nothing of any score.

Rules: the disclosure rules of `metrics`. Of a feature leave: persons with a value, variance of its transformed value, whether
it is sensitive, and how many different steps it takes over persons, which no weight can make more of. What takes weights to
measure is absent; the examiner adds what follows from its weights (`policies.vetting.hidden`) and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from connectors.store.statistics import ColumnStatistics
from enclaves.model import linear
from enclaves.run.rounding import rounded_persons, rounded_share, rounded_variance
from enclaves.vetting.metrics import UNWEIGHTED, UNWEIGHTED_FEATURE, Population, is_constant
from policies import fixed_point
from policies.documents.encrypted import EncryptedWeights
from policies.documents.strict_json import Json


def described(
    weights: EncryptedWeights,
    population: Population,
    statistics: Sequence[ColumnStatistics],
    *,
    sensitive: Collection[str],
) -> dict[str, Json]:
    """The measured members of the document, one line a feature in the order of `weights`."""
    everybody = np.ones(population.persons, dtype=np.bool_)
    values = [
        linear.transformed(feature, population.columns, slots=population.persons)
        for feature in weights.features
    ]
    steps = fixed_point.exponents(weights, values, everybody)[:, 1:]
    lines: list[Json] = []
    for place, figure in enumerate(statistics):
        still = is_constant(values[place])
        different = len(np.unique(steps[:, place])) / population.persons
        lines.append(
            {
                "column": figure.column,
                "persons": rounded_persons(figure.persons),
                "variance": "0" if still else rounded_variance(figure.variance),
                "sensitive": figure.column in sensitive,
                "distinct": "0" if still else rounded_share(different),
                **UNWEIGHTED_FEATURE,
            }
        )
    return {
        "persons": rounded_persons(population.persons),
        **UNWEIGHTED,
        "graph": None,
        "features": lines,
    }
