"""What a fit says, in the units of the columns: coefficients, standard errors, z, deviances.

Rules:
1. γ of scaled columns becomes β = T·γ: a slope is divided by its column's half width, the intercept moves by the middles; for
   a linear model both are multiplied by the half width of the outcome. Covariances follow as T·C·T'.
2. C is the inverse information times the dispersion; with a ridge the sandwich (H + λP)^-1·H·(H + λP)^-1. Rows count as
   independent, as they do in every such fit.
3. Noise on the score of the last round adds (H + λP)^-1·σ²·(H + λP)^-1 to C, so that intervals cover it; noise on H is of
   second order and is not covered.
4. Fewer than `PERSONS` rows, or more coefficients than a third of the rows, are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from policies.disclosure.limits import PERSONS
from policies.glm import families
from policies.glm.errors import GlmWithheld
from policies.glm.families import Floats
from policies.glm.fitting import NoiseSizes, Settled, dispersion, inverted
from policies.glm.specification import Family, Specification

PARAMETER_SHARE: Final = Fraction(33, 100)
"""DataSHIELD's nfilter.glm: coefficients per person at most."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model; tuples in the order of `names`, the intercept first."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    deviance: float
    null_deviance: float
    dispersion: float
    rows: int
    rounds: int
    rows_per_person: int = 1

    @property
    def least_persons(self) -> int:
        """How many persons the fit is of at least: what V15 of vetting may count on."""
        return -(-self.rows // self.rows_per_person)

    @property
    def z(self) -> tuple[float, ...]:
        """Coefficients in standard errors."""
        return tuple(b / e for b, e in zip(self.coefficients, self.standard_errors, strict=True))


def fit(specification: Specification, settled: Settled, *, noise: NoiseSizes | None = None) -> Fit:
    """The fit in the units of the columns. Raises GlmWithheld (rule 4)."""
    statistics = settled.statistics
    rows = round(statistics.rows)
    if rows < PERSONS or specification.parameters > PARAMETER_SHARE * rows:
        raise GlmWithheld("expected enough rows for each coefficient, got too few")
    penalty = specification.penalty()
    inverse = inverted(statistics.information + np.diag(penalty), noise=noise)
    scale = dispersion(specification, statistics)
    covariance = (inverse @ statistics.information @ inverse if penalty.any() else inverse) * scale
    if noise is not None:
        covariance = covariance + inverse @ inverse * noise.score**2
    unscaled = unscaling(specification)
    coefficients = unscaled @ settled.coefficients
    unit = 1.0
    if specification.family is Family.LINEAR:
        unit = specification.outcome.half
        coefficients = coefficients * unit
        coefficients[0] += specification.outcome.middle
    variances = np.diag(unscaled @ covariance @ unscaled.T) * unit**2
    null = families.null_deviance(
        specification.family, rows=rows, outcome=statistics.outcome, saturated=statistics.saturated
    )
    return Fit(
        names=specification.names,
        coefficients=tuple(float(b) for b in coefficients),
        standard_errors=tuple(float(e) for e in np.sqrt(variances)),
        deviance=statistics.deviance * unit**2,
        null_deviance=null * unit**2,
        dispersion=scale * unit**2,
        rows=rows,
        rounds=settled.rounds,
        rows_per_person=specification.rows_per_person,
    )


def unscaling(specification: Specification) -> Floats:
    """T of rule 1 without the outcome's scale; shape [parameters, parameters]."""
    matrix = np.eye(specification.parameters)
    for j, column in enumerate(specification.features, start=1):
        matrix[j, j] = 1 / column.half
        matrix[0, j] = -column.middle / column.half
    return matrix
