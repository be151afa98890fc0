"""How one release divides its rho among the measures of its cells, and what error each is left with.

Rules:
1. Every measure gets an equal part of rho, in whole units of the ledger (the first ones get what is left over), and noise
   of its own variance: a sum in fen does not drown a count of persons.
2. The parts add up to rho exactly: that is what is debited.
3. A measure's noise covers a person in `groups` cells at once: σ² = groups × bound² / 2·rho_m.

Source: protocols.md §6.4. An average is the ratio of its released sum and count: it costs nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from policies.privacy.errors import PrivacyInvalid
from policies.privacy.sensitivity import Measure, l2_squared
from policies.privacy.zcdp import RHO_UNIT, units, variance


@dataclass(frozen=True, slots=True)
class Noise:
    """What one measure gets: a part of rho, and the variance parameter of noise on its integers."""

    measure: Measure
    rho: Fraction
    sigma2: Fraction


def plan(measures: Sequence[Measure], *, groups: int, rho: Fraction) -> tuple[Noise, ...]:
    """The noise of each measure, in order. Raises PrivacyInvalid for no measure, or a rho too small to divide."""
    total, count = units(rho), len(measures)
    if not 1 <= count <= total:
        raise PrivacyInvalid("expected at least one measure and one unit of rho for each")
    part, over = divmod(total, count)
    rhos = [(part + (index < over)) * RHO_UNIT for index in range(count)]
    return tuple(
        Noise(measure, own, variance(l2_squared([measure], groups=groups), own))
        for measure, own in zip(measures, rhos, strict=True)
    )
