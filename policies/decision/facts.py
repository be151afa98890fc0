"""The facts of a case: truth values and small counts, computed from documents that are verified again here.

Rules:
1. A fact that cannot be computed, because a document is missing or cannot be read, is absent (None). An absent fact is not
   put into Cedar's context, and every rule that needs it then denies.
2. Whether a document is signed by all is one fact; what it says is others. None of them permits without the rest.
3. A place (`where`) names what to change: a document, a line of the data list, a party. It never holds a value of a row.

The rules over the facts are left to `policies/library/*.cedar`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

from policies.decision.asking import query_facts
from policies.decision.case import Case
from policies.decision.dossier import Dossier, Finding, open_dossier, signatures
from policies.decision.encryption import encryption_facts
from policies.decision.scope import job_facts, list_facts, model_facts
from policies.decision.standing import count_facts, force_facts, party_facts, price_facts, run_facts
from policies.errors import PolicyError

MAX_COUNT: Final = 2**53 - 1


class FactsInvalid(PolicyError):
    """A fact that is neither a truth value nor a count in range."""

    code = "facts_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What Cedar is told. None is absence and denies; counts are within ±(2^53-1)."""

    job_kind_known: bool | None = None
    no_query: bool | None = None
    job_is_score: bool | None = None
    job_is_vet: bool | None = None
    job_is_aggregate: bool | None = None
    authorization_present: bool | None = None

    job_signed: bool | None = None
    plan_signed: bool | None = None
    scenario_signed: bool | None = None
    authorization_signed: bool | None = None
    overall_signed: bool | None = None
    model_signed: bool | None = None
    report_signed: bool | None = None
    price_signed: bool | None = None
    query_signed: bool | None = None
    listed_signed: bool | None = None
    datasets_signed: bool | None = None
    releases_signed: bool | None = None

    not_suspended: bool | None = None
    model_not_revoked: bool | None = None
    overall_in_force: bool | None = None
    scenario_in_force: bool | None = None
    authorization_in_force: bool | None = None
    price_in_force: bool | None = None
    job_in_time: bool | None = None
    plan_in_time: bool | None = None

    job_names_scenario: bool | None = None
    job_names_authorization: bool | None = None
    authorization_names_scenario: bool | None = None
    data_list_matches: bool | None = None
    purpose_matches: bool | None = None
    kind_authorized: bool | None = None
    mode_in_scenario: bool | None = None
    mode_in_authorization: bool | None = None
    columns_listed: bool | None = None
    uses_allowed: bool | None = None
    datasets_current: bool | None = None

    submitter_admitted: bool | None = None
    partner_admitted: bool | None = None
    recipient_named: bool | None = None
    recipient_is_examiner: bool | None = None
    recipient_admitted: bool | None = None

    model_matches: bool | None = None
    model_authorized: bool | None = None
    model_vetted: bool | None = None

    weights_signed: bool | None = None
    weights_match: bool | None = None
    weights_authorized: bool | None = None

    query_matches: bool | None = None
    query_authorized: bool | None = None
    limits_kept: bool | None = None
    query_aggregates: bool | None = None
    query_governed: bool | None = None
    bilateral_accepted: bool | None = None

    roster_matches: bool | None = None
    plan_matches: bool | None = None
    releases_match: bool | None = None
    gate_sees_totals: bool | None = None
    intent_included: bool | None = None
    log_reaches_authorization: bool | None = None
    price_within_cap: bool | None = None
    free_use_approved: bool | None = None

    domains: int | None = None
    checkpoint_age_s: int | None = None
    runs_left: int | None = None
    slots_accepted: int | None = None
    fetches_left: int | None = None

    places: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Fact → where it failed; told to people, not to Cedar."""

    def __post_init__(self) -> None:
        for name, value in self.context().items():
            expected = int if name in COUNTS else bool
            # `bool` is an `int` to Python and never a count to us.
            if type(value) is not expected or (expected is int and abs(value) > MAX_COUNT):
                raise FactsInvalid(f"expected {name} as {expected.__name__} in range, got another value")

    def context(self) -> dict[str, bool | int]:
        """What is known, by name: Cedar's context."""
        known = ((name, getattr(self, name)) for name in FACT_NAMES)
        return {name: value for name, value in known if value is not None}

    def place(self, fact: str) -> str | None:
        return dict(self.places).get(fact)


COUNTS: Final = frozenset({"domains", "checkpoint_age_s", "runs_left", "slots_accepted", "fetches_left"})
FACT_NAMES: Final = tuple(item.name for item in fields(Facts) if item.name != "places")

_SOURCES: Final[tuple[Callable[[Dossier], Iterator[Finding]], ...]] = (
    signatures,
    job_facts,
    list_facts,
    model_facts,
    encryption_facts,
    query_facts,
    party_facts,
    run_facts,
    force_facts,
    count_facts,
    price_facts,
)


def facts_of(case: Case) -> Facts:
    """All facts of `case` that can be computed."""
    dossier = open_dossier(case)
    findings = [finding for source in _SOURCES for finding in source(dossier)]
    values: dict[str, Any] = {finding.fact: finding.value for finding in findings}
    places = tuple((finding.fact, finding.place) for finding in findings if finding.place is not None)
    return Facts(**values, places=places)
