"""Every rule of the library: it has words in two languages, it fires, and it denies alone."""

from __future__ import annotations

import re

import pytest

from policies.decision import Action, Facts, decide, product
from policies.decision.engine import Rule
from policies.decision.facts import COUNTS, FACT_NAMES
from policies.decision.rulebook import page
from tests.policies.decision.make_page import PAGE
from tests.policies.decision.test_differential import GOOD, SCENARIO

RULES = product().rules
CONDITIONAL = [rule for rule in RULES if rule.facts]
# Where a count stands exactly at the first value that no longer passes.
TOO_FEW = {"domains": 1, "checkpoint_age_s": 601, "runs_left": 0, "slots_accepted": 0, "fetches_left": 0}


def broken(rule: Rule) -> dict[str, bool | int]:
    """Good facts but for those of `rule`; of a comparison of two counts the first is broken."""
    if rule.id == "domains-too-few":
        # The one rule with a middle: one domain passes, two do not, three do.
        return {**GOOD, "domains": 2, "bilateral_accepted": False}
    names = rule.facts[:1] if rule.id == "quota-exhausted" else rule.facts
    return {**GOOD, **{name: TOO_FEW[name] if name in COUNTS else False for name in names}}


def denying(action: Action, facts: dict[str, bool | int]) -> tuple[str, ...]:
    decision = decide(action, "acme", scenario=SCENARIO, facts=Facts(**facts))
    return tuple(denial.policy for denial in decision.denials)


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.RAW_EXPORT])
def test_every_action_is_allowed_when_all_facts_hold(action: Action) -> None:
    assert denying(action, GOOD) == ()


@pytest.mark.req("RQ-308")
def test_raw_export_is_denied_whatever_the_facts() -> None:
    assert denying(Action.RAW_EXPORT, GOOD) == ("raw-export",)
    assert denying(Action.RAW_EXPORT, {}) == ("raw-export",)


@pytest.mark.req("RQ-169")
@pytest.mark.parametrize("rule", CONDITIONAL, ids=lambda rule: rule.id)
def test_each_forbid_alone_denies(rule: Rule) -> None:
    outcomes = {action: denying(action, broken(rule)) for action in Action if action is not Action.RAW_EXPORT}
    fired = {action for action, policies in outcomes.items() if policies}
    assert fired, "the rule never fires"
    assert all(outcomes[action] == (rule.id,) for action in fired)


@pytest.mark.req("RQ-169")
@pytest.mark.parametrize("rule", CONDITIONAL, ids=lambda rule: rule.id)
def test_each_forbid_denies_when_its_facts_are_absent(rule: Rule) -> None:
    absent = {name: value for name, value in GOOD.items() if name not in rule.facts}
    assert any(rule.id in denying(action, absent) for action in Action)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_explains_itself_in_both_languages(rule: Rule) -> None:
    for text in (rule.reason, rule.change):
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert re.fullmatch(r"[ -~]+", text.en)
    assert re.fullmatch(r"[a-z][a-z0-9-]*", rule.id)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", rule.code)


def test_every_fact_is_asked_for_by_some_rule() -> None:
    assert {name for rule in RULES for name in rule.facts} == set(FACT_NAMES)


def test_nothing_at_all_is_permitted_without_facts() -> None:
    for action in Action:
        assert not decide(action, "acme", scenario=SCENARIO, facts=Facts()).allowed


def test_the_rule_book_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(product())
