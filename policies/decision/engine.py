"""Cedar: loads the product's policies and evaluates them. The only room that imports `cedarpy`.

Rules:
1. The library is read from the package, parsed and validated against its schema when it is loaded; a policy that does not
   validate, or lacks a reason in either language, stops the process.
2. A department may add forbids, never a permit: text with a permit or a template is refused at load. A forbid always
   wins in Cedar, so added text can only narrow.
3. Requests are validated against the schema: an unknown fact, or one of another type, is an error; and an error never
   allows. (Cedar by itself skips a policy whose evaluation fails; here every reported error denies.)

Cedar 4 (docs.cedarpolicy.com). What the facts mean is left to `facts`, what a denial says to `decide`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import cedarpy

from policies.decision.actions import Action
from policies.decision.facts import FACT_NAMES
from policies.documents import strict_json
from policies.documents.fields import Bilingual
from policies.errors import PolicyError

NAMESPACE: Final = "Domicile"
SCHEMA_FILE: Final = "domicile.cedarschema"
# The order of the rule book: denials are listed in it, so that what comes first is what to mend first.
LIBRARY_FILES: Final = (
    "export.cedar",
    "standing.cedar",
    "authorization.cedar",
    "query.cedar",
    "data.cedar",
    "model.cedar",
    "encryption.cedar",
    "protection.cedar",
    "consent.cedar",
    "delivery.cedar",
    "permits.cedar",
)
MAX_EXTRA_CHARS: Final = 65_536
_ANNOTATIONS: Final = frozenset({"id", "code", "where", "reason_zh", "reason_en", "change_zh", "change_en"})


class LibraryInvalid(PolicyError):
    """Policies that do not parse, validate or explain themselves, or added text that permits."""

    code = "policy_library_invalid"


class Effect(StrEnum):
    """What a policy does when it applies."""

    PERMIT = "permit"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Rule:
    """A forbid as people know it."""

    id: str
    code: str
    facts: tuple[str, ...]
    where: str
    reason: Bilingual
    change: Bilingual
    added: bool
    """Whether a department added it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What Cedar said: the ids of the determining policies, in rule-book order, and whether anything went wrong."""

    allowed: bool
    determining: tuple[str, ...]
    failed: bool


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded, validated policy set."""

    digest: str
    """SHA-256 over schema, policies and added text."""
    rules: tuple[Rule, ...]
    permits: tuple[str, ...]
    _order: Mapping[str, int] = field(repr=False)
    _policies: cedarpy.PolicySet = field(repr=False)
    _schema: cedarpy.Schema = field(repr=False)
    _entities: cedarpy.Entities = field(repr=False)

    def rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def evaluate(
        self, action: Action, context: Mapping[str, object], *, principal: str, resource: str
    ) -> Evaluation:
        """Ask Cedar. `principal` is a party id, `resource` a scenario digest.

        Any error makes `failed` true and `allowed` false.
        """
        request = {
            "principal": {"type": f"{NAMESPACE}::Party", "id": principal},
            "action": {"type": f"{NAMESPACE}::Action", "id": str(action)},
            "resource": {"type": f"{NAMESPACE}::Scenario", "id": resource},
            "context": dict(context),
        }
        try:
            result = cedarpy.is_authorized(request, self._policies, self._entities, self._schema)
        except (ValueError, TypeError, RuntimeError):
            return Evaluation(allowed=False, determining=(), failed=True)
        named: dict[str, str] = result.diagnostics.id_annotations_by_reason
        determining = [named.get(reason, "") for reason in result.diagnostics.reasons]
        failed = bool(result.diagnostics.errors) or not set(determining) <= set(self._order)
        failed = failed or result.decision is cedarpy.Decision.NoDecision
        ordered = () if failed else tuple(sorted(determining, key=self._order.__getitem__))
        return Evaluation(allowed=result.allowed and not failed, determining=ordered, failed=failed)


@cache
def product() -> Library:
    """The product's own policies."""
    return with_extra("")


@lru_cache(maxsize=16)
def with_extra(extra: str) -> Library:
    """The product's policies and a department's own forbids (Cedar text, annotated like the product's)."""
    folder = resources.files("policies") / "library"
    texts = tuple((folder / name).read_text("utf-8") for name in LIBRARY_FILES)
    return load(texts, schema=(folder / SCHEMA_FILE).read_text("utf-8"), extra=extra)


def load(texts: Sequence[str], *, schema: str, extra: str = "") -> Library:
    """Parse and validate; raises `LibraryInvalid`."""
    if len(extra) > MAX_EXTRA_CHARS:
        raise LibraryInvalid(f"expected added policies of at most {MAX_EXTRA_CHARS} characters, got more")
    product_text = "\n".join(texts)
    whole = f"{product_text}\n{extra}"
    # 1. It parses, and added text holds nothing but forbids, whatever it concatenates to.
    own, added = _parsed(product_text), _parsed(extra)
    if any(policy["effect"] != Effect.FORBID for policy in added):
        raise LibraryInvalid("expected added policies that only forbid, got a permit")
    if len(_parsed(whole)) != len(own) + len(added):
        raise LibraryInvalid("expected added policies complete in themselves, got a fragment")
    # 2. It fits the schema in Cedar's strict mode, so that every fact is asked for before it is read.
    result = cedarpy.validate_policies(whole, schema)
    if not result.validation_passed:
        raise LibraryInvalid(f"expected policies that fit the schema, got {len(result.errors)} that do not")
    # 3. It asks for no fact that does not exist: Cedar would call such a condition false, and a forbid would never fire.
    unknown = {name for policy in (*own, *added) for name in _context_members(policy)} - set(FACT_NAMES)
    if unknown:
        raise LibraryInvalid(f"expected policies over known facts, got {len(unknown)} unknown")
    # 4. It explains itself, and every policy has a name of its own.
    ids = [_annotation(policy, "id") for policy in (*own, *added)]
    if len(set(ids)) != len(ids):
        raise LibraryInvalid("expected an id of its own for each policy, got one twice")
    rules = [_rule(policy, added=False) for policy in own if policy["effect"] == Effect.FORBID]
    rules += [_rule(policy, added=True) for policy in added]
    permits = tuple(_annotation(policy, "id") for policy in own if policy["effect"] == Effect.PERMIT)
    parsed_schema = cedarpy.Schema.from_str(schema)
    return Library(
        digest=strict_json.digest({"schema": schema, "policies": list(texts), "added": extra}),
        rules=tuple(rules),
        permits=permits,
        _order={policy_id: index for index, policy_id in enumerate(ids)},
        _policies=cedarpy.PolicySet.from_str(whole),
        _schema=parsed_schema,
        _entities=cedarpy.Entities.from_json_str("[]", parsed_schema),
    )


def _parsed(text: str) -> list[dict[str, Any]]:
    """Cedar's own JSON of each policy, in the order of the text."""
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError:
        raise LibraryInvalid("expected Cedar policies, got text that does not parse") from None
    if parsed["templates"] or parsed["templateLinks"]:
        raise LibraryInvalid("expected policies without templates, got a template")
    policies: dict[str, dict[str, Any]] = parsed["staticPolicies"]
    return [policies[f"policy{index}"] for index in range(len(policies))]


def _context_members(node: object) -> Iterator[str]:
    """Names of all members of `context` that a policy, in Cedar's JSON, speaks of."""
    if isinstance(node, dict):
        if node.get("left") == {"Var": "context"} and isinstance(node.get("attr"), str):
            yield node["attr"]
        for item in node.values():
            yield from _context_members(item)
    elif isinstance(node, list):
        for item in node:
            yield from _context_members(item)


def _annotation(policy: Mapping[str, Any], name: str) -> str:
    text = policy.get("annotations", {}).get(name)
    if not isinstance(text, str) or not text:
        raise LibraryInvalid(f"expected the annotation @{name} on each policy, got one without")
    return text


def _rule(policy: Mapping[str, Any], *, added: bool) -> Rule:
    text = {name: _annotation(policy, name) for name in _ANNOTATIONS}
    facts = policy["annotations"].get("facts") or ""
    return Rule(
        id=text["id"],
        code=text["code"],
        facts=tuple(facts.split()),
        where=text["where"],
        reason=Bilingual(zh=text["reason_zh"], en=text["reason_en"]),
        change=Bilingual(zh=text["change_zh"], en=text["change_en"]),
        added=added,
    )
