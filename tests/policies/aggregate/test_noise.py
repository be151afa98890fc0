"""How much noise each domain adds: enough for everybody together without the colluders, and for each domain by itself."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.aggregate.noise import NoisePlan, noise_of
from policies.aggregate.shape import Figures
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.noised import PERSONS, NoisedLane, noised_lanes
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.shares import bound, colluders
from policies.sql.data_list import Bounds

SHAPE = Shape(
    ("band",),
    (
        Measure("persons", Kind.PERSONS),
        Measure("n", Kind.COUNT, Coverage.CONDITION),
        Measure("spent", Kind.MEAN, Coverage.PRESENT, scale=2),
        Measure("spread", Kind.VARIANCE, Coverage.PRESENT, scale=1),
    ),
)
AMOUNTS = (None, None, Bounds(Decimal(-20), Decimal(10)), Bounds(Decimal(0), Decimal("7.25")))


def planned(rho: str, *rows: int, cells: int = 4) -> NoisePlan:
    figures = {f"d{place}": Figures(SHAPE, AMOUNTS, most) for place, most in enumerate(rows)}
    return noise_of(rho, SHAPE, cells=cells, figures=figures)


def moved(lane: NoisedLane, rows: int, cells: int) -> tuple[int, int]:
    """The worst one person can do to a lane in one domain, by hand: (L2 squared, L1)."""
    if lane.lane == "persons":
        return min(rows, cells), min(rows, cells)
    one = {
        (1, "rows"): 1,
        (2, "rows"): 1,
        (3, "rows"): 1,
        (2, "total"): 2000,
        (3, "total"): 73,
        (3, "squares"): 73**2,
    }
    most = rows * one[lane.measure or 0, lane.lane]
    return most**2, most


def test_a_count_of_all_persons_is_the_cells_own_lane_and_nothing_is_noised_twice() -> None:
    assert noised_lanes(SHAPE) == (
        PERSONS,
        NoisedLane(1, "rows"),
        NoisedLane(2, "rows"),
        NoisedLane(2, "total"),
        NoisedLane(3, "rows"),
        NoisedLane(3, "total"),
        NoisedLane(3, "squares"),
    )


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.integers(1, 500),
    st.sampled_from(["0.005", "0.1", "0.000000100"]),
)
def test_the_noise_of_the_honest_suffices_for_a_person_who_is_in_every_domain(
    rows: list[int], cells: int, rho: str
) -> None:
    plan, domains = planned(rho, *rows, cells=cells), len(rows)
    assert sum(noise.rho for noise in plan.lanes) == plan.rho == Fraction(rho)
    alone = Fraction(0)
    for noise in plan.lanes:
        squared = max(moved(noise.lane, most, cells)[0] for most in rows)
        # The sum of what the honest domains add, as σ² = Δ²/2ρ asks for everybody together.
        honest = domains - colluders(domains)
        assert honest * noise.share.variance >= domains**2 * Fraction(squared) / (2 * noise.rho)
        assert bound(noise.share, noise.sensitivity) <= noise.rho
        # A domain's copy by itself, if only that is ever drawn anew.
        alone += Fraction(squared) / (2 * noise.share.variance)
    assert alone <= plan.rho / domains


def test_the_rows_each_domain_keeps_of_a_person_are_those_it_declares() -> None:
    assert planned("0.01", 3, 16).rows_per_person == {"d0": 3, "d1": 16}


@pytest.mark.parametrize("rho", ["0", "0.2", "-0.1", "0.0000000001", "0.000000001"])
def test_a_rho_that_cannot_be_spent_is_refused(rho: str) -> None:
    with pytest.raises(PrivacyInvalid):
        planned(rho, 3)


def test_the_recipient_is_told_how_far_off_each_number_is() -> None:
    told = planned("0.07", 1, cells=1).as_json()
    assert (told["rho"], told["delta"]) == ("0.07", "0.000001")
    assert Decimal(str(told["epsilon"])) > Decimal("1.6")
    numbers = told["noise"]
    assert isinstance(numbers, list)
    assert len(numbers) == 7
    # One person, one row: σ² = 1/2ρ with a seventh of rho, and 2 σ of it in the unit of the measure.
    first, total = numbers[0], numbers[3]
    assert isinstance(first, dict)
    assert isinstance(total, dict)
    assert abs(Decimal(str(first["sigma"])) - Decimal(50).sqrt()) < Decimal("0.01")
    assert first["measure"] is None
    assert first["half_width_95"] == "14"
    assert (total["measure"], total["number"]) == ("spent", "total")
    assert abs(Decimal(str(total["sigma"])) - 20 * Decimal(50).sqrt()) < Decimal("0.2")


def test_from_four_domains_on_the_noise_of_those_who_may_be_gone_is_not_counted_on() -> None:
    """Of four one may collude and one may be gone; of three, which all must help, one may collude."""
    honest = {
        len(rows): {lane.share.honest for lane in planned("0.1", *rows).lanes}
        for rows in ((1,) * n for n in (3, 4, 5))
    }
    assert honest == {3: {2}, 4: {2}, 5: {3}}
