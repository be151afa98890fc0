"""Training over rows that are split by people: what a domain adds in each round, and what the gate makes of the sum.

Steps of a round:
1. Domain: check that the coefficients are the signed plan's (`rounds`), that no person dominates under them.
2. Domain: sums over its rows in fixed point, noise if the run has any, encoded into one flat vector.
3. The vector goes through `enclaves.protocols.secagg`: masked, summed, opened at the gate only.
4. Gate: the next coefficients, or the fit.

What a gate that deviates could do: choose coefficients freely. It learns sums of rows at those coefficients, of which each
domain's part passed the rules of `policies.glm.admission`; whether a step was Newton's, no domain can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols import ring
from enclaves.protocols.ring import Encoded, Total
from enclaves.training.errors import TrainingRefused
from enclaves.training.rounds import Progress
from policies.glm import admission, families, fitting
from policies.glm.admission import Persons
from policies.glm.families import Floats
from policies.glm.fit import Fit, fit
from policies.glm.privacy import Protection
from policies.glm.scales import Block, Scales, scales
from policies.glm.specification import Specification
from policies.glm.statistics import Integers, contribution, opened

Draw = Callable[[Fraction, int], NDArray[np.int64]]
"""So many independent draws of noise of this variance, such as `enclaves.noise.gaussian.draw`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all parties of a run have agreed on: the model, the domains, the most rows of each, noise if any."""

    specification: Specification
    parties: int
    rows: int
    protection: Protection | None = None

    def __post_init__(self) -> None:
        if self.parties < 1 or self.rows < 1:
            raise TrainingRefused("expected at least one domain, each with a row, got fewer")
        noise = self.protection
        if noise is not None and (noise.parties, noise.rows, noise.rounds, noise.scales.parameters) != (
            self.parties,
            self.rows,
            self.specification.rounds,
            self.specification.parameters,
        ):
            raise TrainingRefused("expected protection for this run, got that of another")

    @property
    def total_rows(self) -> int:
        """The most rows of all domains together: what the fixed point leaves room for."""
        return self.parties * self.rows

    @property
    def scales(self) -> Scales:
        """The fixed point of the run. Raises GlmInvalid if no sum of its size fits."""
        if self.protection is not None:
            return self.protection.scales
        return scales(self.specification, rows=self.total_rows)


class Domain:
    """One domain's rows of a run, scaled and admitted; INVARIANT: no row leaves this object but in sums."""

    def __init__(
        self, plan: Plan, *, features: Floats, outcome: Floats, persons: Persons, draw: Draw | None = None
    ) -> None:
        """`features` [rows, features], `outcome` [rows] in raw units, `persons` codes [rows].

        Raises GlmWithheld if the rows may not take part, GlmInvalid if they do not fit the model.
        """
        if (plan.protection is None) != (draw is None):
            raise TrainingRefused("expected noise exactly if the run has protection, got otherwise")
        self._plan = plan
        self._design = plan.specification.design(features)
        self._response = plan.specification.response(outcome)
        if len(features) > plan.rows:
            raise TrainingRefused("expected at most the rows of the plan, got more")
        admission.check_rows(
            self._design, self._response, persons=persons, lowest=plan.specification.lowest_response
        )
        admission.check_rows_per_person(persons, plan.specification.rows_per_person)
        self._persons = persons
        self._draw = draw
        self._scales = plan.scales
        self.progress = Progress()

    def answer(self, number: int, coefficients: Floats, *, signed_digest: bytes) -> Encoded:
        """The encoded vector of one round. Raises TrainingRefused or GlmWithheld; a refused round is not counted."""
        specification = self._plan.specification
        progress = self.progress.admit(
            specification, number=number, coefficients=coefficients, signed_digest=signed_digest
        )
        terms = self._terms(number, coefficients)
        vector = contribution(
            self._design,
            terms,
            outcome=self._response,
            saturated=families.saturated(specification.family, self._response),
            scales=self._scales,
        )
        if self._plan.protection is not None and self._draw is not None:
            vector = vector + _noise(self._plan.protection, self._draw)
        self.progress = progress
        return ring.encode(vector)

    def _terms(self, number: int, coefficients: Floats) -> families.RowTerms:
        family = self._plan.specification.family
        private = self._plan.protection is not None
        if number == 1:
            terms = families.start(family, self._response)
            if not private:
                admission.check_leverage(self._design, terms.weight, persons=self._persons)
            return terms
        allowed = families.eta_range(self._plan.specification, private=private)
        eta = self._design @ coefficients
        if private:
            # Noise protects every round alike; a refusal would tell what the noise hides.
            return families.at(family, self._response, np.clip(eta, *allowed))
        admission.check_eta(eta, allowed)
        terms = families.at(family, self._response, eta)
        admission.check_leverage(self._design, terms.weight, persons=self._persons)
        return terms


class Gate:
    """The gate's side of one run: opened sums in, coefficients out; INVARIANT: only `Fit` is for others to see."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._scales = plan.scales
        self.asked = fitting.first(plan.specification)

    def advance(self, total: Total) -> Fit | None:
        """Take the opened sum of the round that was asked; the fit, or None with `asked` moved on.

        Raises GlmDiverged, GlmWithheld, or TrainingRefused for a sum that no rows of the plan can have: such as the noise
        that is left when a domain trained on other coefficients.
        """
        values = ring.decode(total)
        _check_plausible(values, self._plan, self._scales)
        noise = None if self._plan.protection is None else self._plan.protection.sizes
        statistics = opened(values, self._scales)
        after = fitting.advance(self._plan.specification, self.asked, statistics, noise=noise)
        if isinstance(after, fitting.Settled):
            return fit(self._plan.specification, after, noise=noise)
        self.asked = after
        return None


def _noise(protection: Protection, draw: Draw) -> Integers:
    """This domain's noise for every slot of a round, in the order of the slots."""
    return np.concatenate(
        [draw(protection.shares[block].variance, protection.scales.cells(block)) for block in Block]
    )


def _check_plausible(values: Integers, plan: Plan, fixed: Scales) -> None:
    """Raise TrainingRefused for a vector with a slot that so many rows cannot reach."""
    if values.shape != (fixed.slots,):
        raise TrainingRefused(f"expected {fixed.slots} slots, got {len(values)}")
    largest = np.repeat(
        np.array([plan.total_rows * fixed.largest(block) for block in Block], dtype=np.int64),
        [fixed.cells(block) for block in Block],
    )
    if plan.protection is None and bool(
        (np.abs(values) > largest).any() or not 1 <= values[-1] <= plan.total_rows
    ):
        raise TrainingRefused("expected sums that rows within their bounds can have, got others")
