"""Does a single contribution stand out in a sum: the rules that need to see single contributions.

    largest ≤ top1_share · total      largest + second ≤ top2_share · total      total - largest - second ≥ p % · largest

Contributions are persons' absolute amounts: with mixed signs a small sum may hide large ones. A sum of nothing but zeros
has nothing to disclose and passes.

**Why these rules may be decided in each domain alone.** Each of them reads Σ wᵢ·x₍ᵢ₎ ≤ 0 over the contributions sorted from
the largest, with weights that never grow: (1 - s, -s, -s, …) for the largest against a share s, (1 - s, 1 - s, -s, …) for the
two largest, (p, 0, -1, -1, …) for the p % rule. Such a measure S is subadditive: with w non-increasing, Σ wᵢ·x₍ᵢ₎ is the
largest of Σ w_π(i)·xᵢ over all orders π (rearrangement), and a maximum of linear functions of x is subadditive,
S(x + y) ≤ S(x) + S(y) (L. H. Cox, 1981, linear sensitivity measures). Write a domain's contributions as a vector over all
persons, zero for those it does not know. Then if S(x_d) ≤ 0 in every domain d, S(Σ x_d) ≤ Σ S(x_d) ≤ 0 for the sum, whether
the two largest contributors sit in one domain or in two, and even if one person contributes in several. So (1, 50), (2, 85)
and p % are *all* implied; no sharper local bound such as 42.5 % is needed. A domain that withholds contributes zero, which
passes. The gate, which sees sums only, need not and cannot repeat these rules.

The lemma speaks of Σ over domains of absolute amounts. If one person contributes amounts of opposite signs to one measure
in two domains, they may cancel in the sum; that is a join, and is judged where the join is made.

The same lemma lets a rule that holds in every atom stand for every union of atoms (protocols.md §6.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Lane
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.rules import Rule

_WORD = 2**62


@dataclass(frozen=True, slots=True)
class Concentration:
    """Per group the largest and second largest contribution and the total of all, int64[groups] each, none below zero."""

    largest: Lane
    second: Lane
    total: Lane

    def failures(self, limits: Limits) -> tuple[tuple[Rule, NDArray[np.bool_]], ...]:
        """Each rule with the groups that fail it, in the order in which the rules are reported."""
        both = _exact(self.largest) + _exact(self.second)
        rest = _exact(self.total) - both
        return (
            (Rule.LOCAL_TOP_SHARE, self._over(self.largest, limits.local_top_share)),
            (Rule.DOMINANCE_1, self._over(self.largest, limits.top1_share)),
            (Rule.DOMINANCE_2, self._over(both, limits.top2_share)),
            (
                Rule.P_PERCENT,
                np.asarray(100 * rest < limits.p_percent * _exact(self.largest), dtype=np.bool_),
            ),
        )

    def dominated(self, limits: Limits) -> NDArray[np.bool_]:
        """The groups that fail any of the rules."""
        return np.asarray(np.any([failing for _, failing in self.failures(limits)], axis=0), dtype=np.bool_)

    def _over(self, part: NDArray[Any], share: Fraction) -> NDArray[np.bool_]:
        over = share.denominator * _exact(part) > share.numerator * _exact(self.total)
        return np.asarray(over, dtype=np.bool_)


def concentration(group: NDArray[np.int32], amounts: Lane, n_groups: int) -> Concentration:
    """Largest, second and total of the absolute amounts by group; one entry per person and group.

    `group` int32[entries] in 0 … n_groups - 1, `amounts` int64[entries]. `CellsInvalid` if a total does not fit 62 bits.
    """
    check_sums(amounts)
    absolute = np.abs(amounts)
    total, largest = sums(group, absolute, n_groups), np.zeros(n_groups, dtype=np.int64)
    np.maximum.at(largest, group, absolute)
    # One entry of each group that reaches its maximum stands aside; what is left of the group gives the second largest.
    at_top = np.flatnonzero(absolute == largest[group])
    holder = np.full(n_groups, -1, dtype=np.int64)
    holder[group[at_top]] = at_top
    others = np.ones(len(group), dtype=np.bool_)
    others[holder[holder >= 0]] = False
    second = np.zeros(n_groups, dtype=np.int64)
    np.maximum.at(second, group[others], absolute[others])
    return Concentration(largest, second, total)


def sums(group: NDArray[np.int32], amounts: Lane, n_groups: int) -> Lane:
    """Exact sums of int64 amounts by group."""
    total = np.zeros(n_groups, dtype=np.int64)
    np.add.at(total, group, amounts)
    return total


def check_sums(amounts: Lane) -> None:
    """`CellsInvalid` if the absolute amounts together might not fit 62 bits: a wrapped sum would pass any rule."""
    if not amounts.size or max(int(amounts.max()), -int(amounts.min())) * amounts.size < _WORD:
        return
    if float(np.abs(amounts.astype(np.float64)).sum()) >= _WORD:
        raise CellsInvalid("expected sums that fit 62 bits, got larger amounts")


def _exact(lane: NDArray[Any]) -> NDArray[Any]:
    """The lane itself if products with a limit fit 64 bits, else Python integers."""
    small = lane.dtype == np.int64 and (not lane.size or int(lane.max()) < 2**30)
    return lane if small else lane.astype(object)
