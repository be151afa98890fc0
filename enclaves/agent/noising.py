"""The noise of a differentially private answer: debited first, drawn once for a question of a snapshot, the same for ever.

Rules:
1. How much noise every lane needs follows from the signed documents (`policies.aggregate.noise`); that the sums with all noise
   stay within 64 bits is checked before anything is spent.
2. What is stored is noise alone, [lanes, cells]. It is named by everything that determines the numbers it will be added to:
   the question with all its parts, its parameters and who answers, this domain's snapshots, the scenario. Were one name to
   stand for two different sets of numbers, their difference would be bare.
3. A scenario's budget is the authorization's, never above the product's, and the scenario's over all its versions. All tables
   of a department are about the same people: its debits count for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.asked import OwnQuestion
from enclaves.agent.budget import Draw
from enclaves.agent.house import House
from enclaves.noise.gaussian import draw
from enclaves.noise.skellam import draw_skellam
from enclaves.noise.tails import check_headroom, largest_noise
from enclaves.run.papers import Papers
from policies.aggregate.noise import NoisePlan
from policies.aggregate.shape import LARGEST_SUM
from policies.aggregate.terms import terms_of
from policies.documents import strict_json
from policies.privacy.budget import SCENARIO_RHO, Budgets
from policies.privacy.shares import Kind


def noise_of(house: House, papers: Papers, own: OwnQuestion) -> NDArray[np.int64] | None:
    """int64[lanes, cells] to add; None for an exact answer. Raises BudgetExhausted, PrivacyInvalid, NoiseRefused."""
    plan, layout = own.question.noise, own.question.layout
    if plan is None or layout is None:
        return None
    check_room(plan)
    return house.privacy.release(
        _name(papers),
        own.snapshot,
        scenario=f"{papers.scenario.partner}/{papers.scenario.id}",
        universe=house.department,
        rho=plan.rho,
        exact=np.zeros(layout.noise_shape, dtype=np.int64),
        sigma2=plan.variances,
        now=house.clock(),
        draw=_drawing(plan),
        budgets=budgets_of(papers),
    )


def check_room(plan: NoisePlan) -> None:
    """Raise NoiseRefused unless the sum of every lane, with the noise of all domains, stays within 64 bits."""
    for noise in plan.lanes:
        check_headroom(LARGEST_SUM, noise.share.parties * largest_noise(noise.share.variance))


def budgets_of(papers: Papers) -> Budgets:
    """The product's budgets, with what the authorization allows a scenario in a quarter if that is less."""
    allowed = Fraction(terms_of(papers.authorization).rho_per_quarter)
    return Budgets(scenario=max(Fraction(0), min(allowed, SCENARIO_RHO)))


def _name(papers: Papers) -> str:
    return strict_json.digest(
        {
            "query": papers.asking.query.digest,
            "parameters": [[value.name, value.value] for value in papers.job.parameters],
            "roster": [member.enclave for member in papers.plan.roster],
        }
    )


def _drawing(plan: NoisePlan) -> Draw:
    """Draws by the kind of noise that a variance was planned for; equal variances are of one kind."""
    kinds: dict[Fraction, Callable[[Fraction, int], NDArray[np.int64]]] = {
        noise.share.variance: draw_skellam if noise.share.kind is Kind.SKELLAM else draw
        for noise in plan.lanes
    }
    return lambda variance, count: kinds[variance](variance, count)
