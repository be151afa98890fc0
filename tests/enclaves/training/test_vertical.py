"""A model over split columns is the pooled model, exactly or within a stated bound; what each party sees tells nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from enclaves.protocols import ring
from enclaves.training.dealing import Hand, Words
from enclaves.training.errors import TrainingRefused
from enclaves.training.sharing import encoded
from enclaves.training.vertical import VerticalPlan
from enclaves.training.vertical_gate import VerticalGate
from policies.glm.errors import GlmDiverged, GlmWithheld
from tests.enclaves.training.columns import Table, seated, to_gate, train_columns
from tests.enclaves.training.parties import Rows, columns_of, invented, rand, specified

BOUND = 1e-3
"""The stated bound of a logistic model over split columns, in coefficients relative to the larger of them and their error."""


def generated(family: str, rows: int = 900, seed: int = 5) -> Rows:
    x, eta = invented(seed, rows=rows)
    dice = np.random.default_rng(seed + 1)
    if family == "linear":
        return Rows(x, 20 + 7 * eta + dice.normal(size=rows), np.arange(rows))
    return Rows(x, (dice.random(rows) < 1 / (1 + np.exp(-eta))).astype(float), np.arange(rows))


def split(family: str, rows: Rows, holdings: list[list[int]], **more: float) -> VerticalPlan:
    spec = specified(family, rows, columns_of(rows.features.shape[1]), **more)
    names = tuple(tuple(f"x{j}" for j in held) for held in holdings)
    return VerticalPlan(spec, names, len(rows.outcome))


@pytest.mark.parametrize("holdings", [[[0], [1, 2, 3]], [[0, 1], [2], [3]], [[], [0, 1], [2], [3]]])
def test_a_linear_model_over_split_columns_is_the_pooled_model(holdings: list[list[int]]) -> None:
    rows = generated("linear")
    found = train_columns(split("linear", rows, holdings), rows)
    pooled = sm.GLM(rows.outcome, sm.add_constant(rows.features)).fit()
    np.testing.assert_allclose(found.coefficients, pooled.params, rtol=1e-6)
    np.testing.assert_allclose(found.standard_errors, pooled.bse, rtol=1e-6)
    assert found.deviance == pytest.approx(pooled.deviance, rel=1e-6)
    assert found.null_deviance == pytest.approx(pooled.null_deviance, rel=1e-6)


def test_a_linear_model_of_rand_over_three_domains_is_the_pooled_model() -> None:
    rows, columns = rand("spending")
    names = [column.name for column in columns]
    spec = specified("linear", rows, columns)
    plan = VerticalPlan(spec, (tuple(names[:3]), tuple(names[3:5]), tuple(names[5:])), len(rows.outcome))
    found = train_columns(plan, rows)
    pooled = sm.GLM(rows.outcome, sm.add_constant(rows.features)).fit()
    np.testing.assert_allclose(found.coefficients, pooled.params, rtol=1e-6)
    np.testing.assert_allclose(found.standard_errors, pooled.bse, rtol=1e-6)
    assert found.deviance == pytest.approx(pooled.deviance, rel=1e-6)


def test_a_ridge_over_split_columns_is_the_penalized_least_squares() -> None:
    rows = generated("linear")
    plan = split("linear", rows, [[0, 1], [2, 3]], ridge=25.0)
    found = train_columns(plan, rows)
    design, response = plan.specification.design(rows.features), plan.specification.response(rows.outcome)
    gamma = np.linalg.solve(design.T @ design + np.diag([0, 25, 25, 25, 25]), design.T @ response)
    half = np.array([c.half for c in plan.specification.features])
    slopes = gamma[1:] * plan.specification.outcome.half / half
    np.testing.assert_allclose(found.coefficients[1:], slopes, rtol=1e-6)


def test_the_gram_matrix_is_exact() -> None:
    rows = generated("linear", rows=300)
    plan = split("linear", rows, [[0, 1], [2], [3]])
    table = Table(3)
    members = seated(plan, rows, table)
    table.deal(plan.gram_steps())
    total = ring.decode(to_gate(table.run([m.gram() for m in members]), "gram"))
    spec = plan.specification
    whole = np.column_stack([spec.design(rows.features), spec.response(rows.outcome)])
    steps = [[int(v) for v in row] for row in np.rint(np.ldexp(whole, plan.places)).astype(int)]
    size = len(steps[0])
    exact = [sum(row[i] * row[j] for row in steps) for i in range(size) for j in range(i, size)]
    assert [int(v) for v in total] == exact


@pytest.mark.parametrize("holdings", [[[0], [1, 2, 3]], [[0, 1], [2], [3]]])
def test_a_logistic_model_over_split_columns_is_within_its_bound(holdings: list[list[int]]) -> None:
    rows = generated("logistic")
    check_logistic(train_columns(split("logistic", rows, holdings), rows), rows)


def test_admission_to_hospital_over_three_domains_of_rand_is_within_the_bound() -> None:
    rows, columns = rand("admitted")
    names = [column.name for column in columns]
    # Hospital: what a person is; social insurance: schooling and family; health insurance: plan and state of health.
    spec = specified("logistic", rows, columns)
    plan = VerticalPlan(spec, (tuple(names[:3]), tuple(names[3:5]), tuple(names[5:])), len(rows.outcome))
    check_logistic(train_columns(plan, rows), rows)


@pytest.mark.parametrize("seed", range(6))
def test_models_of_many_looks_settle_within_the_bound(seed: int) -> None:
    dice = np.random.default_rng(seed)
    count = int(dice.integers(1000, 2000))
    x = np.column_stack(
        [dice.normal(size=count), dice.random(count) < 0.2, dice.normal(size=count), dice.random(count)]
    )
    x = np.clip(x, -4, 4) * [1, 10, 100, 1000]
    eta = dice.uniform(-3, 1) + (x / [1, 10, 100, 1000]) @ (0.6 * dice.normal(size=4))
    rows = Rows(x, (dice.random(count) < 1 / (1 + np.exp(-eta))).astype(float), np.arange(count))
    plan = replace(split("logistic", rows, [[0, 1], [2, 3]]), reach=24.0)
    check_logistic(train_columns(plan, rows), rows)


def test_a_member_answers_in_order_and_within_its_rounds() -> None:
    rows = generated("logistic")
    plan = split("logistic", rows, [[0, 1], [2, 3]], rounds=2)
    members = seated(plan, rows, table := Table(2))
    with pytest.raises(TrainingRefused):
        next(members[0].logistic(np.zeros(3)))
    table.deal(plan.gram_steps())
    table.run([member.gram() for member in members])
    with pytest.raises(TrainingRefused):
        next(members[0].gram())
    for coefficients in (np.zeros(2), np.full(3, 5.0), np.array([np.nan, 0, 0])):
        with pytest.raises(TrainingRefused):
            next(members[0].logistic(coefficients))
    for _ in range(2):
        table.deal(plan.round_steps())
        table.run([members[0].logistic(np.zeros(3)), members[1].logistic(np.zeros(2))])
    with pytest.raises(TrainingRefused):
        next(members[0].logistic(np.zeros(3)))


def check_logistic(found, rows: Rows) -> None:  # type: ignore[no-untyped-def]  # A fit.
    pooled = sm.GLM(rows.outcome, sm.add_constant(rows.features), family=sm.families.Binomial()).fit(
        tol=1e-13
    )
    np.testing.assert_allclose(found.coefficients, pooled.params, rtol=BOUND)
    np.testing.assert_allclose(found.standard_errors, pooled.bse, rtol=BOUND)
    assert found.deviance == pytest.approx(pooled.deviance, rel=1e-5)
    assert found.null_deviance == pytest.approx(pooled.null_deviance, rel=1e-5)


def constant_rows(value: float, rows: int = 600) -> Rows:
    """As little random as the rules allow, so that any trace of it would show."""
    x = np.where(np.arange(rows)[:, None] % 2 == 0, value, -value) * np.ones((1, 2))
    x[:, 1] = np.where(np.arange(rows) % 3 == 0, value, -value)
    return Rows(x, ((np.arange(rows) // 7) % 2).astype(float), np.arange(rows))


@pytest.mark.parametrize("party", [0, 1])
def test_what_a_party_sees_of_the_others_is_uniform(party: int) -> None:
    rows = constant_rows(2.0)
    spec = specified("logistic", rows, columns_of(2))
    plan = VerticalPlan(spec, (("x0",), ("x1",)), 600)
    table = Table(2, watched=True)
    train_columns(plan, rows, table)
    words = np.concatenate([part.ravel() for part in table.seen[party]])
    assert len(words) > 300_000
    for shift in (0, 24, 56):
        counts = np.bincount((words >> np.uint64(shift)).astype(np.uint8), minlength=256)
        expected = len(words) / 256
        chi_squared = float(((counts - expected) ** 2 / expected).sum())
        # 255 degrees of freedom: mean 255, standard deviation 22.6.
        assert abs(chi_squared - 255) < 5 * 22.6


class Chosen(Hand):
    """A hand of words that the test chooses."""

    def __init__(self, uniform: list[Words], dependent: list[Words]) -> None:
        self._uniform, self._dependent = uniform, dependent

    def uniform(self, shape: tuple[int, ...]) -> Words:
        return self._uniform.pop(0)

    def dependent(self, shape: tuple[int, ...]) -> Words:
        return self._dependent.pop(0)


def test_everything_a_party_sees_fits_any_other_columns_of_its_partner() -> None:
    """The other's columns change, and so do its masks, which are as likely: the view of party 0 stays the same to the bit."""
    rows, others = generated("linear", rows=300), generated("linear", rows=300, seed=9)
    mixed = Rows(np.column_stack([rows.features[:, :2], others.features[:, 2:]]), rows.outcome, rows.persons)
    plan = split("linear", rows, [[0, 1], [2, 3]])
    shape = (plan.rows, plan.columns)
    dice = np.random.default_rng(4)

    def words(*size: int) -> Words:
        return dice.integers(0, 1 << 64, size=size, dtype=np.uint64)

    u0, v0, u1, v1, vu0 = (
        words(*shape),
        words(*shape),
        words(*shape),
        words(*shape),
        words(shape[1], shape[1]),
    )
    held = np.zeros(shape)
    held[:, 3:5] = plan.specification.design(mixed.features)[:, 3:5]
    before = np.zeros(shape)
    before[:, 3:5] = plan.specification.design(rows.features)[:, 3:5]
    shift = encoded(held, plan.places) - encoded(before, plan.places)
    assert shift.any()
    views, grams = [], []
    for data, moved in ((rows, np.zeros_like(shift)), (mixed, shift)):
        u, v = u0 + u1 + moved, v0 + v1 + moved
        table = Table(2, watched=True)
        table.hands = [Chosen([u0, v0], [vu0]), Chosen([u1 + moved, v1 + moved], [v.T @ u - vu0])]
        grams.append(table.run([m.gram() for m in seated(plan, data, table)]))
        views.append(table.seen[0])
    for one, other in zip(*views, strict=True):
        np.testing.assert_array_equal(one, other)
    totals = [ring.decode(to_gate(shares, "gram")) for shares in grams]
    assert (totals[0] != totals[1]).any()
    np.testing.assert_array_equal(grams[0][0], grams[1][0])


def test_what_each_domain_sends_to_the_gate_is_noise_until_all_are_added() -> None:
    rows = generated("linear", rows=300)
    plan = split("linear", rows, [[0, 1], [2, 3]])
    table = Table(2)
    members = seated(plan, rows, table)
    table.deal(plan.gram_steps())
    shares = table.run([m.gram() for m in members])
    with pytest.raises(TrainingRefused):
        VerticalGate(plan).gram(to_gate(shares[:1], "alone"))


def test_a_dealers_wrong_product_does_not_pass_for_a_gram_matrix() -> None:
    rows = generated("linear", rows=300)
    plan = split("linear", rows, [[0, 1], [2, 3]])
    table = Table(2)
    members = seated(plan, rows, table)
    table.deal(plan.gram_steps())
    table.queue[0] = table.queue[0] + np.uint64(1 << 63)
    with pytest.raises(TrainingRefused):
        VerticalGate(plan).gram(to_gate(table.run([m.gram() for m in members]), "gram"))


def test_a_column_that_names_somebody_is_kept_by_its_domain() -> None:
    rows = generated("linear")
    rows.features[:, 3] = 0.0
    rows.features[17, 3] = 1.0
    plan = split("linear", rows, [[0, 1], [2, 3]])
    with pytest.raises(GlmWithheld):
        seated(plan, rows, Table(2))


def test_separated_outcomes_leave_the_reach() -> None:
    x = np.column_stack([np.linspace(-4, 4, 400), np.tile([-40.0, 40.0], 200)])
    rows = Rows(x, (x[:, 0] > 0).astype(float), np.arange(400))
    with pytest.raises(GlmDiverged):
        train_columns(split("logistic", rows, [[0], [1]]), rows)


def test_counts_over_split_columns_are_refused() -> None:
    x, eta = invented(5)
    rows = Rows(x, np.random.default_rng(1).poisson(np.exp(eta)).astype(float), np.arange(len(x)))
    with pytest.raises(TrainingRefused):
        split("poisson", rows, [[0, 1], [2, 3]])
