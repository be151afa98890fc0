"""Facts about a question: that it is the one cited, authorized, and that its statements are governed.

The statement of every domain is read by the SQL gate against the data list and the data sets the scenario cites, so that
coordinator, enclaves and gate come to the same verdict on the same text. What the gate finds wrong is told in full to the
partner where the job is admitted (`policies.aggregate.question`); a place here names the domain only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.aggregate.question import Asked, asked_of
from policies.aggregate.terms import limits_of
from policies.decision.dossier import Dossier, Finding, digest_of
from policies.disclosure.errors import LimitLoosened
from policies.documents.authorization import Authorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.job import Job
from policies.documents.query import Query
from policies.errors import PolicyError

RAW_EXPORT_CODES: Final = frozenset(
    {"STAR", "RAW_COLUMN", "NO_AGGREGATE", "NOT_A_SELECT", "MULTIPLE_STATEMENTS", "TABLE_FUNCTION"}
)
"""Reason codes of the gate that mean: this asks for rows, not for figures over them."""


def query_facts(dossier: Dossier) -> Iterator[Finding]:
    """The query the job cites, the terms of the authorization, the verdict of the SQL gate."""
    job, query, scenario = dossier.job, dossier.query, dossier.scenario
    authorization = dossier.authorization
    if authorization is not None and authorization.queries is not None:
        accepted = authorization.queries.bilateral
        yield Finding("bilateral_accepted", accepted, "authorization.queries.bilateral")
        yield Finding("limits_kept", _keeps_limits(authorization), "authorization.queries.limits")
    if job is None or query is None or scenario is None:
        return
    if authorization is not None:
        yield _authorized(job, authorization)
    asked = _asked(dossier, query, job=job, scenario=scenario)
    yield _matches(dossier, query, job=job, scenario=scenario, asked=asked)
    if asked is None:
        if _listed(dossier, scenario) is not None:
            # Values that fit no parameter: there is no statement to judge yet, and none that could ask for rows.
            yield Finding("query_aggregates", True)
            yield Finding("query_governed", False, "job.parameters")
        return
    for department, verdict in asked.verdicts.items():
        place = f"query.parts.{department}.sql"
        if {reason.code for reason in verdict.reasons} & RAW_EXPORT_CODES:
            yield Finding("query_aggregates", False, place)
            return
    yield Finding("query_aggregates", True)
    yield Finding("query_governed", asked.place is None, asked.place)


def _asked(dossier: Dossier, query: Query, *, job: Job, scenario: Scenario) -> Asked | None:
    """The question as the SQL gate reads it; None where the data sets are not all at hand or the values do not fit."""
    listed = _listed(dossier, scenario)
    if listed is None:
        return None
    try:
        return asked_of(query, job.parameters, scenario=scenario, datasets=listed)
    except PolicyError:
        return None


def _listed(dossier: Dossier, scenario: Scenario) -> tuple[Dataset, ...] | None:
    """The data sets the scenario cites, all of them and no other; None where they are not at hand."""
    listed = dossier.listed
    if listed is None or {digest_of(d) for d in listed} != {cited.digest for cited in scenario.datasets}:
        return None
    return listed


def _matches(dossier: Dossier, query: Query, *, job: Job, scenario: Scenario, asked: Asked | None) -> Finding:
    plan = dossier.plan
    lanes = None if asked is None or asked.layout is None else asked.layout.lanes
    comparisons = (
        ("job.query", job.query == digest_of(query)),
        ("query.scenario", query.scenario == digest_of(scenario)),
        ("query.partner", query.partner == scenario.partner),
        ("query.parts", set(query.departments) <= set(scenario.departments)),
        ("job.parameters", [v.name for v in job.parameters] == [p.name for p in query.parameters]),
        ("plan.lanes", plan is None or lanes is None or plan.lanes == lanes),
    )
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("query_matches", failed is None, failed)


def _keeps_limits(authorization: Authorization) -> bool:
    """Whether the signers agreed on limits at least as strict as the product's."""
    try:
        limits_of(authorization)
    except LimitLoosened:
        return False
    return True


def _authorized(job: Job, authorization: Authorization) -> Finding:
    terms = authorization.queries
    allowed = terms is not None and (terms.free or job.query in terms.templates)
    return Finding("query_authorized", allowed, "authorization.queries.templates")
