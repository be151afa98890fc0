"""How far off an output is that is divided out of noisy sums: half the width of its 95 % interval, before anything is spent.

Rules:
1. A mean is a noisy sum over a noisy count of rows; a variance also needs the noisy sum of squares. Counts and sums are off by
   their own noise alone (`policies.privacy.accuracy.half_width`).
2. The error of a ratio needs the number of rows of a cell: the delta method with the largest mean that the bounds allow, so
   that the truth is usually nearer.
3. A standard deviation is off by at most the root of its variance's error.

All variances are those of the whole noise on a sum, everybody's together, in the unit of what is summed. Which noise a sum
gets is left to `policies.aggregate.noise`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from policies.privacy.accuracy import NORMAL_95
from policies.privacy.errors import PrivacyInvalid


@dataclass(frozen=True, slots=True)
class Ratio:
    """Variances of the noise on the sum and on the rows; `largest` is the largest absolute value of a row."""

    total: Fraction
    rows: Fraction
    largest: Fraction
    cell_rows: int
    """Rows of the cells that the error is meant for."""

    def __post_init__(self) -> None:
        if not (self.total > 0 and self.rows > 0):
            raise PrivacyInvalid("expected variances above zero, got one that is not")
        if self.largest < 0 or self.cell_rows < 1:
            raise PrivacyInvalid("expected a bound of at least zero and cells of at least one row, got less")


def mean_error(ratio: Ratio) -> float:
    """Of a mean, in the unit of its values."""
    return _width(ratio.total, ratio.largest**2 * ratio.rows) / ratio.cell_rows


def variance_error(ratio: Ratio, squares: Fraction) -> float:
    """Of a variance; `squares` is the variance of the noise on the sum of squares."""
    first = 4 * ratio.largest**2 * ratio.total
    return _width(squares, first, ratio.largest**4 * ratio.rows) / ratio.cell_rows


def deviation_error(ratio: Ratio, squares: Fraction) -> float:
    """Of a standard deviation (rule 3)."""
    return math.sqrt(variance_error(ratio, squares))


def _width(*variances: Fraction) -> float:
    """95 % of a sum of independent noises."""
    return float(NORMAL_95) * math.sqrt(sum(variances))
