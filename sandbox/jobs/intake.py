"""Taking a job in, showing it, cancelling it.

Rules this module decides:

- A job is signed by its submitter, who also submits it; its subject list is an attachment the submitter put, of exactly the
  signed count and digest, each consent once. An aggregate names nobody and has none.
- The coordinator decides for itself first (`judge`). A denied job is kept as `refused`, with the reason and a `refusal`
  entry, and answered with the problem; the same signed job gets the same state again, never a second run. Where the
  statement of an aggregate is at fault, the reason also carries all that the SQL gate says of it, as `query`.
- A score job all of whose subjects have a valid score on the shelf, by the same authorization (and so the same model), mode
  and recipient, with consents that stand, is `done` at once: its releases are named, nothing is run, no capacity is debited
  and no intent is logged. One subject without a score, and the whole job is run as it was signed.
- A job is shown to its submitter, its recipient, the agency and its officers, the operator, the departments of its
  scenario and their enclaves, and auditors. To anyone else it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from policies.documents.authorization import JobKind, Mode, Scenario
from policies.documents.consent import CONSENT_ID_BYTES
from policies.documents.envelope import Envelope
from policies.documents.fields import instant
from policies.documents.job import Job
from policies.documents.strict_json import Json
from policies.documents.trust import PartyEntry, Role
from policies.log.entry import instant as instant_of
from sandbox.district import District
from sandbox.documents import attachments, registry
from sandbox.jobs import rows
from sandbox.jobs.errors import NotInRun
from sandbox.jobs.judge import judge_admission, reason_of
from sandbox.jobs.orchestrator import fire
from sandbox.jobs.questions import STATEMENT_CODES, statement_reasons
from sandbox.jobs.rows import JobRow
from sandbox.jobs.states import Event, State
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotFound
from sandbox.store.tables import consents, job_progress, jobs, releases, runs, scores

_CHUNK: Final = 500
_OVERSEERS: Final = frozenset({Role.AGENCY, Role.EXAMINER, Role.GATE, Role.AUDITOR, Role.OPERATOR})


def read_subjects(district: District, connection: Connection, job: Job) -> list[bytes]:
    """The consent ids of the job in slot order; raise `NotFound` or `Malformed`."""
    attachments.check_owned(connection, job.listed_subjects.sha256, job.submitter)
    data = district.attachments.read(job.listed_subjects.sha256)
    if len(data) != job.listed_subjects.count * CONSENT_ID_BYTES:
        raise Malformed(f"expected {job.listed_subjects.count} consent ids of {CONSENT_ID_BYTES} bytes")
    ids = [data[start : start + CONSENT_ID_BYTES] for start in range(0, len(data), CONSENT_ID_BYTES)]
    if len(set(ids)) != len(ids):
        raise Malformed("expected each consent id once in the subject list, got one twice")
    return ids


def count_standing(district: District, connection: Connection, job: Job, ids: list[bytes]) -> int:
    """How many of `ids` are consents for the job's scenario (and recipient, unless it is a vet job) that stand now."""
    stands = [
        consents.c.scenario == job.scenario,
        consents.c.withdrawn.is_(False),
        consents.c.expires_at > int(district.now),
    ]
    if job.job_kind != JobKind.VET:
        stands.append(consents.c.recipient == job.recipient)
    total = 0
    for chunk in _chunks(ids):
        query = select(func.count()).select_from(consents).where(consents.c.id.in_(chunk), *stands)
        total += int(connection.execute(query).scalar_one())
    return total


def prepare(district: District, envelope: Envelope, *, caller: PartyEntry) -> Callable[[Transaction], JobRow]:
    """Check what needs no lock, and return what takes the job in within a transaction."""
    job = Job.read(envelope)
    if job.submitter != caller.id:
        raise Malformed("expected the job's submitter as the caller, got another party")
    if job.query is not None and job.mode is not Mode.MASKED:
        raise Malformed(f"expected an aggregate in mode masked, got {job.mode}")
    standing, ids = None, list[bytes]()
    if job.subjects is not None:
        with district.database.read() as connection:
            ids = read_subjects(district, connection, job)
            standing = count_standing(district, connection, job, ids)

    def take_in(transaction: Transaction) -> JobRow:
        known = rows.find(transaction.connection, job.digest)
        if known is not None:
            return known
        return _take_in(district, transaction, envelope, job=job, standing=standing, ids=ids)

    return take_in


def _take_in(
    district: District,
    transaction: Transaction,
    envelope: Envelope,
    *,
    job: Job,
    standing: int | None,
    ids: list[bytes],
) -> JobRow:
    connection = transaction.connection
    decision = judge_admission(district, connection, envelope, job=job, slots_accepted=standing)
    registry.keep(district, transaction, registry.verified_only(district, envelope))
    row = rows.insert_job(district, transaction, job, expires_at=instant(job.expires_at).timestamp())
    if not decision.allowed:
        reason = reason_of(decision)
        if job.query is not None and STATEMENT_CODES & set(decision.codes):
            reason["query"] = statement_reasons(connection, job)
        return fire(district, transaction, row, Event.DENIED, reason=reason)
    if job.job_kind == JobKind.SCORE and standing == len(ids):
        stored = _stored(district, connection, job, ids)
        if stored:
            reason = {"code": "stored", "releases": [*stored]}
            return fire(district, transaction, row, Event.STORED, reason=reason)
    if job.subjects is not None:
        roster = rows.roster_of(district, connection, row)
        attachments.share(district, transaction, job.subjects.sha256, (member.enclave for member in roster))
    return fire(district, transaction, row, Event.ADMITTED)


def _stored(district: District, connection: Connection, job: Job, ids: list[bytes]) -> list[str]:
    """The releases that hold a score of every one of `ids`, made as this job asks; empty if one is missing."""
    found: dict[bytes, str] = {}
    for chunk in _chunks(ids):
        lying = select(scores.c.consent, releases.c.digest).join(releases, scores.c.release == releases.c.seq)
        found |= {
            bytes(row.consent): row.digest
            for row in connection.execute(
                lying.join(jobs, releases.c.job == jobs.c.digest).where(
                    scores.c.authorization == job.authorization,
                    scores.c.consent.in_(chunk),
                    releases.c.recipient == job.recipient,
                    releases.c.expires_at > district.now,
                    jobs.c.mode == job.mode.value,
                )
            )
        }
    return sorted(set(found.values())) if len(found) == len(ids) else []


def cancel(district: District, transaction: Transaction, digest: str, *, caller: PartyEntry) -> JobRow:
    """Cancel a job that has not ended; its submitter and the agency may."""
    job = rows.get(transaction.connection, digest)
    check_visible(district, transaction.connection, job, caller=caller)
    if caller.id != job.submitter and caller.role is not Role.AGENCY:
        raise NotInRun("expected the submitter or the agency to cancel a job, got another party")
    return fire(district, transaction, job, Event.CANCEL, reason={"code": "cancelled", "by": caller.id})


def check_visible(district: District, connection: Connection, job: JobRow, *, caller: PartyEntry) -> None:
    """Raise `NotFound` unless the caller may know of the job."""
    if caller.role in _OVERSEERS or caller.id in {job.submitter, job.recipient}:
        return
    stored = registry.find(connection, job.scenario)
    departments = Scenario.read(stored.envelope).departments if stored else ()
    if caller.id in departments or caller.owner in departments:
        return
    raise NotFound(f"expected a job, got none with digest {job.digest[:16]}")


def status(connection: Connection, job: JobRow) -> dict[str, Json]:
    """A job as the wire shows it."""
    steps = connection.execute(
        select(job_progress.c.at, job_progress.c.step)
        .where(job_progress.c.job == job.digest)
        .order_by(job_progress.c.seq)
    )
    released = connection.execute(
        select(releases.c.digest).where(releases.c.job == job.digest).order_by(releases.c.seq)
    ).scalars()
    # Band counts and tables are no slots on the shelf; a table under review is shown to those who must look at it.
    current = connection.execute(
        select(runs.c.release).where(
            runs.c.job == job.digest, runs.c.sid == job.run, runs.c.release.is_not(None)
        )
    ).scalars()
    named = (job.reason or {}).get("releases", []) if job.state is State.DONE else []
    stored = [digest for digest in named if isinstance(digest, str)] if isinstance(named, list) else []
    shown = list(released) or stored or (list(current) if job.state in {State.DONE, State.REVIEW} else [])
    return {
        "job": job.digest,
        "state": job.state.value,
        "attempt": job.attempt,
        # What is done has no reason against it; that it was stored already shows in the steps.
        "reason": None if job.state is State.DONE else job.reason,
        "progress": [{"at": instant_of(int(at)), "step": step} for at, step in steps],
        "releases": list(shown),
    }


def _chunks(ids: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
