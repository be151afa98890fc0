"""What one row contributes at a linear predictor η: weight, score and deviance, and how large each can get.

Rules:
1. Weights and scores are those of the canonical link, for which Newton's method and iteratively reweighted least squares are
   one (McCullagh and Nelder 1989, §2.5): weight V(μ), score y - μ.
2. η must stay within `eta_range`; outside it the caller refuses, or clips when noise protects the sums. Hence each term
   of each row has a bound that does not depend on data (`bounds`), which fixed point and sensitivity rest on.
3. A Poisson fit starts at μ = y + 0.1 (as R's glm does), the others at η = 0: the start is its own row function, whose score
   is W·z, so that the first step from coefficients zero is the first step of reweighted least squares.

All outcomes are responses as `Specification.response` makes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.glm.specification import Family, Specification

LINEAR_ETA: Final = 8.0
"""Fitted values of a scaled outcome, which itself lies in [-1, 1]."""
LOGISTIC_ETA: Final = 30.0
PRIVATE_LOGISTIC_ETA: Final = 8.0
POISSON_OVERSHOOT: Final = 8.0
"""A fitted mean is at most this many times the largest count."""
_LOWEST_LOG_MEAN: Final = -30.0
_START_SHIFT: Final = 0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RowTerms:
    """Weight, score and deviance of each row; shape [rows] each."""

    weight: Floats
    score: Floats
    deviance: Floats


@dataclass(frozen=True, slots=True)
class RowBounds:
    """The largest absolute value that one row has in each term of the sums."""

    weight: float
    score: float
    deviance: float
    outcome: float
    saturated: float


def eta_range(specification: Specification, *, private: bool = False) -> tuple[float, float]:
    """The least and largest η that a row may have."""
    match specification.family:
        case Family.LINEAR:
            return -LINEAR_ETA, LINEAR_ETA
        case Family.LOGISTIC:
            limit = PRIVATE_LOGISTIC_ETA if private else LOGISTIC_ETA
            return -limit, limit
        case Family.POISSON:
            return _LOWEST_LOG_MEAN, math.log(POISSON_OVERSHOOT * specification.outcome.hi)


def at(family: Family, response: Floats, eta: Floats) -> RowTerms:
    """The terms of rows with these responses at these η."""
    match family:
        case Family.LINEAR:
            residual = response - eta
            return RowTerms(np.ones_like(eta), residual, residual**2)
        case Family.LOGISTIC:
            # The logistic function by its half-angle form does not overflow.
            mean = 0.5 * (1.0 + np.tanh(eta / 2))
            deviance = 2 * (np.logaddexp(0.0, eta) - response * eta)
            return RowTerms(mean * (1 - mean), response - mean, deviance)
        case Family.POISSON:
            mean = np.exp(eta)
            deviance = 2 * (_x_log_x(response) - response * eta - (response - mean))
            return RowTerms(mean, response - mean, deviance)


def start(family: Family, response: Floats) -> RowTerms:
    """The terms of the first round, in which there are no coefficients yet (rule 3)."""
    if family is Family.POISSON:
        weight = response + _START_SHIFT
        score = weight * np.log(weight) + response - weight
        return RowTerms(weight, score, np.zeros_like(weight))
    return at(family, response, np.zeros_like(response))


def saturated(family: Family, response: Floats) -> Floats:
    """What the null deviance needs of each row besides its outcome: y², or y·ln y; zero for a logistic model."""
    match family:
        case Family.LINEAR:
            return response**2
        case Family.LOGISTIC:
            return np.zeros_like(response)
        case Family.POISSON:
            return _x_log_x(response)


def null_deviance(family: Family, *, rows: float, outcome: float, saturated: float) -> float:
    """The deviance of the intercept alone, from sums over all rows."""
    mean = outcome / rows
    match family:
        case Family.LINEAR:
            return saturated - outcome * mean
        case Family.LOGISTIC:
            return -2 * rows * float(_x_log_x(np.array([mean, 1 - mean])).sum())
        case Family.POISSON:
            return 2 * (saturated - outcome * math.log(mean)) if mean > 0 else 0.0


def bounds(specification: Specification, *, private: bool = False) -> RowBounds:
    """How large each term of a row can get while η stays in range (rule 2)."""
    low, high = eta_range(specification, private=private)
    match specification.family:
        case Family.LINEAR:
            return RowBounds(1.0, 1 + high, (1 + high) ** 2, 1.0, 1.0)
        case Family.LOGISTIC:
            return RowBounds(0.25, 1.0, 2 * (high + math.log(2)), 1.0, 1.0)
        case Family.POISSON:
            most, mean = specification.outcome.hi, math.exp(high)
            shifted = most + _START_SHIFT
            entropy = most * math.log(most)
            score = max(mean, shifted, shifted * abs(math.log(shifted)) + 1)
            deviance = 2 * (entropy + most * max(-low, high) + most + mean)
            return RowBounds(max(mean, shifted), score, deviance, most, max(1.0, entropy))


def _x_log_x(values: Floats) -> Floats:
    """x·ln x with its limit 0 at x = 0."""
    safe = np.where(values > 0, values, 1.0)
    return np.asarray(safe * np.log(safe), dtype=np.float64)
