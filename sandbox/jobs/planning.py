"""The plan of an attempt: exactly who runs what for whom, signed by the coordinator and verified by everyone else."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from policies.documents.authorization import JobKind, Recipient
from policies.documents.fields import instant, instant_text
from policies.documents.job import Job, Plan
from policies.documents.trust import Role
from sandbox.district import District
from sandbox.jobs.questions import lanes_of
from sandbox.jobs.rows import JobRow, authorization_of, job_document, roster_of
from sandbox.store.errors import NotFound

PLAN_LIFETIME: Final = timedelta(minutes=30)


def make_plan(district: District, connection: Connection, job: JobRow, *, he_key: str | None) -> Plan:
    """The plan of `job`'s current attempt; `he_key` is the digest of the gate's key document in mode bfv."""
    document = job_document(connection, job)
    authorization = authorization_of(connection, job)
    gate = district.trust.sole(Role.GATE)
    now = datetime.fromtimestamp(district.now, UTC)
    return Plan(
        id=f"plan-{job.digest[:16]}-{job.attempt}",
        job=job.digest,
        attempt=job.attempt,
        job_kind=JobKind(job.kind),
        scenario=job.scenario,
        authorization=job.authorization,
        model=document.model,
        query=document.query,
        mode=job.mode,
        encryption=document.encryption,
        roster=roster_of(district, connection, job),
        gate=gate.id,
        gate_keyid=gate.key.keyid,
        recipient=job.recipient,
        recipient_sealing_key=_sealing_key(
            district, document, authorization.recipients if authorization else ()
        ),
        subjects=document.subjects,
        lanes=lanes_of(connection, document) if job.asks else None,
        he_key=he_key,
        intent=job.intent or 0,
        expires_at=instant_text(min(now + PLAN_LIFETIME, instant(document.expires_at))),
    )


def _sealing_key(district: District, job: Job, recipients: tuple[Recipient, ...]) -> str:
    """Digest of the sealing key's base64 text: as authorized, or for the examiner of a vet job as pinned."""
    named = next((recipient for recipient in recipients if recipient.party == job.recipient), None)
    if named is not None:
        return named.sealing_key
    party = district.party(job.recipient)
    if party is None or party.sealing_key is None:
        raise NotFound(f"expected a sealing key of `{job.recipient}` in the trust root, got none")
    return hashlib.sha256(party.sealing_key.encode()).hexdigest()
