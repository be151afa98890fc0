"""The gate's side of a fit: from the opened sums of one round to the coefficients of the next, or to the end.

Rules:
1. Newton's step: (X'WX + λP)·step = X'(y - μ) - λPγ. Round 1 has no coefficients; its sums are those of `families.start`.
2. If the penalized deviance rose, the next round tries halfway back to the best coefficients so far.
3. A fit has settled when no coefficient of scaled columns moves by more than `tolerance`; the last step is still taken.
   It must settle within the rounds of its specification, or GlmDiverged is raised.
4. A matrix that is not positive definite to within rounding belongs to columns that depend on one another: GlmDiverged.
5. Under noise a fit has a fixed number of rounds, since when to stop would depend on noise that was paid for; and the matrix
   is lifted to the least eigenvalue that noise leaves meaningful.

The gate sees every round's sums and only the fit leaves it. Reference: McCullagh and Nelder 1989, §2.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from policies.glm.errors import GlmDiverged, GlmInvalid
from policies.glm.families import Floats
from policies.glm.specification import Family, Specification
from policies.glm.statistics import Statistics

TOLERANCE: Final = 1e-8
_ROSE: Final = 0.1
"""Of the tolerance: a deviance that rose by less, relatively, rose by rounding."""
_SINGULAR: Final = 1e-11
"""The least ratio of eigenvalues of the information matrix after its diagonal was scaled to one."""


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best coefficients so far and their penalized deviance."""

    coefficients: Floats
    objective: float


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What the domains are asked next: sums at `coefficients` (of scaled columns); round 1 has none but zeros."""

    number: int
    coefficients: Floats
    best: Best | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Coefficients that moved no more, with the sums of the last round and the rounds that it took."""

    coefficients: Floats
    statistics: Statistics
    rounds: int


@dataclass(frozen=True, slots=True)
class NoiseSizes:
    """The standard deviation of everybody's noise on one slot of the two blocks that steps are made of."""

    information: float
    score: float


def first(specification: Specification) -> Round:
    """Round 1."""
    return Round(1, np.zeros(specification.parameters))


def advance(
    specification: Specification,
    asked: Round,
    statistics: Statistics,
    *,
    tolerance: float = TOLERANCE,
    noise: NoiseSizes | None = None,
) -> Round | Settled:
    """The next round, or the end of the fit. Raises GlmDiverged (rules 3 and 4)."""
    if not np.isfinite(statistics.information).all() or statistics.rows < 1:
        raise GlmInvalid("expected finite sums of at least one row, got others")
    best = asked.best
    if best is not None:
        now = objective(specification, asked.coefficients, statistics)
        if now > _not_worse(best.objective, tolerance):
            return _next(specification, asked, (best.coefficients + asked.coefficients) / 2, best)
    step = newton_step(specification, asked.coefficients, statistics, noise=noise)
    moved = asked.coefficients + step
    if noise is not None:
        if asked.number == specification.rounds:
            return Settled(moved, statistics, asked.number)
        return Round(asked.number + 1, moved)
    if asked.number > 1 and float(np.abs(step).max()) <= tolerance * max(1.0, float(np.abs(moved).max())):
        return Settled(moved, statistics, asked.number)
    # The start of a Poisson fit has no deviance to compare with.
    if asked.number > 1:
        best = Best(asked.coefficients, objective(specification, asked.coefficients, statistics))
    return _next(specification, asked, moved, best)


def objective(specification: Specification, coefficients: Floats, statistics: Statistics) -> float:
    """What falls from round to round: deviance + λ·Σγ² without the intercept."""
    return statistics.deviance + float(specification.penalty() @ coefficients**2)


def newton_step(
    specification: Specification,
    coefficients: Floats,
    statistics: Statistics,
    *,
    noise: NoiseSizes | None = None,
) -> Floats:
    """The step of rule 1; shape [parameters]."""
    penalty = specification.penalty()
    gradient = statistics.score - penalty * coefficients
    inverse = inverted(statistics.information + np.diag(penalty), noise=noise)
    return inverse @ gradient


def inverted(matrix: Floats, *, noise: NoiseSizes | None = None) -> Floats:
    """The inverse of a symmetric positive definite matrix. Raises GlmDiverged (rule 4)."""
    if noise is not None:
        # The largest eigenvalue of a symmetric noise matrix is about 2σ·sqrt(p) (Wigner); smaller ones mean nothing.
        least = max(2 * noise.information * len(matrix) ** 0.5, 1e-6)
        values, vectors = np.linalg.eigh(matrix)
        return np.asarray((vectors / np.maximum(values, least)) @ vectors.T)
    diagonal = np.diag(matrix)
    if (diagonal <= 0).any():
        raise GlmDiverged("expected columns that vary, got one that does not")
    scale = 1 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    if values[0] <= _SINGULAR * values[-1]:
        raise GlmDiverged("expected columns that do not depend on one another, got some that do")
    return np.asarray((vectors / values) @ vectors.T) * np.outer(scale, scale)


def dispersion(specification: Specification, statistics: Statistics) -> float:
    """The scale of the family: of a linear model residual sum over degrees of freedom (scaled outcome), else one."""
    if specification.family is not Family.LINEAR:
        return 1.0
    free = statistics.rows - specification.parameters
    if free <= 0:
        raise GlmDiverged("expected more rows than coefficients, got fewer")
    return max(statistics.deviance, 0.0) / free


def _next(specification: Specification, asked: Round, coefficients: Floats, best: Best | None) -> Round:
    if asked.number >= specification.rounds:
        raise GlmDiverged(
            f"expected a fit that settles within {specification.rounds} rounds, got one that does not"
        )
    return Round(asked.number + 1, coefficients, best)


def _not_worse(best: float, tolerance: float) -> float:
    return best + _ROSE * tolerance * max(1.0, abs(best))
