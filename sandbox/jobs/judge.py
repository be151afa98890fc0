"""The coordinator's own decisions: may this job be taken in, may these scores or this table be handed over?

It gathers the documents a question rests on and what the coordinator has counted; the facts and the decision are
`policies.decision`. A document that is not here stays None and denies. Enclaves and gate decide again for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection

from policies.decision.actions import Action, admission
from policies.decision.case import Case
from policies.decision.decide import Decision
from policies.decision.permit import decide_case
from policies.documents.authorization import Authorization, Scenario
from policies.documents.envelope import Envelope
from policies.documents.job import Job
from policies.documents.strict_json import Json
from sandbox.district import District
from sandbox.documents import registry
from sandbox.jobs.docket import Docket
from sandbox.jobs.questions import listed_of
from sandbox.jobs.rows import runs_used


def judge_admission(
    district: District, connection: Connection, envelope: Envelope, *, job: Job, slots_accepted: int | None
) -> Decision:
    """Whether `job` (in `envelope`) may be taken in; `slots_accepted` of its consents stand, None where it names nobody."""
    scenario = _envelope(connection, job.scenario)
    authorization = _envelope(connection, job.authorization)
    case = Case(
        trust=district.trust,
        now=datetime.fromtimestamp(district.now, UTC),
        actor=job.submitter,
        halts=district.halts,
        job=envelope,
        scenario=scenario,
        authorization=authorization,
        overall=_overall(connection, scenario),
        model=_envelope(connection, job.model),
        report=_cited(connection, authorization, "vetting_report"),
        price=_cited(connection, authorization, "price_filing"),
        query=_envelope(connection, job.query),
        key=_envelope(connection, None if job.encryption is None else job.encryption.key),
        weights=_weights(connection, job),
        listed=_listed(connection, scenario) if job.query is not None else (),
        runs_used=runs_used(connection, job),
        slots_accepted=slots_accepted,
    )
    return decide_case(admission(job), case)


def judge_delivery(
    district: District,
    docket: Docket,
    *,
    recipient: str,
    releases: Sequence[Envelope],
    slots_accepted: int,
    fetches_used: int,
    unit_price: Decimal | None,
    action: Action = Action.DELIVER,
) -> Decision:
    """Whether `slots_accepted` results of `releases` may be delivered to `recipient` under the docket's authorization.

    `action` says what they are: scores, or with `DELIVER_TABLE` tables.
    """
    case = Case(
        trust=district.trust,
        now=datetime.fromtimestamp(district.now, UTC),
        actor=recipient,
        halts=district.halts,
        scenario=docket.scenario,
        authorization=docket.authorization,
        overall=docket.overall,
        model=docket.model,
        report=docket.report,
        price=docket.price,
        releases=tuple(releases),
        slots_accepted=slots_accepted,
        fetches_used=fetches_used,
        unit_price=unit_price,
    )
    return decide_case(action, case)


def reason_of(decision: Decision) -> dict[str, Json]:
    """A denial as job status and problem documents show it: the first rule that failed, and all of them in `denials`."""
    denials = [denial.to_json() for denial in decision.denials]
    return {**denials[0], "denials": list(denials)}


def _envelope(connection: Connection, digest: str | None) -> Envelope | None:
    stored = registry.find(connection, digest) if digest else None
    return None if stored is None else stored.envelope


def _weights(connection: Connection, job: Job) -> tuple[Envelope, ...]:
    """The encrypted weights that a job in mode paillier cites; none while one of them is not here."""
    cited = () if job.encryption is None else job.encryption.weights
    found = [stored for item in cited if (stored := _envelope(connection, item.digest)) is not None]
    return tuple(found) if len(found) == len(cited) else ()


def _overall(connection: Connection, scenario: Envelope | None) -> Envelope | None:
    return None if scenario is None else _envelope(connection, Scenario.read(scenario).overall)


def _listed(connection: Connection, scenario: Envelope | None) -> tuple[Envelope, ...]:
    return () if scenario is None else listed_of(connection, Scenario.read(scenario))


def _cited(connection: Connection, authorization: Envelope | None, member: str) -> Envelope | None:
    if authorization is None:
        return None
    digest: str | None = getattr(Authorization.read(authorization), member)
    return _envelope(connection, digest)
