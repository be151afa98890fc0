"""Cedar against the reference evaluator, and the laws that no policy may break."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.decision import Action, Facts, decide, product, with_extra
from policies.decision.facts import COUNTS, FACT_NAMES
from tests.policies.decision import reference

SCENARIO = "5" * 64
GOOD: dict[str, bool | int] = {
    **{name: True for name in FACT_NAMES if name not in COUNTS},
    "domains": 2,
    "checkpoint_age_s": 0,
    "runs_left": 1,
    "slots_accepted": 1,
    "fetches_left": 1,
}
BOUNDARIES = (-(2**53) + 1, -61, -60, -1, 0, 1, 2, 3, 600, 601, 2**53 - 1)

actions = st.sampled_from(Action)


@st.composite
def near_good(draw: st.DrawFn) -> dict[str, bool | int]:
    """Facts that mostly hold, a few of them false, absent or at a boundary."""
    facts = dict(GOOD)
    for name in draw(st.lists(st.sampled_from(FACT_NAMES), max_size=5)):
        value = draw(
            st.sampled_from((*BOUNDARIES, None)) if name in COUNTS else st.sampled_from((True, False, None))
        )
        if value is None:
            facts.pop(name, None)
        else:
            facts[name] = value
    return facts


def both(action: Action, facts: dict[str, bool | int]) -> None:
    decision = decide(action, "acme", scenario=SCENARIO, facts=Facts(**facts))
    allowed, codes = reference.evaluate(action, facts)
    assert (decision.allowed, frozenset(decision.codes)) == (allowed, codes)


@pytest.mark.req("RQ-304")
@settings(max_examples=1000, deadline=None)
@given(action=actions, facts=near_good())
def test_cedar_and_the_reference_agree_near_a_permit(action: Action, facts: dict[str, bool | int]) -> None:
    both(action, facts)


def test_cedar_and_the_reference_agree_on_four_thousand_random_sets_of_facts() -> None:
    chance = random.Random(20260401)
    allowed = 0
    for _ in range(4000):
        action = chance.choice(list(Action))
        missing, false = chance.choice(((0, 0), (0, 0.02), (0.02, 0), (0.3, 0.3)))
        facts: dict[str, bool | int] = {}
        for name in FACT_NAMES:
            if chance.random() >= missing:
                good = chance.random() >= false
                facts[name] = (GOOD[name] if good else chance.choice(BOUNDARIES)) if name in COUNTS else good
        both(action, facts)
        allowed += reference.evaluate(action, facts)[0]
    # Were everything denied, agreement would prove nothing.
    assert allowed > 400


@settings(max_examples=200, deadline=None)
@given(
    action=actions,
    facts=near_good(),
    name=st.sampled_from((*FACT_NAMES, "override", "admin", "")),
    value=st.sampled_from((True, 1, "true", [], {}, None)),
)
def test_cedar_and_the_reference_agree_on_unknown_and_ill_typed_facts(
    action: Action, facts: dict[str, object], name: str, value: object
) -> None:
    facts = {**facts, name: value}
    found = product().evaluate(action, facts, principal="acme", resource=SCENARIO)
    allowed, codes = reference.evaluate(action, facts)
    assert found.allowed == allowed
    assert found.failed == ("decision_error" in codes)


CONDITIONS = (
    "",
    "when { context has domains && context.domains < 3 }",
    "unless { context has slots_accepted && context.slots_accepted >= 20 }",
    'when { principal == Domicile::Party::"acme" }',
    'unless { principal == Domicile::Party::"acme" }',
    "when { context has job_is_vet && context.job_is_vet }",
    "unless { context has checkpoint_age_s && context.checkpoint_age_s <= 60 }",
)


def added(condition: str, action: str) -> str:
    scope = f'action == Domicile::Action::"{action}"' if action else "action"
    return f"""
        @id("hospital-own") @code("hospital_own") @where("scenario")
        @reason_zh("医院自定规则") @reason_en("the hospital's own rule")
        @change_zh("联系医院") @change_en("ask the hospital")
        forbid (principal, {scope}, resource) {condition};
    """


@pytest.mark.req("RQ-304")
@settings(max_examples=150, deadline=None)
@given(
    action=actions,
    facts=near_good(),
    condition=st.sampled_from(CONDITIONS),
    scope=st.sampled_from(("", "score", "deliver")),
)
def test_an_added_forbid_never_widens_access(
    action: Action, facts: dict[str, bool | int], condition: str, scope: str
) -> None:
    library = with_extra(added(condition, scope))
    before = decide(action, "acme", scenario=SCENARIO, facts=Facts(**facts))
    after = decide(action, "acme", scenario=SCENARIO, facts=Facts(**facts), library=library)
    assert before.allowed or not after.allowed
    assert set(before.codes) <= set(after.codes) | {"not_permitted"}


@settings(max_examples=300, deadline=None)
@given(action=actions, facts=near_good(), lost=st.sampled_from(FACT_NAMES))
def test_losing_a_fact_never_widens_access(action: Action, facts: dict[str, bool | int], lost: str) -> None:
    less = {name: value for name, value in facts.items() if name != lost}
    before = decide(action, "acme", scenario=SCENARIO, facts=Facts(**facts))
    after = decide(action, "acme", scenario=SCENARIO, facts=Facts(**less))
    assert before.allowed or not after.allowed
