"""The gate's side of a run over split columns: from the opened Gram matrix to a fit, or to the rounds of a logistic one.

Rules:
1. A linear or ridge model has its normal equations in the Gram matrix: one step solves them.
2. A logistic model takes Newton's steps from zero, as `policies.glm.fitting` does for rows that are split by people; the
   deviance is 2·(Σ ln(1 + e^η) - γ'X'y), the second term exactly from the Gram matrix.
3. Coefficients whose absolute values add up to more than the plan's reach are not sent: GlmDiverged.
4. A fit settles at a step below 2e-5: truncation rounds at random, so that smaller steps mean nothing.

Also the dealer: it holds masks and opened sums, never a message between domains (`dealing`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from enclaves.protocols.ring import Total
from enclaves.training.errors import TrainingRefused
from enclaves.training.vertical import VerticalPlan, opened
from policies.glm import fitting
from policies.glm.errors import GlmDiverged
from policies.glm.families import Floats
from policies.glm.fit import Fit, fit
from policies.glm.specification import Family
from policies.glm.statistics import Statistics

TOLERANCE: Final = 2e-5
_SLACK: Final = 1e-3
"""By how much opened sums may miss what rows allow: rounding, never noise of the ring."""


class VerticalGate:
    """Opened sums in, coefficients out; only `Fit` is for others to see."""

    def __init__(self, plan: VerticalPlan) -> None:
        self._plan = plan
        self._gram: Floats | None = None
        self.asked = fitting.first(plan.specification)

    def gram(self, total: Total) -> Fit | None:
        """Take the opened Gram matrix: the fit of a linear model, or None for a logistic one, whose rounds begin.

        Raises GlmDiverged, GlmWithheld, or TrainingRefused for a matrix that no rows have.
        """
        columns = self._plan.columns
        values = np.array(opened(total, slots=columns * (columns + 1) // 2), dtype=np.float64)
        gram = _symmetric(np.ldexp(values, -2 * self._plan.places), columns)
        if float(np.abs(gram).max()) > self._plan.rows * (1 + _SLACK) or round(gram[0, 0]) != self._plan.rows:
            raise TrainingRefused("expected a Gram matrix that the plan's rows can have, got another")
        self._gram = gram
        if self._plan.specification.family is Family.LOGISTIC:
            return None
        return self._linear(gram)

    def logistic(self, total: Total) -> Fit | None:
        """Take the opened sums of the round that was asked; the fit, or None with `asked` moved on."""
        if self._gram is None:
            raise TrainingRefused("expected the Gram matrix before the rounds, got none")
        plan, p = self._plan, self._plan.specification.parameters
        triangle = p * (p + 1) // 2
        values = np.array(opened(total, slots=p + triangle + 1), dtype=np.float64)
        score = np.ldexp(values[:p], -2 * plan.places)
        information = _symmetric(np.ldexp(values[p : p + triangle], -2 * plan.places), p)
        softplus = float(np.ldexp(values[-1], -plan.places))
        if np.abs(score).max() > plan.rows * (1 + _SLACK) or information[0, 0] > plan.rows * (0.25 + _SLACK):
            raise TrainingRefused("expected sums that the plan's rows can have, got others")
        deviance = 2 * (softplus - float(self.asked.coefficients @ self._gram[:-1, -1]))
        statistics = Statistics(information, score, deviance, float(self._gram[0, -1]), 0.0, plan.rows)
        after = fitting.advance(plan.specification, self.asked, statistics, tolerance=TOLERANCE)
        if isinstance(after, fitting.Settled):
            return fit(plan.specification, after)
        if float(np.abs(after.coefficients).sum()) > plan.reach:
            raise GlmDiverged("expected coefficients within the reach of the polynomials, got larger ones")
        self.asked = after
        return None

    def coefficients(self, party: int) -> Floats:
        """What `party` is told for the round that is asked: its own coefficients only."""
        return self.asked.coefficients[self._plan.slice(party)].copy()

    def _linear(self, gram: Floats) -> Fit:
        specification = self._plan.specification
        information, moments = gram[:-1, :-1], gram[:-1, -1]
        outcome, squares = float(gram[0, -1]), float(gram[-1, -1])
        zero = np.zeros(specification.parameters)
        at_zero = Statistics(information, moments, squares, outcome, squares, self._plan.rows)
        solution = fitting.newton_step(specification, zero, at_zero)
        deviance = squares - 2 * float(solution @ moments) + float(solution @ information @ solution)
        statistics = Statistics(information, moments, deviance, outcome, squares, self._plan.rows)
        return fit(specification, fitting.Settled(solution, statistics, 1))


def _symmetric(triangle: Floats, size: int) -> Floats:
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = triangle
    return matrix + np.triu(matrix, 1).T
