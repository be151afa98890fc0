"""Distributed noise: the proved bounds against Rényi divergences computed from the distributions themselves."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from policies.privacy.errors import PrivacyInvalid
from policies.privacy.shares import Kind, Sensitivity, Share, bound, colluders, share

ONE = Sensitivity(1, 1, 1)
Pmf = NDArray[np.float64]


def pmf(kind: Kind, variance: float, reach: int) -> Pmf:
    """Of one party's noise, on -reach … reach."""
    grid: NDArray[Any] = np.arange(-reach, reach + 1)
    if kind is Kind.SKELLAM:
        return np.asarray(stats.skellam.pmf(grid, variance / 2, variance / 2))
    weight = np.exp(-(grid.astype(np.float64) ** 2) / (2 * variance))
    return np.asarray(weight / weight.sum())


def summed(given_share: Share, reach: int) -> Pmf:
    """Of the honest parties' noise together."""
    one = pmf(given_share.kind, float(given_share.variance), reach)
    total = one
    for _ in range(given_share.honest - 1):
        total = np.convolve(total, one)
    middle = len(total) // 2
    return total[middle - reach : middle + reach + 1]


def renyi(p: Pmf, order: int, shift: int) -> float:
    """The Rényi divergence between the noise and the noise moved by `shift`, of this order."""
    moved, stay = p[shift:], p[: len(p) - shift]
    kept = (moved > 1e-250) & (stay > 1e-250)
    logs = order * np.log(moved[kept]) + (1 - order) * np.log(stay[kept])
    return float(np.log(np.exp(logs - logs.max()).sum()) + logs.max()) / (order - 1)


@pytest.mark.parametrize(
    ("rho", "parties", "kind"),
    [
        ("0.1", 1, Kind.GAUSSIAN),
        ("0.1", 3, Kind.GAUSSIAN),
        ("0.1", 50, Kind.SKELLAM),
        ("0.5", 3, Kind.GAUSSIAN),
        ("0.5", 10, Kind.SKELLAM),
        ("0.005", 50, Kind.GAUSSIAN),
    ],
)
@pytest.mark.parametrize("moved", [1, 3])
def test_the_sum_of_the_honest_shares_is_as_private_as_claimed(
    rho: str, parties: int, kind: Kind, moved: int
) -> None:
    sensitivity = Sensitivity(moved**2, moved, 1)
    found = share(sensitivity, rho=Fraction(rho), parties=parties)
    assert moved > 1 or found.kind is kind
    noise = summed(found, reach=math.ceil(14 * math.sqrt(found.variance * found.honest)) + 60)
    for order in (2, 3, 5, 8):
        assert renyi(noise, order, moved) <= order * float(rho) * (1 + 1e-9)


def test_the_test_above_sees_a_variance_that_is_too_small() -> None:
    noise = summed(Share(Kind.GAUSSIAN, Fraction(2), 3, 2), reach=120)
    assert renyi(noise, 2, 1) > 2 * 0.1


@given(
    st.integers(1, 50),
    st.integers(1, 10**9),
    st.integers(1, 6),
    st.sampled_from(["0.001", "0.005", "0.1", "0.5"]),
)
def test_the_bound_is_reached_from_below_and_closely(
    parties: int, bound_of_one: int, groups: int, rho: str
) -> None:
    given_sensitivity = Sensitivity(groups * bound_of_one**2, groups * bound_of_one, 500)
    found = share(given_sensitivity, rho=Fraction(rho), parties=parties)
    assert bound(found, given_sensitivity) <= Fraction(rho)
    least = Fraction(given_sensitivity.l2_squared) / (2 * Fraction(rho))
    assert least <= found.variance * found.honest
    if found.kind is Kind.GAUSSIAN and found.variance > 6:
        assert found.variance * found.honest <= least * Fraction(1003, 1000)


def test_one_party_alone_pays_exactly_rho() -> None:
    found = share(ONE, rho=Fraction(1, 200), parties=1)
    assert (found.variance, found.total) == (Fraction(100), Fraction(100))


@pytest.mark.parametrize(("parties", "expected"), [(1, 0), (2, 0), (3, 1), (4, 1), (10, 3), (50, 16)])
def test_colluders_are_those_above_two_thirds(parties: int, expected: int) -> None:
    assert colluders(parties) == expected


def test_more_colluders_need_more_noise() -> None:
    totals = [share(ONE, rho=Fraction(1, 200), parties=10, colluding=c).total for c in range(10)]
    assert totals == sorted(totals)
    assert totals[-1] == 1000


@pytest.mark.parametrize(("parties", "colluding"), [(0, 0), (51, 0), (3, 3), (3, -1)])
def test_impossible_parties_are_refused(parties: int, colluding: int) -> None:
    with pytest.raises(PrivacyInvalid):
        share(ONE, rho=Fraction(1, 10), parties=parties, colluding=colluding)


@pytest.mark.parametrize(("l2", "l1", "cells"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (4, 1, 1), (1, 2, 1)])
def test_sensitivities_that_no_integer_vector_has_are_refused(l2: int, l1: int, cells: int) -> None:
    with pytest.raises(PrivacyInvalid):
        Sensitivity(l2, l1, cells)
