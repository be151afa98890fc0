"""Training over columns that are split among domains: aligned rows, one domain with the outcome, a dealer that is the gate.

Steps:
1. Every domain checks its own columns (`policies.glm.admission`), scales them and rounds them to whole steps. Beside its
   columns it holds zeros: that is an additive sharing of the whole matrix [1, X, y].
2. *Gram.* Z'Z by one product of matrices on shares: exact for the rounded columns. A linear or ridge model is solved from it.
3. *Logistic round.* Each domain computes its part of the linear predictor in the clear; the mean, its slope and ln(1 + e^η) are
   polynomials of it on shares; then X'(y - μ) and X'WX by one product of matrices.
4. What the gate opens goes through `enclaves.protocols.secagg` as one flat vector: only its sum is seen.

The gate learns per round what it learns of rows that are split by people: Gram matrix, X'(y - μ), X'WX, log-likelihood. Each
domain learns its own coefficients of each round, and the number of rows. See README.md for coalitions.

INVARIANT: `Member` never yields, returns or stores in public a word that is not masked, or meant for secagg's mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enclaves.protocols import ring
from enclaves.protocols.ring import Encoded, Total
from enclaves.training.dealing import Cross, Hand, Masking, Product, Step, Truncation, Words
from enclaves.training.errors import TrainingRefused
from enclaves.training.sharing import PLACES, Exchange, Shareholder, encoded
from policies.glm import admission
from policies.glm.admission import Persons
from policies.glm.families import Floats
from policies.glm.polynomials import REACH, polynomials
from policies.glm.specification import Family, Specification


@dataclass(frozen=True, slots=True)
class VerticalPlan:
    """Who holds which features, in the order of the parties; the first party holds the outcome and the intercept."""

    specification: Specification
    holdings: tuple[tuple[str, ...], ...]
    rows: int
    reach: float = REACH

    def __post_init__(self) -> None:
        held = [name for holding in self.holdings for name in holding]
        if len(self.holdings) < 2 or held != [feature.name for feature in self.specification.features]:
            raise TrainingRefused(
                "expected two or more domains that hold the features in their order, got others"
            )
        if self.specification.family is Family.POISSON:
            raise TrainingRefused("expected a linear or logistic model over split columns, got poisson")
        if not 1 <= self.rows < 2**31:
            raise TrainingRefused("expected at least one row, got none or too many")
        if self.specification.family is Family.LOGISTIC:
            polynomials(self.reach)

    @property
    def columns(self) -> int:
        """Of [1, X, y]."""
        return self.specification.parameters + 1

    @property
    def places(self) -> int:
        """Binary places b of columns, means and slopes: the most for which rows · 2^2b stays below 2^62, at most 28."""
        return min(PLACES, (62 - self.rows.bit_length()) // 2)

    def slice(self, party: int) -> slice:
        """Where the features of a party stand among the coefficients; the intercept is the first party's besides."""
        before = 1 + sum(len(holding) for holding in self.holdings[:party])
        return slice(0 if party == 0 else before, before + len(self.holdings[party]))

    def gram_steps(self) -> tuple[Step, ...]:
        """What is dealt once, before anything else."""
        shape = (self.rows, self.columns)
        return Masking(shape), Cross(*shape)

    def round_steps(self) -> tuple[Step, ...]:
        """What is dealt for one logistic round; in the order in which `Member.logistic` uses it."""
        steps: list[Step] = []
        known = 1
        while known < polynomials(self.reach).degree:
            steps += [Product(known * self.rows), Truncation(known * self.rows, PLACES - 1)]
            known *= 2
        cells = self.rows * self.specification.parameters
        steps += [
            Truncation(3 * self.rows, 2 * PLACES - self.places),
            Product(cells),
            Truncation(cells, self.places),
            Cross(self.rows, self.specification.parameters + 1),
        ]
        return tuple(steps)


class Member:
    """One domain's side of a run over split columns."""

    def __init__(
        self,
        plan: VerticalPlan,
        *,
        party: int,
        hand: Hand,
        features: Floats,
        outcome: Floats | None,
        persons: Persons,
    ) -> None:
        """`features` [rows, own features] and, for party 0, `outcome` [rows], in raw units, rows aligned with the others'.

        Raises GlmWithheld if the columns may not take part, GlmInvalid or TrainingRefused if they do not fit the plan.
        """
        own = plan.holdings[party]
        if (outcome is None) == (party == 0) or features.shape != (plan.rows, len(own)):
            raise TrainingRefused("expected the columns that the plan names, got others")
        self._plan, self._party = plan, party
        by_name = {feature.name: feature for feature in plan.specification.features}
        scaled = [by_name[name].scaled(features[:, j]) for j, name in enumerate(own)]
        columns = [np.ones(plan.rows), *scaled] if party == 0 else scaled
        if not columns:
            raise TrainingRefused("expected a domain with a column, got one without")
        self._own = np.column_stack(columns)
        admission.check_columns(self._own, persons=persons, parameters=plan.specification.parameters)
        admission.check_rows_per_person(persons, plan.specification.rows_per_person)
        self._whole = np.zeros((plan.rows, plan.columns))
        self._whole[:, plan.slice(party)] = self._own
        if outcome is not None:
            self._whole[:, -1] = plan.specification.response(outcome)
            lowest = plan.specification.lowest_response
            admission.check_cells(self._own, self._whole[:, -1], persons=persons, lowest=lowest)
        self._matrix = encoded(self._whole, plan.places)
        self._arithmetic = Shareholder(hand, first=party == 0)
        # -1 before the Gram matrix, then the number of logistic rounds.
        self._answered = -1

    def gram(self) -> Exchange:
        """This party's share of the upper triangle of Z'Z, Z = [1, X, y], by rows, with 2·`places`; run once, first."""
        if self._answered != -1:
            raise TrainingRefused("expected the Gram matrix once, got it asked again")
        self._answered = 0
        yield from self._arithmetic.mask_right(self._matrix)
        product = yield from self._arithmetic.cross(self._matrix)
        return product[np.triu_indices(self._plan.columns)]

    def logistic(self, coefficients: Floats) -> Exchange:
        """This party's share of a round: score, upper triangle of X'WX (2·`places` each), Σ ln(1 + e^η) (`places`).

        `coefficients` are this party's own, of scaled columns, in the order of `VerticalPlan.slice`.
        """
        plan, places = self._plan, self._plan.places
        if coefficients.shape != (self._own.shape[1],) or not float(np.abs(coefficients).sum()) <= plan.reach:
            raise TrainingRefused("expected coefficients of this domain's columns within reach, got others")
        if (
            not 0 <= self._answered < plan.specification.rounds
            or plan.specification.family is not Family.LOGISTIC
        ):
            raise TrainingRefused("expected a round of a logistic model within its rounds, got another")
        self._answered += 1
        functions = polynomials(plan.reach)
        t = encoded(self._own @ coefficients / plan.reach, PLACES)
        basis = yield from self._arithmetic.chebyshev(t, functions.degree)
        raw = [
            self._arithmetic.combined(basis, each)
            for each in (functions.mean, functions.weight, functions.softplus)
        ]
        cut = yield from self._arithmetic.truncated(np.concatenate(raw), 2 * PLACES - places)
        mean, weight, softplus = cut.reshape(3, plan.rows)
        design = self._matrix[:, :-1]
        weighted = yield from self._arithmetic.product(np.repeat(weight, design.shape[1]), design.ravel())
        weighted = yield from self._arithmetic.truncated(weighted, places)
        residual = self._matrix[:, -1] - mean
        left = np.column_stack([residual, weighted.reshape(design.shape)])
        product = yield from self._arithmetic.cross(left)
        parameters = plan.specification.parameters
        # The last column belongs to the outcome, which no product here is for.
        score, information = product[0, :parameters], product[1:, :parameters]
        triangle = information[np.triu_indices(parameters)]
        return np.concatenate([score, triangle, softplus.sum(dtype=np.uint64)[None]])


def for_gate(share: Words) -> Encoded:
    """A share of what the gate opens, to be masked by `secagg.mask` before it leaves the domain."""
    return ring.encode(share.view(np.int64))


def opened(total: Total, *, slots: int) -> Sequence[int]:
    """The values of an opened sum, as whole steps. Raises TrainingRefused for another length."""
    values = ring.decode(total)
    if values.shape != (slots,):
        raise TrainingRefused(f"expected {slots} slots, got {len(values)}")
    return [int(value) for value in values]
