"""The decision: what Cedar said, told so that a person can act on it.

Rules:
1. Allowed means that Cedar allowed and nothing went wrong. An error is a denial with code `decision_error`; an action
   that no policy permits is a denial with code `not_permitted`.
2. A denial lists every rule that failed, in rule-book order, with its reason and the smallest change in Chinese and
   English, and the place: a document's member, a line of the data list, a party. It never holds a value of a row.
3. Every decision, either way, can be logged and replayed: digest of the policies, digest of the question, determining
   policies, outcome (protocols.md §9.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.decision.actions import Action
from policies.decision.engine import Library, Rule, product
from policies.decision.facts import Facts
from policies.documents import strict_json
from policies.documents.fields import Bilingual
from policies.documents.strict_json import Json

MAX_LISTED_CHARS: Final = 480


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule that failed: its policy id, stable code, reason, smallest change, and where."""

    policy: str
    code: str
    reason: Bilingual
    change: Bilingual
    where: str

    def to_json(self) -> dict[str, Json]:
        """The members of a problem or a `refusal` message (docs/protocol.md §1, §3)."""
        return {
            "code": self.code,
            "policy": self.policy,
            "reason": {"zh": self.reason.zh, "en": self.reason.en},
            "change": {"zh": self.change.zh, "en": self.change.en},
            "where": self.where,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An outcome with what it rests on. `denials` is empty exactly when `allowed`."""

    allowed: bool
    denials: tuple[Denial, ...]
    action: Action
    principal: str
    scenario: str
    policies: str
    """Digest of the policy set."""
    context: str
    """Digest of action, principal, scenario and facts."""
    determining: tuple[str, ...]
    """Ids of the policies that decided, in rule-book order."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The denial codes, each once, in rule-book order."""
        return tuple(dict.fromkeys(denial.code for denial in self.denials))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision as the evidence log takes it: `digests` and `facts` of an entry."""

    digests: Mapping[str, str]
    facts: Mapping[str, str | int | bool]


_ERROR: Final = Denial(
    policy="decision-error",
    code="decision_error",
    reason=Bilingual(zh="决策过程出错，一律拒绝", en="the decision met an error, and an error denies"),
    change=Bilingual(zh="联系运营机构检查决策事实与策略", en="ask the operator to check facts and policies"),
    where="decision",
)
_DEFAULT: Final = Denial(
    policy="default-deny",
    code="not_permitted",
    reason=Bilingual(zh="没有策略允许该操作", en="no policy permits this action"),
    change=Bilingual(zh="仅提交策略允许的操作", en="ask only for what a policy permits"),
    where="action",
)
DEFAULT_DENIALS: Final = (_ERROR, _DEFAULT)
"""What denies when no rule does."""


def decide(
    action: Action, principal: str, *, scenario: str, facts: Facts, library: Library | None = None
) -> Decision:
    """Whether `principal` (party id) may do `action` under `scenario` (digest), given `facts`. Never raises on a denial."""
    library = library or product()
    context = facts.context()
    question: dict[str, Json] = {
        "action": str(action),
        "principal": principal,
        "scenario": scenario,
        "facts": dict(context),
    }
    found = library.evaluate(action, context, principal=principal, resource=scenario)
    denials: tuple[Denial, ...]
    if found.allowed:
        denials = ()
    elif found.failed:
        denials = (_ERROR,)
    else:
        rules = [rule for policy in found.determining if (rule := library.rule(policy)) is not None]
        denials = tuple(_denial(rule, facts) for rule in rules) or (_DEFAULT,)
    return Decision(
        allowed=found.allowed,
        denials=denials,
        action=action,
        principal=principal,
        scenario=scenario,
        policies=library.digest,
        context=strict_json.digest(question),
        determining=found.determining,
    )


def decision_record(decision: Decision) -> DecisionRecord:
    """What the log keeps of a decision; lists too long for an entry are cut at whole ids, their number stays."""
    facts: dict[str, str | int | bool] = {
        "action": str(decision.action),
        "allowed": decision.allowed,
        "determining": _listed(decision.determining),
        "determining_count": len(decision.determining),
    }
    if decision.denials:
        facts["codes"] = _listed(decision.codes)
    return DecisionRecord(digests={"policies": decision.policies, "context": decision.context}, facts=facts)


def _denial(rule: Rule, facts: Facts) -> Denial:
    return Denial(rule.id, rule.code, rule.reason, rule.change, _where(rule, facts))


def _where(rule: Rule, facts: Facts) -> str:
    """The place of the first fact that failed, the rule's own where a fact is merely absent."""
    failed = [name for name in rule.facts if not _holds(facts, name)] or list(rule.facts)
    return next((place for name in failed if (place := facts.place(name)) is not None), rule.where)


def _holds(facts: Facts, name: str) -> bool:
    return getattr(facts, name, None) is True


def _listed(names: tuple[str, ...]) -> str:
    listed = ""
    for name in names:
        longer = f"{listed} {name}".strip()
        if len(longer) > MAX_LISTED_CHARS:
            break
        listed = longer
    return listed
