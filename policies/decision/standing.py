"""Facts about who stands where and until when: parties, roster, suspensions, terms, prices, counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from policies.decision.dossier import Dossier, Finding, digest_of
from policies.documents.authorization import Authorization, JobKind, PurposeClass, RosterMember, Scenario
from policies.documents.document import Term
from policies.documents.fields import instant
from policies.documents.halts import SuspensionTarget
from policies.documents.job import Job, Plan
from policies.documents.price import PriceFiling
from policies.documents.trust import PartyEntry, Role, TrustRoot

CLOCK_SKEW: Final = timedelta(seconds=60)
# These carry or open what is sealed; a result addressed to one of them would end the separation of roles.
NEVER_RECIPIENTS: Final = frozenset({Role.OPERATOR, Role.COORDINATOR, Role.GATE, Role.ENCLAVE})


def sealing_key_digest(party: PartyEntry) -> str | None:
    """SHA-256 of the party's sealing key as its base64 text, how an authorization binds a recipient; None without a key."""
    key = party.sealing_key
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()


@lru_cache(maxsize=128)
def expected_roster(scenario: Scenario, trust: TrustRoot) -> tuple[RosterMember, ...] | None:
    """The one roster of every job under `scenario`; None if a department has no enclave in the trust root."""
    members = []
    for department in scenario.departments:
        enclave = trust.enclave_of(department)
        if enclave is None:
            return None
        members.append(RosterMember(department=department, enclave=enclave.id, keyid=enclave.key.keyid))
    return tuple(members)


def party_facts(dossier: Dossier) -> Iterator[Finding]:
    """Who asks, whose model it is, who receives."""
    case, job, scenario = dossier.case, dossier.job, dossier.scenario
    trust, authorization = case.trust, dossier.authorization
    examiner = trust.sole(Role.EXAMINER).id
    recipient_id = case.actor if case.job is None else (job.recipient if job is not None else None)
    if scenario is not None:
        partner = trust.party(scenario.partner)
        admitted = partner is not None and partner.role is Role.PARTNER
        yield Finding("partner_admitted", admitted, f"party.{scenario.partner}")
        if job is not None:
            named = {item.party for item in authorization.recipients} if authorization else {examiner}
            allowed = {scenario.partner} | named
            holds = job.submitter == case.actor and job.submitter in allowed and _known(trust, job.submitter)
            yield Finding("submitter_admitted", holds, f"party.{job.submitter}")
    if recipient_id is None:
        return
    yield Finding("recipient_is_examiner", recipient_id == examiner, "job.recipient")
    entry = trust.party(recipient_id)
    fit = entry is not None and entry.role not in NEVER_RECIPIENTS and entry.sealing_key is not None
    yield Finding("recipient_admitted", fit, f"party.{recipient_id}")
    if scenario is not None and authorization is not None:
        named_here = _named(entry, scenario, authorization)
        yield Finding("recipient_named", named_here, f"authorization.recipients.{recipient_id}")


def _known(trust: TrustRoot, party_id: str) -> bool:
    return trust.party(party_id) is not None


def _named(party: PartyEntry | None, scenario: Scenario, authorization: Authorization) -> bool:
    """In the scenario, and in the authorization with the very sealing key the trust root pins."""
    if party is None or party.id not in scenario.recipients:
        return False
    key = sealing_key_digest(party)
    return key is not None and any(
        item.party == party.id and item.sealing_key == key for item in authorization.recipients
    )


def run_facts(dossier: Dossier) -> Iterator[Finding]:
    """The roster, the plan, the log's head."""
    case, scenario, plan = dossier.case, dossier.scenario, dossier.plan
    if scenario is not None:
        yield _roster_matches(dossier, scenario)
    if plan is not None:
        yield Finding("plan_in_time", case.now < instant(plan.expires_at), "plan.expires_at")
        if dossier.job is not None:
            yield _plan_matches(plan, dossier.job, trust=case.trust)
    if dossier.authorization is not None:
        if dossier.releases is not None:
            yield _releases_match(dossier, dossier.authorization)
        if dossier.tables is not None:
            yield _tables_match(dossier, dossier.authorization)
    yield Finding("intent_included", case.intent_included, "plan.intent")
    yield Finding("checkpoint_age_s", case.checkpoint_age_s, "log.checkpoint")
    if case.checkpoint_size is not None and dossier.authorization is not None:
        reaches = case.checkpoint_size >= dossier.authorization.min_log_size
        yield Finding("log_reaches_authorization", reaches, "authorization.min_log_size")


def _roster_matches(dossier: Dossier, scenario: Scenario) -> Finding:
    trust = dossier.case.trust
    expected, gate, gate_keyid = expected_roster(scenario, trust), trust.sole(Role.GATE), _gate_keyid(trust)
    if expected is None:
        return Finding("roster_matches", False, "trust-root.parties")
    authorization, plan = dossier.authorization, dossier.plan
    comparisons = [
        ("authorization.roster", authorization is None or authorization.roster == expected),
        ("authorization.gate", authorization is None or authorization.gate == gate.id),
        ("plan.roster", plan is None or plan.roster == _taking_part(expected, dossier)),
        ("plan.gate", plan is None or (plan.gate, plan.gate_keyid) == (gate.id, gate_keyid)),
    ]
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("roster_matches", failed is None, failed)


def _taking_part(roster: tuple[RosterMember, ...], dossier: Dossier) -> tuple[RosterMember, ...]:
    """All of the scenario's enclaves; for an aggregate those of the domains that are asked."""
    if dossier.query is None:
        return roster
    asked = set(dossier.query.departments)
    return tuple(member for member in roster if member.department in asked)


@lru_cache(maxsize=16)
def _gate_keyid(trust: TrustRoot) -> str:
    return trust.sole(Role.GATE).key.keyid


def _plan_matches(plan: Plan, job: Job, *, trust: TrustRoot) -> Finding:
    """The plan proposes this job and nothing but this job."""
    recipient = trust.party(job.recipient)
    comparisons = (
        ("plan.job", plan.job == digest_of(job)),
        ("plan.job_kind", plan.job_kind == job.job_kind),
        ("plan.scenario", plan.scenario == job.scenario),
        ("plan.authorization", plan.authorization == job.authorization),
        ("plan.model", plan.model == job.model),
        ("plan.query", plan.query == job.query),
        ("plan.mode", plan.mode == job.mode),
        ("plan.encryption", plan.encryption == job.encryption),
        ("plan.subjects", plan.subjects == job.subjects),
        ("plan.recipient", plan.recipient == job.recipient),
        (
            "plan.recipient_sealing_key",
            recipient is not None and plan.recipient_sealing_key == sealing_key_digest(recipient),
        ),
    )
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("plan_matches", failed is None, failed)


def _releases_match(dossier: Dossier, authorization: Authorization) -> Finding:
    """Every release to be delivered was made for this recipient, under this authorization, and has not expired."""
    case = dossier.case
    recipient = case.trust.party(case.actor)
    key = None if recipient is None else sealing_key_digest(recipient)
    for release in dossier.releases or ():
        comparisons = (
            ("release.authorization", release.authorization == digest_of(authorization)),
            ("release.model", release.model == authorization.model),
            ("release.recipient", release.recipient == case.actor),
            ("release.recipient_sealing_key", key is not None and release.recipient_sealing_key == key),
            ("release.sealed.expires_at", case.now < instant(release.sealed.expires_at)),
        )
        failed = next((place for place, holds in comparisons if not holds), None)
        if failed is not None:
            return Finding("releases_match", False, failed)
    return Finding("releases_match", True)


def _tables_match(dossier: Dossier, authorization: Authorization) -> Finding:
    """Every table to be delivered was made for this recipient, under this authorization, and has not expired."""
    case = dossier.case
    recipient = case.trust.party(case.actor)
    key = None if recipient is None else sealing_key_digest(recipient)
    for table in dossier.tables or ():
        comparisons = (
            ("release.authorization", table.authorization == digest_of(authorization)),
            ("release.recipient", table.recipient == case.actor),
            ("release.recipient_sealing_key", key is not None and table.recipient_sealing_key == key),
            ("release.sealed.expires_at", case.now < instant(table.sealed.expires_at)),
        )
        failed = next((place for place, holds in comparisons if not holds), None)
        if failed is not None:
            return Finding("releases_match", False, failed)
    return Finding("releases_match", True)


def force_facts(dossier: Dossier) -> Iterator[Finding]:
    """What is in force at this moment and what was stopped."""
    case, job = dossier.case, dossier.job
    scenario, authorization, overall = dossier.scenario, dossier.authorization, dossier.overall
    if job is not None:
        early = instant(job.submitted_at) - CLOCK_SKEW
        in_time = early <= case.now < instant(job.expires_at)
        yield Finding("job_in_time", in_time, "job.expires_at")
    if scenario is None:
        return
    yield _not_suspended(dossier, scenario)
    yield _in_force("scenario", digest_of(scenario), dossier=dossier, term=scenario.term)
    if authorization is not None:
        yield _in_force("authorization", digest_of(authorization), dossier=dossier, term=authorization.term)
    if overall is not None:
        cited = {scenario.overall} | ({authorization.overall} if authorization else set())
        if cited != {digest_of(overall)}:
            yield Finding("overall_in_force", False, "scenario.overall")
        elif not case.trust.term.contains(case.now):
            yield Finding("overall_in_force", False, "trust-root.term")
        else:
            yield _in_force("overall", digest_of(overall), dossier=dossier, term=overall.term)


def _in_force(name: str, digest: str, *, dossier: Dossier, term: Term) -> Finding:
    """Agreements end by themselves when their term ends (RQ-113), and at once when a signed successor replaces them."""
    fact = f"{name}_in_force"
    if dossier.case.halts.superseded(digest):
        return Finding(fact, False, f"{name}.supersedes")
    return Finding(fact, term.contains(dossier.case.now), f"{name}.term")


def _not_suspended(dossier: Dossier, scenario: Scenario) -> Finding:
    case = dossier.case
    documents = [
        (SuspensionTarget.SCENARIO, digest_of(scenario)),
        (SuspensionTarget.OVERALL, scenario.overall),
    ]
    if dossier.authorization is not None:
        documents.append((SuspensionTarget.AUTHORIZATION, digest_of(dossier.authorization)))
    for kind, digest in documents:
        if case.halts.suspended(kind, digest):
            return Finding("not_suspended", False, kind)
    officers = [
        case.trust.sole(role).id for role in (Role.AGENCY, Role.OPERATOR, Role.GATE, Role.COORDINATOR)
    ]
    enclaves = [e.id for d in scenario.departments if (e := case.trust.enclave_of(d)) is not None]
    parties = {*officers, *enclaves, *scenario.departments, scenario.partner, case.actor}
    if dossier.job is not None:
        parties |= {dossier.job.submitter, dossier.job.recipient}
    for party in sorted(parties):
        if case.halts.suspended(SuspensionTarget.PARTY, party):
            return Finding("not_suspended", False, f"party.{party}")
    return Finding("not_suspended", True)


def count_facts(dossier: Dossier) -> Iterator[Finding]:
    """What is left of the counts that end."""
    case, scenario = dossier.case, dossier.scenario
    yield Finding("slots_accepted", case.slots_accepted, "job.subjects")
    if scenario is None:
        return
    if case.fetches_used is not None:
        left = scenario.limits.fetches - case.fetches_used
        yield Finding("fetches_left", left, "scenario.limits.fetches")
    if case.runs_used is not None and dossier.job is not None:
        limits = {
            JobKind.VET: ("vet_jobs", scenario.limits.vet_jobs),
            JobKind.SCORE: ("score_jobs", scenario.limits.score_jobs),
            JobKind.AGGREGATE: ("aggregate_jobs", scenario.limits.aggregate_jobs),
        }
        for kind, (name, limit) in limits.items():
            if dossier.job.job_kind == kind:
                yield Finding("runs_left", limit - case.runs_used, f"scenario.limits.{name}")


def price_facts(dossier: Dossier) -> Iterator[Finding]:
    """Whether the filed price stands and what would be charged keeps to it (RQ-195, RQ-196)."""
    price, scenario, authorization = dossier.price, dossier.scenario, dossier.authorization
    if price is None or scenario is None or authorization is None:
        return
    yield _price_in_force(dossier, price, scenario=scenario, authorization=authorization)
    charged = Decimal(price.price) if dossier.case.unit_price is None else dossier.case.unit_price
    within = charged.is_finite() and 0 <= charged <= Decimal(price.cap)
    yield Finding("price_within_cap", within, "price.cap")
    free = charged == 0
    approved = scenario.purpose.purpose_class is PurposeClass.PUBLIC_BENEFIT
    yield Finding("free_use_approved", not free or approved, "scenario.purpose.purpose_class")


def _price_in_force(
    dossier: Dossier, price: PriceFiling, *, scenario: Scenario, authorization: Authorization
) -> Finding:
    comparisons = (
        ("authorization.price_filing", authorization.price_filing == digest_of(price)),
        ("price.price_class", price.price_class == scenario.price_class),
        ("price.term", price.term.contains(dossier.case.now)),
        ("price.supersedes", not dossier.case.halts.superseded(digest_of(price))),
    )
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("price_in_force", failed is None, failed)
