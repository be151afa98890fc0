"""Parameters: the security table is SEAL's own, named sets pass, and each kind of unfit set is refused with its reason."""

from __future__ import annotations

import numpy as np
import pytest
import tenseal as ts
import tenseal.sealapi as sealapi

from enclaves.protocols.he_parameters import (
    BFV_SUM,
    CKKS_PRODUCT,
    CKKS_SUM,
    MAX_LOG2_Q,
    NAMED_SETS,
    SECURITY_BITS,
    HeParameters,
    NamedSet,
    ParametersRefused,
    Scheme,
    Unfit,
    check_parameters,
)

TUTORIAL = HeParameters(Scheme.CKKS, 4096, (40, 20, 40), scale_bits=20, products=1)


def refused(parameters: HeParameters, **arguments: float) -> Unfit:
    with pytest.raises(ParametersRefused) as caught:
        check_parameters(parameters, **({"parties": 1, "bound": 1.0} | arguments))  # type: ignore[arg-type]  # mixed
    return caught.value.unfit


@pytest.mark.parametrize("degree", MAX_LOG2_Q)
def test_table_is_that_of_seal(degree: int) -> None:
    level = sealapi.SEC_LEVEL_TYPE.TC128
    assert sealapi.CoeffModulus.MaxBitCount(degree, level) == MAX_LOG2_Q[degree]


@pytest.mark.parametrize("named", NAMED_SETS, ids=lambda named: named.use)
def test_named_sets_hold_what_they_declare(named: NamedSet) -> None:
    assert named.security_bits == SECURITY_BITS == 128
    assert named.parameters.log2_q <= MAX_LOG2_Q[named.parameters.degree]
    largest = (named.bound - 1) / named.max_parties / named.max_factor
    check_parameters(named.parameters, parties=named.max_parties, bound=largest, factor=named.max_factor)
    over = refused(named.parameters, parties=named.max_parties, bound=largest * 1.01, factor=named.max_factor)
    assert over is Unfit.OVERFLOW


def test_bounds_are_those_of_the_specification() -> None:
    assert BFV_SUM.bound == (1_032_193 + 1) // 2
    assert CKKS_SUM.bound == 2**17
    assert CKKS_PRODUCT.bound == 2**19


def test_named_bfv_primes_are_seals_default() -> None:
    default = sealapi.CoeffModulus.BFVDefault(4096, sealapi.SEC_LEVEL_TYPE.TC128)
    assert tuple(prime.bit_count() for prime in default) == BFV_SUM.parameters.primes


def test_one_bit_too_many_is_insecure() -> None:
    check_parameters(HeParameters(Scheme.CKKS, 4096, (59, 50), scale_bits=40), parties=1, bound=1.0)
    assert refused(HeParameters(Scheme.CKKS, 4096, (60, 50), scale_bits=40), tolerance=1.0) is Unfit.SECURITY
    with pytest.raises(ValueError, match="encryption parameters are not set correctly"):
        ts.context(ts.SCHEME_TYPE.CKKS, 4096, -1, [60, 50], n_threads=1)


@pytest.mark.parametrize(
    ("parties", "bound", "fits"),
    [(3, 172_032, True), (3, 172_033, False), (64, 8_064, True), (64, 8_065, False)],
)
def test_bfv_sum_of_n_parties_stays_below_half_of_t(parties: int, bound: int, fits: bool) -> None:
    assert (parties * bound <= (1_032_193 - 1) // 2) is fits
    if fits:
        check_parameters(BFV_SUM.parameters, parties=parties, bound=bound)
    else:
        assert refused(BFV_SUM.parameters, parties=parties, bound=bound) is Unfit.OVERFLOW


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), -1.0])
def test_a_bound_that_is_none_is_refused(bound: float) -> None:
    assert refused(CKKS_SUM.parameters, bound=bound) is Unfit.OVERFLOW


def test_tutorial_parameters_are_too_coarse_and_err_as_much_when_run() -> None:
    assert refused(TUTORIAL, bound=1.0, factor=64.0) is Unfit.PRECISION
    assert refused(TUTORIAL, bound=1.0) is Unfit.PRECISION
    measured = product_error(TUTORIAL, factor=64.0)
    assert 0.2 < measured < TUTORIAL.expected_error(parties=1, bound=1.0, factor=64.0)
    ours = product_error(CKKS_PRODUCT.parameters, factor=64.0)
    assert ours < CKKS_PRODUCT.parameters.expected_error(parties=1, bound=1.0, factor=64.0) < 1e-4


@pytest.mark.parametrize("parties", [1, 16])
def test_expected_error_of_a_sum_bounds_the_measured_one_closely(parties: int) -> None:
    context = context_of(CKKS_SUM.parameters)
    values = np.random.default_rng(1).uniform(-1000, 1000, (parties, 2048))
    total = ts.ckks_vector(context, values[0])
    for row in values[1:]:
        total.add_(ts.ckks_vector(context, row))
    measured = float(np.abs(np.array(total.decrypt()) - values.sum(axis=0)).max())
    expected = CKKS_SUM.parameters.expected_error(parties=parties, bound=1000.0, factor=1.0)
    assert expected / 10 < measured < expected


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((Scheme.CKKS, 4095, (58, 50), None, 40), id="degree off the table"),
        pytest.param((Scheme.CKKS, 4096, (61, 40), None, 40), id="prime too long"),
        pytest.param((Scheme.CKKS, 4096, (58,), None, 40), id="no special prime"),
        pytest.param((Scheme.CKKS, 4096, (58, 50), None, None), id="no scale"),
        pytest.param((Scheme.CKKS, 4096, (58, 50), 1_032_193, 40), id="ckks with t"),
        pytest.param((Scheme.CKKS, 4096, (58, 50), None, 40, 1), id="a product without its prime"),
        pytest.param((Scheme.BFV, 4096, (36, 36, 37), None, None), id="bfv without t"),
        pytest.param((Scheme.BFV, 4096, (36, 36, 37), 1_032_193, 40), id="bfv with a scale"),
        pytest.param((Scheme.BFV, 4096, (36, 36, 37), 1_032_192, None), id="t is no prime"),
        pytest.param((Scheme.BFV, 4096, (36, 36, 37), 1_032_191, None), id="t without batching"),
    ],
)
def test_sets_that_no_scheme_has_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ParametersRefused) as caught:
        HeParameters(*arguments)  # type: ignore[arg-type]  # parametrized
    assert caught.value.unfit is Unfit.SHAPE


def context_of(parameters: HeParameters) -> ts.Context:
    context = ts.context(ts.SCHEME_TYPE.CKKS, parameters.degree, -1, list(parameters.primes), n_threads=1)
    context.global_scale = 2.0 ** (parameters.scale_bits or 0)
    return context


def product_error(parameters: HeParameters, *, factor: float) -> float:
    """The largest error of a product of values within 1 and plain factors within `factor`."""
    dice = np.random.default_rng(2)
    values = dice.uniform(-1, 1, parameters.slots)
    factors = dice.uniform(-factor, factor, parameters.slots)
    product = ts.ckks_vector(context_of(parameters), values) * ts.plain_tensor(factors).tolist()
    return float(np.abs(np.array(product.decrypt()) - values * factors).max())
