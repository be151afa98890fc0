"""How much may be said about one person in a year: the rule of the ledger that each enclave keeps.

Rules (protocols.md §1.2 A3, §6.5 V16; limits from the scenario):
1. Per partner and person, within 365 days: at most `bits_per_subject_year` bits and `model_versions_per_subject_year`
   different models.
2. The debit comes before the contribution and is durable before it; a debit is never given back.
3. A model already counted for the person costs bits again (a new release says something new) but no version.
4. Within 30 days of a score, the same model scores the person again only from the same data: the sum is then the same, and
   what is released says what the stored result says. From other data it is refused until the 30 days are over.

People the domain does not know are debited like anybody else, so that absence is not signaled. Storage, keys and the window
are left to the enclave's ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.documents.authorization import Limits
from policies.errors import PolicyError

WINDOW_DAYS: Final = 365
REPEAT_DAYS: Final = 30
"""V16: within so many days the same model says nothing new about a person."""


class CapacityExhausted(PolicyError):
    """A release that would say more about a person than the scenario allows."""

    code = "capacity_exhausted"


@dataclass(frozen=True, slots=True)
class Spent:
    """What was said about one person to one partner within the window: bits, and by which models (digests)."""

    bits: int = 0
    models: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.bits < 0:
            raise CapacityExhausted("expected spent bits of at least zero, got fewer")


def debit(spent: Spent, *, model: str, bits: int, limits: Limits, other_data: bool = False) -> Spent:
    """What is spent after one release of `bits` by `model`; `CapacityExhausted` if that is over a limit.

    `other_data` says that this model scored the person within `REPEAT_DAYS` days from other data than now.
    """
    if bits < 1:
        raise CapacityExhausted(f"expected a release of at least one bit, got {bits}")
    if other_data:
        raise CapacityExhausted(f"expected one score by a model in {REPEAT_DAYS} days, got another")
    after = Spent(spent.bits + bits, spent.models | {model})
    if after.bits > limits.bits_per_subject_year:
        raise CapacityExhausted(
            f"expected at most {limits.bits_per_subject_year} bits a year, got {after.bits}"
        )
    if len(after.models) > limits.model_versions_per_subject_year:
        raise CapacityExhausted(
            f"expected at most {limits.model_versions_per_subject_year} models a year, got {len(after.models)}"
        )
    return after


def can_debit(spent: Spent, *, model: str, bits: int, limits: Limits, other_data: bool = False) -> bool:
    """Whether `debit` would not raise."""
    try:
        debit(spent, model=model, bits=bits, limits=limits, other_data=other_data)
    except CapacityExhausted:
        return False
    return True


def accepts(
    bits_spent: NDArray[np.int64],
    models_spent: NDArray[np.int64],
    *,
    counted: NDArray[np.bool_],
    other_data: NDArray[np.bool_],
    bits: int,
    limits: Limits,
) -> NDArray[np.bool_]:
    """`can_debit` for many people at once; all arrays have shape [people].

    `models_spent` counts different models, `counted` says whether this model is among them, `other_data` whether it scored
    the person within `REPEAT_DAYS` days from other data.
    """
    if bits < 1:
        raise CapacityExhausted(f"expected a release of at least one bit, got {bits}")
    versions = models_spent + np.where(counted, 0, 1)
    within_bits = bits_spent + bits <= limits.bits_per_subject_year
    return np.asarray(within_bits & (versions <= limits.model_versions_per_subject_year) & ~other_data)
