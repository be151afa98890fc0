"""A model over split rows is the model over all of them, beside statsmodels; and what a domain does not answer."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm

from enclaves.noise.gaussian import draw
from enclaves.protocols import ring
from enclaves.training.errors import TrainingRefused
from enclaves.training.horizontal import Domain, Gate, Plan
from enclaves.training.rounds import input_digest, model_digest
from policies.glm.errors import GlmDiverged, GlmWithheld
from policies.glm.fit import Fit
from policies.glm.privacy import protection
from tests.enclaves.training.parties import (
    Rows,
    columns_of,
    invented,
    masked_sum,
    rand,
    specified,
    train,
)

FAMILIES = {
    "linear": sm.families.Gaussian(),
    "logistic": sm.families.Binomial(),
    "poisson": sm.families.Poisson(),
}


def generated(family: str, seed: int = 5, rows: int = 900) -> Rows:
    x, eta = invented(seed, rows=rows)
    dice = np.random.default_rng(seed + 1)
    y = {
        "linear": lambda: 20 + 7 * eta + dice.normal(size=rows),
        "logistic": lambda: (dice.random(rows) < 1 / (1 + np.exp(-eta))).astype(float),
        "poisson": lambda: dice.poisson(np.exp(eta)).astype(float),
    }[family]()
    return Rows(x, y, np.arange(rows))


def check_equal(found: Fit, rows: Rows, family: str, relative: float = 1e-6) -> None:
    pooled = sm.GLM(rows.outcome, sm.add_constant(rows.features), family=FAMILIES[family]).fit(
        tol=1e-14, maxiter=100
    )
    np.testing.assert_allclose(found.coefficients, pooled.params, rtol=relative)
    np.testing.assert_allclose(found.standard_errors, pooled.bse, rtol=relative)
    np.testing.assert_allclose(found.z, pooled.tvalues, rtol=2 * relative)
    assert found.deviance == pytest.approx(pooled.deviance, rel=relative)
    assert found.null_deviance == pytest.approx(pooled.null_deviance, rel=relative)
    assert found.rows == len(rows.outcome)
    assert 2 <= found.rounds <= 25


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("parties", [2, 3, 5])
def test_a_fit_over_split_rows_is_the_pooled_fit(family: str, parties: int) -> None:
    rows = generated(family)
    plan = Plan(specified(family, rows, columns_of(4)), parties, 1000)
    check_equal(train(plan, rows.split(parties)), rows, family)


@pytest.mark.parametrize(
    ("family", "outcome"), [("linear", "spending"), ("logistic", "admitted"), ("poisson", "visits")]
)
def test_a_fit_on_the_rand_data_is_the_pooled_fit(family: str, outcome: str) -> None:
    rows, columns = rand(outcome)
    plan = Plan(specified(family, rows, columns), 3, 21_000)
    check_equal(train(plan, rows.split(3)), rows, family)


def test_a_ridge_is_the_penalized_least_squares_of_scaled_columns() -> None:
    rows = generated("linear")
    spec = specified("linear", rows, columns_of(4), ridge=37.0)
    found = train(Plan(spec, 3, 1000), rows.split(3))
    design, response = spec.design(rows.features), spec.response(rows.outcome)
    gamma = np.linalg.solve(design.T @ design + np.diag([0, 37, 37, 37, 37]), design.T @ response)
    slopes = gamma[1:] * spec.outcome.half / np.array([c.half for c in spec.features])
    np.testing.assert_allclose(found.coefficients[1:], slopes, rtol=1e-6)
    centers = np.array([c.middle for c in spec.features])
    intercept = spec.outcome.middle + spec.outcome.half * gamma[0] - slopes @ centers
    assert found.coefficients[0] == pytest.approx(intercept, rel=1e-6)


@pytest.mark.parametrize("family", ["logistic", "poisson"])
def test_a_ridge_settles_where_the_penalized_score_is_zero(family: str) -> None:
    rows = generated(family)
    spec = specified(family, rows, columns_of(4), ridge=10.0)
    found = train(Plan(spec, 2, 1000), rows.split(2))
    half = np.array([c.half for c in spec.features])
    eta = found.coefficients[0] + rows.features @ np.array(found.coefficients[1:])
    mean = np.exp(eta) if family == "poisson" else 1 / (1 + np.exp(-eta))
    score = (rows.features / half).T @ (rows.outcome - mean) - 10 * np.array(found.coefficients[1:]) * half
    assert np.abs(score).max() < 1e-4


def test_the_same_rows_in_another_order_and_split_give_the_same_sum() -> None:
    rows = generated("poisson")
    plan = Plan(specified("poisson", rows, columns_of(4)), 3, 1000)
    zeros = np.zeros(5)
    digest = input_digest(plan.specification, number=1, coefficients=zeros)

    def total(parts: list[Rows]) -> np.ndarray:
        encoded = {
            f"d{k}": Domain(plan, features=p.features, outcome=p.outcome, persons=p.persons).answer(
                1, zeros, signed_digest=digest
            )
            for k, p in enumerate(parts)
        }
        return ring.decode(masked_sum(encoded, sids=dict.fromkeys(encoded, digest)))

    shuffled = rows.part(np.random.default_rng(3).permutation(len(rows.outcome)))
    shuffled = Rows(shuffled.features, shuffled.outcome, np.arange(len(rows.outcome)))
    np.testing.assert_array_equal(total(rows.split(3)), total(shuffled.split(2)))


def test_other_coefficients_for_one_domain_are_refused_by_it() -> None:
    rows = generated("logistic")
    plan = Plan(specified("logistic", rows, columns_of(4)), 2, 1000)
    domain = Domain(plan, features=rows.features, outcome=rows.outcome, persons=rows.persons)
    zeros = np.zeros(5)
    domain.answer(1, zeros, signed_digest=input_digest(plan.specification, number=1, coefficients=zeros))
    signed = input_digest(plan.specification, number=2, coefficients=np.full(5, 0.1))
    with pytest.raises(TrainingRefused):
        domain.answer(2, np.array([0.1, 0.1, 0.1, 0.1, 0.1 + 2**-50]), signed_digest=signed)
    domain.answer(2, np.full(5, 0.1), signed_digest=signed)


def test_two_plans_for_two_domains_open_as_noise_that_the_gate_refuses() -> None:
    rows = generated("logistic")
    plan = Plan(specified("logistic", rows, columns_of(4)), 3, 1000)
    encoded, sids = {}, {}
    for k, part in enumerate(rows.split(3)):
        given = np.zeros(5)
        spec = plan.specification
        domain = Domain(plan, features=part.features, outcome=part.outcome, persons=part.persons)
        domain.answer(1, given, signed_digest=input_digest(spec, number=1, coefficients=given))
        given = np.full(5, 0.2 if k == 0 else 0.1)
        sids[f"d{k}"] = input_digest(spec, number=2, coefficients=given)
        encoded[f"d{k}"] = domain.answer(2, given, signed_digest=sids[f"d{k}"])
    with pytest.raises(TrainingRefused):
        Gate(plan).advance(masked_sum(encoded, sids=sids))


@pytest.mark.parametrize("number", [0, 2, 26])
def test_rounds_out_of_turn_are_refused(number: int) -> None:
    rows = generated("linear")
    plan = Plan(specified("linear", rows, columns_of(4)), 1, 1000)
    domain = Domain(plan, features=rows.features, outcome=rows.outcome, persons=rows.persons)
    zeros = np.zeros(5)
    digest = input_digest(plan.specification, number=number, coefficients=zeros)
    with pytest.raises(TrainingRefused):
        domain.answer(number, zeros, signed_digest=digest)


def test_coefficients_that_leave_one_persons_weight_are_not_answered() -> None:
    dice = np.random.default_rng(8)
    x = np.sort(dice.uniform(-1, 1, 400))[:, None]
    rows = Rows(x, (dice.random(400) < 0.5).astype(float), np.arange(400))
    plan = Plan(specified("logistic", rows, columns_of(1)), 1, 400)
    domain = Domain(plan, features=x, outcome=rows.outcome, persons=rows.persons)
    zeros = np.zeros(2)
    domain.answer(1, zeros, signed_digest=input_digest(plan.specification, number=1, coefficients=zeros))
    # A steep model whose step lies at one person: everybody else is certain, so the sums are his row.
    steep = np.array([-2_000.0 * x[200, 0], 8_000.0])
    digest = input_digest(plan.specification, number=2, coefficients=steep)
    with pytest.raises(GlmWithheld):
        domain.answer(2, steep, signed_digest=digest)


def test_separated_outcomes_have_no_fit() -> None:
    x = np.linspace(-1, 1, 400)[:, None]
    rows = Rows(x, (x[:, 0] > 0).astype(float), np.arange(400))
    with pytest.raises((GlmDiverged, GlmWithheld)):
        train(Plan(specified("logistic", rows, columns_of(1)), 2, 400), rows.split(2))


def test_columns_that_depend_on_one_another_have_no_fit() -> None:
    rows = generated("linear")
    doubled = Rows(np.column_stack([rows.features, rows.features[:, 0]]), rows.outcome, rows.persons)
    columns = (*columns_of(4), columns_of(1)[0].__class__("again", -4, 4))
    with pytest.raises(GlmDiverged):
        train(Plan(specified("linear", doubled, columns), 2, 1000), doubled.split(2))


def test_every_bit_of_the_model_counts_in_its_digest() -> None:
    rows = generated("linear")
    one = specified("linear", rows, columns_of(4))
    other = specified("linear", rows, columns_of(4), ridge=1e-300)
    assert model_digest(one) != model_digest(other)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_noise_of_a_large_rho_leaves_the_fit_within_its_stated_errors(family: str) -> None:
    rows = generated(family, rows=9000)
    spec = specified(family, rows, columns_of(4), rounds=4)
    guarded = protection(spec, rho=Fraction(1, 2), parties=3, rows=3000)
    assert guarded.spent <= Fraction(1, 2)
    found = train(Plan(spec, 3, 3000, guarded), rows.split(3), draw=draw)
    exact = train(Plan(specified(family, rows, columns_of(4)), 3, 3000), rows.split(3))
    assert found.rounds == 4
    away = np.abs(np.array(found.coefficients) - exact.coefficients) / np.array(found.standard_errors)
    assert 0 < away.max() < 6
    assert (np.array(found.standard_errors) > np.array(exact.standard_errors)).all()


def test_protection_of_another_run_is_refused() -> None:
    rows = generated("logistic")
    spec = specified("logistic", rows, columns_of(4), rounds=4)
    guarded = protection(spec, rho=Fraction(1, 2), parties=3, rows=3000)
    for parties, most in ((2, 3000), (3, 3001)):
        with pytest.raises(TrainingRefused):
            Plan(spec, parties, most, guarded)
    with pytest.raises(TrainingRefused):
        Domain(
            Plan(spec, 3, 3000, guarded), features=rows.features, outcome=rows.outcome, persons=rows.persons
        )


def test_under_noise_no_round_is_refused_for_what_rows_are() -> None:
    rows = generated("logistic")
    spec = specified("logistic", rows, columns_of(4), rounds=4)
    plan = Plan(spec, 1, 900, protection(spec, rho=Fraction(1, 2), parties=1, rows=900))
    domain = Domain(plan, features=rows.features, outcome=rows.outcome, persons=rows.persons, draw=draw)
    for number, coefficients in ((1, np.zeros(5)), (2, np.full(5, 1e6))):
        digest = input_digest(spec, number=number, coefficients=coefficients)
        assert len(domain.answer(number, coefficients, signed_digest=digest)) == plan.scales.slots


def test_a_domain_with_more_rows_than_the_plan_has_room_for_is_refused() -> None:
    rows = generated("linear")
    with pytest.raises(TrainingRefused):
        Domain(
            Plan(specified("linear", rows, columns_of(4)), 2, 899),
            features=rows.features,
            outcome=rows.outcome,
            persons=rows.persons,
        )
