"""How much noise each domain adds to each lane of a differentially private answer, worked out from signed documents alone.

Rules:
1. Neighbors differ by one person with everything that person has in all domains of the question.
2. In each domain a person has at most `rows_per_person` rows of the source; the worker keeps no more. So over all cells
   together a person moves a count of rows by at most that many, a sum by that times the largest amount, and a count of
   persons in at most min(rows, cells) cells, each by one. The largest of the domains' bounds stands for each of them.
3. rho is divided equally among the lanes; each lane's part buys the noise of `policies.privacy.shares` for n domains of
   whom c may collude, at the sensitivity of all n domains together. From four domains on n - t of them may be gone when the
   sum opens (`policies.recovery`), and their noise with them: c counts these too.
4. Each domain's noise also suffices for its own lanes alone, at rho/n: v = (n·Δ)²/2ρ(n - c) ≥ n·Δ²/2ρ. So a repeat in which
   only some domains have new rows, or withhold what they gave before, costs no more than was debited.

Noise is drawn by `enclaves.noise`, once for a question of a snapshot. protocols.md sections 2.4 and 6.4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Final

from policies.aggregate.shape import Figures
from policies.disclosure.cells import Measure, Shape
from policies.disclosure.noised import NoisedLane, noised_lanes
from policies.disclosure.rounding import plain, root, significant
from policies.documents.strict_json import Json
from policies.privacy.accuracy import half_width
from policies.privacy.budget import SCENARIO_RHO
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.plan import plan
from policies.privacy.sensitivity import count
from policies.privacy.shares import Kind, Sensitivity, Share, colluders, share
from policies.privacy.zcdp import DELTA, epsilon, rho_of
from policies.recovery import spare

_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class LaneNoise:
    """The noise of one lane: its part of rho, how far a person moves it, and what each domain adds to every cell."""

    lane: NoisedLane
    rho: Fraction
    sensitivity: Sensitivity
    share: Share


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """The noise of an answer, lane by lane in the order of `noised_lanes`, and the rows each domain keeps of a person."""

    shape: Shape
    rho: Fraction
    lanes: tuple[LaneNoise, ...]
    rows_per_person: Mapping[str, int]

    @property
    def variances(self) -> tuple[Fraction, ...]:
        """What this domain, like every other, adds to each lane."""
        return tuple(noise.share.variance for noise in self.lanes)

    def as_json(self) -> dict[str, Json]:
        """What the recipient is told: rho, its meaning, and how far off each number is; decimals as text."""
        # A Skellam bound is proved at whole orders only.
        whole = any(noise.share.kind is Kind.SKELLAM for noise in self.lanes)
        # Rounded up: epsilon is never understated.
        meant = Fraction(math.ceil(epsilon(self.rho, whole_orders=whole) * 10_000), 10_000)
        numbers: list[Json] = [self._told(noise) for noise in self.lanes]
        return {
            "rho": _text(plain(self.rho)),
            "epsilon": _text(plain(meant)),
            "delta": _text(plain(DELTA)),
            "noise": numbers,
        }

    def _told(self, noise: LaneNoise) -> Json:
        measure = None if noise.lane.measure is None else self.shape.measures[noise.lane.measure]
        unit = 1 if measure is None else 10 ** _digits(measure, noise.lane.lane)
        sigma = root(noise.share.total) / unit
        return {
            "measure": None if measure is None else measure.name,
            "number": noise.lane.lane,
            "sigma": _text(significant(sigma, _DIGITS)),
            "half_width_95": _text(plain(Fraction(half_width(noise.share.total), unit))),
        }


def noise_of(rho: str, shape: Shape, *, cells: int, figures: Mapping[str, Figures]) -> NoisePlan:
    """The noise of an answer over `cells` public cells; `figures` by department. Raises PrivacyInvalid."""
    whole = rho_of(rho)
    if whole > SCENARIO_RHO:
        raise PrivacyInvalid("expected a rho that a scenario may spend, at most 0.1, got more")
    lanes = noised_lanes(shape)
    parts = plan([count(lane.lane) for lane in lanes], groups=1, rho=whole)
    noises, domains = [], len(figures)
    for lane, part in zip(lanes, parts, strict=True):
        moved = _sensitivity(lane, shape, cells=cells, figures=tuple(figures.values()))
        given = share(moved, rho=part.rho, parties=domains, colluding=colluders(domains) + spare(domains))
        noises.append(LaneNoise(lane, part.rho, moved, given))
    return NoisePlan(shape, whole, tuple(noises), {d: f.rows_per_person for d, f in figures.items()})


def _sensitivity(lane: NoisedLane, shape: Shape, *, cells: int, figures: Sequence[Figures]) -> Sensitivity:
    """How far one person moves a lane in all domains together (rules 1 and 2)."""
    domains = len(figures)
    if lane.lane in {"persons", "base"}:
        most = max(min(figure.rows_per_person, cells) for figure in figures)
        # Vectors of ones, one a domain: |x_1 + … + x_n|² ≤ n²·most.
        return Sensitivity(domains**2 * most, domains * most, cells)
    most = max(figure.rows_per_person * _amount(lane, shape, figure) for figure in figures)
    return Sensitivity((domains * most) ** 2, domains * most, cells)


def _amount(lane: NoisedLane, shape: Shape, figure: Figures) -> int:
    """The most that one row adds, in steps of the lane."""
    if lane.measure is None or lane.lane == "rows":
        return 1
    measure, bounds = shape.measures[lane.measure], figure.amounts[lane.measure]
    if bounds is None:
        return 1
    largest = max(abs(bounds.low), abs(bounds.high)) * 10**measure.scale
    one = max(1, int(Decimal(largest).to_integral_value(rounding=ROUND_CEILING)))
    return one * one if lane.lane == "squares" else one


def _digits(measure: Measure, lane: str) -> int:
    return {"total": 1, "squares": 2}.get(lane, 0) * measure.scale


def _text(value: Decimal) -> str:
    return format(value, "f")
