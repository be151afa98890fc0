"""Figures of one column over a population, for vetting: how many persons, and how much they differ.

Values are clipped to the model's bounds and transformed as the model would (policies.documents.model.Feature), then the
population variance is taken. Figures are exact; what of them may be told is decided elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.errors import StoreError
from connectors.store.population import Held, Numbers
from policies.documents.model import Transform


@dataclass(frozen=True, slots=True)
class Question:
    """A column as a feature uses it. `low` and `high` clip numbers; `equals` is the text that counts as 1."""

    column: str
    low: float
    high: float
    transform: Transform = Transform.IDENTITY
    equals: str | None = None

    def __post_init__(self) -> None:
        if (self.transform is Transform.EQUALS) != (self.equals is not None):
            raise StoreError("expected `equals` exactly with the transform equals")
        if not self.low <= self.high:
            raise StoreError("expected low ≤ high, got another order")
        if self.transform is Transform.LOG1P and self.low <= -1:
            raise StoreError("expected log1p of values above -1, got a lower bound")


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Exact figures of one question: distinct persons with a value, and the population variance (0 for nobody)."""

    column: str
    persons: int
    variance: float


def answer(question: Question, held: Held) -> ColumnStatistics:
    """Figures of `question` over a column's values by person."""
    # The last entry stands for a person who is not here.
    known = np.flatnonzero(~held.missing[:-1])
    values = _transformed(question, held, known)
    variance = float(values.var()) if len(values) else 0.0
    return ColumnStatistics(question.column, len(known), variance)


def _transformed(question: Question, held: Held, known: NDArray[np.intp]) -> NDArray[np.float64]:
    if question.equals is not None:
        return _equal(question.equals, held, known).astype(np.float64)
    if not isinstance(held, Numbers):
        raise StoreError(f"expected a number column for {question.transform}, got text")
    values = np.clip(held.values[known], question.low, question.high)
    return np.log1p(values) if question.transform is Transform.LOG1P else values


def _equal(text: str, held: Held, known: NDArray[np.intp]) -> NDArray[np.bool_]:
    if not isinstance(held, Numbers):
        # Code -1 means missing and -2 nothing at all: a text nobody has equals nobody's.
        same: NDArray[np.bool_] = held.codes[known] == held.code_of.get(text, -2)
        return same
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    equal: NDArray[np.bool_] = held.values[known] == number
    return equal
