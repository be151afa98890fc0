"""A job as it is stored, and the documents it stands on."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select, update

from policies.documents.authorization import ASKING, Authorization, JobKind, Mode, RosterMember, Scenario
from policies.documents.envelope import Envelope
from policies.documents.job import Job, Plan
from policies.documents.model import Model
from policies.documents.query import Query
from policies.documents.strict_json import Json
from sandbox.district import District
from sandbox.documents import registry
from sandbox.jobs.states import TERMINAL, State
from sandbox.store.database import Transaction
from sandbox.store.errors import NotFound
from sandbox.store.tables import job_progress, jobs, output_reviews, runs


@dataclass(frozen=True, slots=True)
class JobRow:
    """Where one job stands. `run` is the current attempt's run id; `await_size` the log size a quorum must cosign."""

    digest: str
    kind: str
    mode: Mode
    submitter: str
    recipient: str
    scenario: str
    authorization: str | None
    slots: int
    state: State
    attempt: int
    run: str | None
    intent: int | None
    await_size: int | None
    deadline: float | None
    expires_at: float
    reason: dict[str, Json] | None

    @property
    def vet(self) -> bool:
        return self.kind == JobKind.VET

    @property
    def asks(self) -> bool:
        """Whether it puts a question, so that a sealed table comes out."""
        return self.kind in ASKING

    @property
    def key_run(self) -> str:
        """Under which name the current attempt's encryption key is kept; no run id has this form."""
        return f"key:{self.digest}:{self.attempt}"


def of_row(row: Row[tuple[object, ...]]) -> JobRow:
    return JobRow(
        digest=row.digest,
        kind=row.kind,
        mode=Mode(row.mode),
        submitter=row.submitter,
        recipient=row.recipient,
        scenario=row.scenario,
        authorization=row.authorization,
        slots=row.slots,
        state=State(row.state),
        attempt=row.attempt,
        run=row.run,
        intent=row.intent,
        await_size=row.await_size,
        deadline=row.deadline,
        expires_at=row.expires_at,
        reason=json.loads(row.reason) if row.reason else None,
    )


def find(connection: Connection, digest: str) -> JobRow | None:
    row = connection.execute(select(jobs).where(jobs.c.digest == digest)).first()
    return None if row is None else of_row(row)


def get(connection: Connection, digest: str) -> JobRow:
    """The job; raise `NotFound`."""
    job = find(connection, digest)
    if job is None:
        raise NotFound(f"expected a job, got none with digest {digest[:16]}")
    return job


def unfinished(connection: Connection) -> list[JobRow]:
    """All jobs that have not ended."""
    ended = [state.value for state in TERMINAL]
    rows = connection.execute(select(jobs).where(jobs.c.state.not_in(ended)).order_by(jobs.c.submitted_at))
    return [of_row(row) for row in rows]


def of_run(connection: Connection, run: str) -> tuple[JobRow, Plan]:
    """The job and plan of a run id; raise `NotFound`."""
    row = connection.execute(select(runs.c.job, runs.c.plan).where(runs.c.sid == run)).first()
    if row is None:
        raise NotFound(f"expected a run, got none with id {run[:16]}")
    return get(connection, row.job), Plan.read(registry.get(connection, row.plan).envelope)


def release_of(connection: Connection, job: JobRow) -> str:
    """Digest of the release of the job's current run; raise `NotFound` while there is none."""
    found = connection.execute(select(runs.c.release).where(runs.c.sid == job.run)).scalar()
    if found is None:
        raise NotFound(f"expected a release of job {job.digest[:16]}, got none yet")
    return str(found)


def of_release(connection: Connection, release: str) -> JobRow | None:
    """The job whose current run brought this release."""
    row = connection.execute(
        select(jobs).join(runs, runs.c.sid == jobs.c.run).where(runs.c.release == release)
    ).first()
    return None if row is None else of_row(row)


def reviews_of(connection: Connection, release: str) -> list[Envelope]:
    """The reviews of a table's release, as they were posted."""
    found = connection.execute(
        select(output_reviews.c.review)
        .where(output_reviews.c.release == release)
        .order_by(output_reviews.c.reviewer, output_reviews.c.finding)
    ).scalars()
    return [registry.get(connection, digest).envelope for digest in found]


def runs_used(connection: Connection, job: Job) -> int:
    """Earlier jobs of this kind under the authorization (score, aggregate) or scenario (vet) that got as far as an intent."""
    same = [jobs.c.kind == job.job_kind, jobs.c.intent.is_not(None), jobs.c.digest != job.digest]
    if job.authorization is None:
        same.append(jobs.c.scenario == job.scenario)
    else:
        same.append(jobs.c.authorization == job.authorization)
    return int(connection.execute(select(func.count()).select_from(jobs).where(*same)).scalar_one())


def insert_job(district: District, transaction: Transaction, job: Job, *, expires_at: float) -> JobRow:
    """A new job in state `submitted`."""
    transaction.connection.execute(
        insert(jobs).values(
            digest=job.digest,
            kind=job.job_kind,
            mode=job.mode.value,
            submitter=job.submitter,
            recipient=job.recipient,
            scenario=job.scenario,
            authorization=job.authorization,
            slots=0 if job.subjects is None else job.subjects.count,
            state=State.SUBMITTED.value,
            attempt=0,
            expires_at=expires_at,
            submitted_at=district.now,
        )
    )
    note_progress(district, transaction, job.digest, State.SUBMITTED)
    return get(transaction.connection, job.digest)


def change(transaction: Transaction, digest: str, **values: object) -> JobRow:
    """Update a job and return it as it now stands."""
    transaction.connection.execute(update(jobs).where(jobs.c.digest == digest).values(**values))
    return get(transaction.connection, digest)


def note_progress(district: District, transaction: Transaction, digest: str, step: str) -> None:
    transaction.connection.execute(insert(job_progress).values(job=digest, at=district.now, step=step))
    transaction.after_commit.append(lambda: district.bell.ring(bell_of(digest)))


def bell_of(digest: str) -> str:
    """What is rung when a job moves on; no party is called so."""
    return f"job/{digest}"


def job_document(connection: Connection, job: JobRow) -> Job:
    return Job.read(registry.get(connection, job.digest).envelope)


def authorization_of(connection: Connection, job: JobRow) -> Authorization | None:
    if job.authorization is None:
        return None
    return Authorization.read(registry.get(connection, job.authorization).envelope)


def model_of(connection: Connection, digest: str) -> Model:
    return Model.read(registry.get(connection, digest).envelope)


def query_of(connection: Connection, digest: str) -> Query:
    return Query.read(registry.get(connection, digest).envelope)


def roster_of(district: District, connection: Connection, job: JobRow) -> tuple[RosterMember, ...]:
    """Who runs the job: the authorization's roster, for an aggregate those of it whose domains are asked.

    A vet job is run by the enclaves of the scenario's departments.
    """
    authorization = authorization_of(connection, job)
    if authorization is not None:
        query = job_document(connection, job).query
        asked = None if query is None else set(query_of(connection, query).departments)
        return tuple(m for m in authorization.roster if asked is None or m.department in asked)
    scenario = Scenario.read(registry.get(connection, job.scenario).envelope)
    members = []
    for department in scenario.departments:
        enclave = district.trust.enclave_of(department)
        if enclave is None:
            raise NotFound(f"expected an enclave of `{department}` in the trust root, got none")
        members.append(RosterMember(department=department, enclave=enclave.id, keyid=enclave.key.keyid))
    return tuple(members)
