"""zCDP arithmetic: exact where it decides, and against dp-accounting where it is shown."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import dp_accounting
import pytest
from dp_accounting import pld, rdp
from hypothesis import given
from hypothesis import strategies as st

from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import (
    DELTA,
    RHO_UNIT,
    check_rho,
    compose,
    cost,
    delta_of,
    epsilon,
    rho_of,
    units,
    variance,
)

# Dense enough that the accountant's minimum over its orders is the minimum over all of them.
ORDERS = [1 + math.exp(step / 200) for step in range(-1600, 2000)]
rhos = st.integers(1, 10**9).map(lambda count: count * RHO_UNIT)
sensitivities = st.integers(1, 10**12)


@pytest.mark.parametrize(
    ("rho", "sigma", "shown"),
    [("0.005", 10, 0.43), ("0.02", 5, 0.90), ("0.1", 2.24, 2.14), ("0.5", 1.0, 5.22), ("1", 0.71, 7.77)],
)
def test_noise_and_epsilon_are_those_of_the_specification(rho: str, sigma: float, shown: float) -> None:
    assert round(float(variance(1, rho_of(rho))) ** 0.5, 2) == sigma
    assert round(epsilon(rho_of(rho)), 2) == shown


@pytest.mark.parametrize("rho", ["0.000001", "0.005", "0.1", "0.5", "3", "40"])
@pytest.mark.parametrize("delta", [Fraction(1, 10**3), DELTA, Fraction(1, 10**12)])
def test_epsilon_is_that_of_the_renyi_accountant_of_dp_accounting(rho: str, delta: Fraction) -> None:
    accountant = rdp.RdpAccountant(orders=ORDERS)
    accountant.compose(dp_accounting.GaussianDpEvent(float(variance(1, rho_of(rho))) ** 0.5))
    theirs = accountant.get_epsilon(float(delta))
    # Theirs is a minimum over a grid, ours over all orders: never above, and hardly below.
    assert epsilon(rho_of(rho), delta) <= theirs * (1 + 1e-9) + 1e-9
    assert epsilon(rho_of(rho), delta) == pytest.approx(theirs, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("rho", ["0.005", "0.1", "1"])
def test_epsilon_is_never_below_the_exact_loss_of_one_discrete_gaussian(rho: str) -> None:
    sigma = float(variance(1, rho_of(rho))) ** 0.5
    exact = pld.privacy_loss_distribution.from_discrete_gaussian_mechanism(sigma, sensitivity=1)
    ours = epsilon(rho_of(rho))
    assert exact.get_epsilon_for_delta(float(DELTA)) <= ours
    assert exact.get_delta_for_epsilon(ours) <= float(DELTA)


@pytest.mark.parametrize("rho", ["0.005", "0.1", "1"])
def test_epsilon_beats_the_simple_formula(rho: str) -> None:
    r = float(rho)
    assert epsilon(rho_of(rho)) < r + 2 * math.sqrt(r * math.log(1 / DELTA))


@pytest.mark.parametrize("rho", ["0.005", "0.1", "1"])
def test_delta_and_epsilon_are_two_readings_of_one_curve(rho: str) -> None:
    assert delta_of(rho_of(rho), epsilon(rho_of(rho))) == pytest.approx(float(DELTA), rel=1e-6)


@given(st.lists(rhos, min_size=1, max_size=6), sensitivities)
def test_composition_adds_exactly_and_agrees_with_the_accountant(
    parts: list[Fraction], sensitivity: int
) -> None:
    noises = [variance(sensitivity, rho) for rho in parts]
    assert compose(cost(sensitivity, sigma2) for sigma2 in noises) == sum(parts)
    accountant = rdp.RdpAccountant(orders=[2, 8, 32])
    for rho in parts:
        accountant.compose(dp_accounting.GaussianDpEvent(float(variance(1, rho)) ** 0.5))
    theirs = min(
        float(compose(parts)) * a + math.log1p(-1 / a) - math.log(1e-6 * a) / (a - 1) for a in (2, 8, 32)
    )
    assert accountant.get_epsilon(1e-6) == pytest.approx(max(0.0, theirs), rel=1e-9, abs=1e-9)


@given(rhos, rhos)
def test_more_rho_is_never_less_epsilon(one: Fraction, other: Fraction) -> None:
    small, large = sorted((one, other))
    assert epsilon(small) <= epsilon(large) * (1 + 1e-9) + 1e-9


@given(rhos, st.floats(-4, 8))
def test_no_order_gives_less_than_the_minimum_found(rho: Fraction, log_order: float) -> None:
    order = 1 + math.exp(log_order)
    at = float(rho) * order + math.log1p(-1 / order) - (math.log(1e-6) + math.log(order)) / (order - 1)
    assert epsilon(rho) <= max(0.0, at) * (1 + 1e-9) + 1e-9


@given(rhos)
def test_whole_orders_lose_little_and_never_gain(rho: Fraction) -> None:
    assert epsilon(rho) <= epsilon(rho, whole_orders=True) + 1e-9
    brute = min(
        float(rho) * a + math.log1p(-1 / a) - (math.log(1e-6) + math.log(a)) / (a - 1)
        for a in itertools.chain(range(2, 400), (10**k for k in range(3, 9)))
    )
    assert epsilon(rho, whole_orders=True) <= max(0.0, brute) * (1 + 1e-9) + 1e-9


@given(rhos)
def test_a_rho_survives_its_storage(rho: Fraction) -> None:
    assert units(rho) * RHO_UNIT == rho


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-0.1",
        "+0.1",
        "1e-3",
        ".5",
        "0.",
        "0.0000000001",
        "100.1",
        "1/200",
        "nan",
        " 0.1",
        "0.1\n",
        "٠.٥",
    ],
)
def test_a_rho_is_a_plain_decimal_in_range(text: str) -> None:
    with pytest.raises(PrivacyInvalid):
        rho_of(text)


def test_a_rho_finer_than_the_ledger_can_hold_is_refused() -> None:
    check_rho(Fraction(1, 2))
    with pytest.raises(PrivacyInvalid):
        check_rho(Fraction(1, 3))


@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 10**101)])
def test_a_delta_out_of_range_is_refused(delta: Fraction) -> None:
    with pytest.raises(PrivacyInvalid):
        epsilon(Fraction(1, 10), delta)


def test_nothing_released_costs_nothing() -> None:
    assert epsilon(Fraction(0)) == 0.0
    assert delta_of(Fraction(0), 0.0) == 0.0


def test_invalid_sensitivities_and_variances_are_refused() -> None:
    for call in (
        lambda: variance(0, Fraction(1)),
        lambda: cost(1, Fraction(0)),
        lambda: cost(-1, Fraction(1)),
        lambda: epsilon(Fraction(-1)),
        lambda: delta_of(Fraction(1), -1.0),
        lambda: delta_of(Fraction(1), math.nan),
    ):
        with pytest.raises(PrivacyInvalid):
            call()
