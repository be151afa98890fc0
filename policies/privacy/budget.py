"""How much privacy may be spent: the rule of the ledger that each enclave keeps.

Rules (protocols.md §6.4):
1. A scenario spends at most rho 0.1 in any 92 days (a quarter at its longest; a window that slides, so that the turn of a
   quarter does not allow twice as much).
2. All scenarios together spend at most rho 0.5 on any person in any 365 days. Who is charged is the person of the
   universe about whom most has been said: nobody needs to be looked up, and a refusal tells nothing about anybody.
3. The debit comes before the noise and is durable before it; a debit is never given back, not even for a job that fails.
4. An owner may set smaller budgets, never larger ones.

Storage, keys and the windows' contents are left to the enclave's ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from policies.errors import PolicyError
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import check_rho

SCENARIO_RHO: Final = Fraction(1, 10)
SCENARIO_WINDOW_DAYS: Final = 92
PERSON_RHO: Final = Fraction(1, 2)
PERSON_WINDOW_DAYS: Final = 365


class BudgetExhausted(PolicyError):
    """A noisy release for which the scenario, or the person about whom most was said, has no budget left."""

    code = "privacy_budget_exhausted"


@dataclass(frozen=True, slots=True)
class Budgets:
    """The largest sums of rho within the windows; at most the product's."""

    scenario: Fraction = SCENARIO_RHO
    person: Fraction = PERSON_RHO

    def __post_init__(self) -> None:
        for name, budget, largest in (
            ("scenario", self.scenario, SCENARIO_RHO),
            ("person", self.person, PERSON_RHO),
        ):
            if not 0 <= budget <= largest:
                raise PrivacyInvalid(
                    f"expected a {name} budget from 0 to rho {_decimal(largest)}, got another"
                )

    def tightest(self, other: Budgets) -> Budgets:
        """Of each budget the smaller."""
        return Budgets(min(self.scenario, other.scenario), min(self.person, other.person))


LARGEST: Final = Budgets()
"""The product's own budgets."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent within the windows: by the scenario, and on the worst-off person of the universe."""

    scenario: Fraction = Fraction(0)
    person: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.scenario < 0 or self.person < 0:
            raise PrivacyInvalid("expected spent budgets of at least zero, got less")


@dataclass(frozen=True, slots=True)
class Remaining:
    """What may still be spent: by the scenario, and on the worst-off person of the universe."""

    scenario: Fraction
    person: Fraction

    @property
    def rho(self) -> Fraction:
        """What one more release may spend."""
        return min(self.scenario, self.person)

    def repeats(self, rho: Fraction) -> int:
        """How many more releases of `rho` each fit."""
        check_rho(rho)
        return int(self.rho // rho)


def debit(spent: Spent, *, rho: Fraction, budgets: Budgets = LARGEST) -> Spent:
    """What is spent after one release of `rho`; BudgetExhausted if that is over a budget, PrivacyInvalid for no rho."""
    check_rho(rho)
    after = Spent(spent.scenario + rho, spent.person + rho)
    for name, total, budget in (
        ("scenario in a quarter", after.scenario, budgets.scenario),
        ("person in a year", after.person, budgets.person),
    ):
        if total > budget:
            raise BudgetExhausted(
                f"expected at most rho {_decimal(budget)} for a {name}, got {_decimal(total)}"
            )
    return after


def can_debit(spent: Spent, *, rho: Fraction, budgets: Budgets = LARGEST) -> bool:
    """Whether `debit` would not raise BudgetExhausted."""
    try:
        debit(spent, rho=rho, budgets=budgets)
    except BudgetExhausted:
        return False
    return True


def remaining(spent: Spent, budgets: Budgets = LARGEST) -> Remaining:
    """What is left; never below zero, also after an owner has tightened a budget below what is spent."""
    left = Fraction(0)
    return Remaining(max(left, budgets.scenario - spent.scenario), max(left, budgets.person - spent.person))


def _decimal(value: Fraction) -> str:
    """A budget for people: at most nine decimals, exact for every sum of valid rhos."""
    return f"{float(value):.9f}".rstrip("0").rstrip(".") or "0"
