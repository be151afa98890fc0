"""What is fitted: family, columns with their declared bounds, ridge, rounds. Bounds are public, hence so is the scaling.

Rules:
1. A feature x with bounds [lo, hi] is clipped to them and trained on as u = (x - middle) / half, so |u| ≤ 1. The outcome
   of a linear model is scaled alike; that of a logistic model is 0 or 1; that of a Poisson model a whole number in [0, hi].
2. Every model has an intercept; it comes first and is never penalized.
3. The ridge penalty λ is on coefficients γ of *scaled* features: each step solves (X'WX + λP)·γ = X'Wz with X and z scaled
   and P the identity without its first entry.
4. A missing value is refused here: rows with one are left out before (complete cases).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.glm.errors import GlmInvalid

MAX_FEATURES: Final = 64
MAX_ROUNDS: Final = 25
MAX_ROWS_PER_PERSON: Final = 1_000
LARGEST_COUNT: Final = 10_000


class Family(StrEnum):
    """Which distribution the outcome has; the link is the canonical one."""

    LINEAR = "linear"
    LOGISTIC = "logistic"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the public bounds that its values are clipped to, lo < hi."""

    name: str
    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not self.name:
            raise GlmInvalid("expected a column with a name, got none")
        if not (math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo < self.hi):
            raise GlmInvalid(f"expected finite bounds from low to high for `{self.name}`, got others")

    @property
    def middle(self) -> float:
        return self.lo / 2 + self.hi / 2

    @property
    def half(self) -> float:
        return self.hi / 2 - self.lo / 2

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`values`, clipped and mapped onto [-1, 1]; shape kept. Raises GlmInvalid for NaN."""
        if np.isnan(values).any():
            raise GlmInvalid(f"expected complete rows, got one without `{self.name}`")
        return np.clip((np.clip(values, self.lo, self.hi) - self.middle) / self.half, -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Specification:
    """One model as it is authorized; the same for all domains and all rounds."""

    family: Family
    outcome: Column
    features: tuple[Column, ...]
    ridge: float = 0.0
    rounds: int = MAX_ROUNDS
    rows_per_person: int = 1
    """The most rows of one person that a domain trains on; it matters for differential privacy."""

    def __post_init__(self) -> None:
        names = [self.outcome.name, *(feature.name for feature in self.features)]
        if not 1 <= len(self.features) <= MAX_FEATURES or len(set(names)) != len(names):
            raise GlmInvalid(
                f"expected an outcome and 1 to {MAX_FEATURES} features of distinct names, got others"
            )
        if not (math.isfinite(self.ridge) and self.ridge >= 0):
            raise GlmInvalid("expected a ridge of at least zero, got another")
        if not 2 <= self.rounds <= MAX_ROUNDS:
            raise GlmInvalid(f"expected 2 to {MAX_ROUNDS} rounds, got {self.rounds}")
        if not 1 <= self.rows_per_person <= MAX_ROWS_PER_PERSON:
            raise GlmInvalid(f"expected 1 to {MAX_ROWS_PER_PERSON} rows a person, got {self.rows_per_person}")
        _check_outcome_bounds(self.family, self.outcome)

    @property
    def parameters(self) -> int:
        """Coefficients with the intercept."""
        return 1 + len(self.features)

    @property
    def names(self) -> tuple[str, ...]:
        return ("(intercept)", *(feature.name for feature in self.features))

    @property
    def lowest_response(self) -> float:
        """The least value that a response may have."""
        return -1.0 if self.family is Family.LINEAR else 0.0

    def design(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scaled design matrix [rows, parameters] of `features` [rows, features in order], intercept first."""
        if features.ndim != 2 or features.shape[1] != len(self.features):
            raise GlmInvalid(f"expected {len(self.features)} feature columns, got another shape")
        scaled = [column.scaled(features[:, j]) for j, column in enumerate(self.features)]
        return np.column_stack([np.ones(len(features)), *scaled])

    def response(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        """The outcome as it is trained on, shape kept (rule 1). Raises GlmInvalid for values the family does not have."""
        if self.family is Family.LINEAR:
            return self.outcome.scaled(outcome)
        if np.isnan(outcome).any():
            raise GlmInvalid("expected complete rows, got one without its outcome")
        clipped = np.clip(outcome, self.outcome.lo, self.outcome.hi)
        if (clipped != np.rint(clipped)).any() or (
            self.family is Family.LOGISTIC and (clipped != outcome).any()
        ):
            raise GlmInvalid(f"expected outcomes of a {self.family.value} model, got others")
        return clipped

    def penalty(self) -> NDArray[np.float64]:
        """λ on the diagonal for every coefficient but the intercept; shape [parameters]."""
        weights = np.full(self.parameters, self.ridge)
        weights[0] = 0.0
        return weights


def _check_outcome_bounds(family: Family, outcome: Column) -> None:
    if family is Family.LOGISTIC and (outcome.lo, outcome.hi) != (0.0, 1.0):
        raise GlmInvalid("expected bounds 0 and 1 for the outcome of a logistic model, got others")
    whole = float(outcome.hi).is_integer()
    if family is Family.POISSON and not (outcome.lo == 0 and whole and 1 <= outcome.hi <= LARGEST_COUNT):
        raise GlmInvalid(f"expected bounds 0 and 1 to {LARGEST_COUNT} for a count, got others")
