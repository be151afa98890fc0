"""How far one person can move a vector of integer cells.

Rules:
1. Neighbors differ by one person, with everything that person contributed (add or remove).
2. A person contributes at most `rows` values in [lo, hi] to a measure of a cell, and stands in at most `groups` cells.
   Both are enforced on the data before summation (clip each row, then the person's total); here they are only believed.
3. A value is released as an integer: rint(value × scale), with scale 2^f or 10^d. Rounding away from zero is assumed, so
   that rounding each row and rounding the person's total are both covered.
4. L2 sensitivity squared of all cells of all measures: groups × Σ bound².

Source: protocols.md §6.2 L1 and §6.4. The set of cells must be fixed in advance (a public group dictionary): a cell that
appears because somebody is in it is not covered by any noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from policies.privacy.errors import PrivacyInvalid

LARGEST_BOUND: Final = 2**53
"""Above it a double no longer holds every integer, and clipping by the engine would not be exact."""
MAX_ROWS: Final = 1_000_000
MAX_GROUPS: Final = 500


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of every cell: a person adds at most `rows` values in [lo, hi], in integer steps of 1/`scale`."""

    name: str
    lo: Fraction
    hi: Fraction
    rows: int = 1
    scale: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise PrivacyInvalid("expected bounds from low to high, got them the other way round")
        if not 1 <= self.rows <= MAX_ROWS:
            raise PrivacyInvalid(f"expected 1 to {MAX_ROWS} rows a person, got {self.rows}")
        if self.scale <= 0:
            raise PrivacyInvalid("expected a scale above zero, got none")
        if self.bound > LARGEST_BOUND:
            raise PrivacyInvalid("expected bounds that fit 53 bits at this scale, got larger ones")

    @property
    def bound(self) -> int:
        """The largest absolute integer that one person adds to one cell; at least 1."""
        largest = max(abs(self.lo), abs(self.hi)) * self.scale
        return max(1, self.rows * math.ceil(largest))


def count(name: str, *, rows: int = 1) -> Measure:
    """A count: of persons with `rows` 1, of rows with the most rows that a person may have."""
    return Measure(name, Fraction(0), Fraction(1), rows=rows)


def l2_squared(measures: Iterable[Measure], *, groups: int) -> int:
    """Squared L2 sensitivity of all cells of all measures."""
    _check_groups(groups)
    return groups * sum(measure.bound**2 for measure in measures)


def _check_groups(groups: int) -> None:
    if not 1 <= groups <= MAX_GROUPS:
        raise PrivacyInvalid(f"expected a person in 1 to {MAX_GROUPS} cells, got {groups}")
