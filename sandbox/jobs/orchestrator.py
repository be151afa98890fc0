"""Carrying jobs forward: events in, effects out, in the transaction of whatever caused them.

The decisions are the tables of `sandbox.jobs.states`; this module only executes them. Everything a run needs is in the
database: a coordinator that starts again goes on where it stopped, its own absence held against nobody, and a run whose
answer never came is begun anew by the clock. Messages are said once for each run, topic and recipient, so that doing
something twice does nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from policies.documents.authorization import Mode, Scenario
from policies.documents.halts import RevocationTarget, SuspensionTarget
from policies.documents.strict_json import Json
from policies.documents.trust import Role
from policies.errors import PolicyError
from policies.log.entry import Entry, EntryType, Target, instant
from policies.log.note import Note, TreeHead
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.evidence import record
from sandbox.errors import SandboxError
from sandbox.jobs import relaying, rows, surviving
from sandbox.jobs.rows import JobRow
from sandbox.jobs.states import (
    RUN_STATES,
    TERMINAL,
    UNHURRIED,
    WAITING_FOR_QUORUM,
    Effect,
    Event,
    State,
    loss,
    step,
)
from sandbox.mailboxes.mailbox import Mail, send
from sandbox.store.database import Transaction, savepoint

SLOTS_PER_SECOND: Final[Mapping[Mode, int]] = MappingProxyType(
    {Mode.MASKED: 20_000, Mode.BFV: 20_000, Mode.PAILLIER: 20}
)
"""How much longer a large job may take before it counts as lost; an eighth of what the slower of masked and bfv, and of
what paillier does."""
MAX_POLICY: Final = 80
_LOG: Final = logging.getLogger("domicile.jobs")
QUORUM_TIMEOUTS: Final = 6
"""Attempt timeouts that witnesses are given to cosign an intent or outcome."""


def fire(
    district: District,
    transaction: Transaction,
    job: JobRow,
    event: Event,
    *,
    reason: Mapping[str, Json] | None = None,
) -> JobRow:
    """Let `event` happen to `job`: change the state and execute the effects; what is not expected is ignored."""
    following = step(job.state, event, mode=job.mode)
    if following is None or following.state is None:
        return job
    values: dict[str, object] = {"state": following.state.value}
    if reason is not None and following.state in TERMINAL:
        values["reason"] = json.dumps(dict(reason), ensure_ascii=False)
    if Effect.NEXT_ATTEMPT in following.effects:
        _abort_if(district, transaction, job, Effect.ABORT in following.effects, reason)
        values |= {"attempt": job.attempt + 1, "run": None}
    changed = rows.change(transaction, job.digest, **values)
    rows.note_progress(district, transaction, job.digest, following.state)
    for effect in following.effects:
        if effect is Effect.ABORT and Effect.NEXT_ATTEMPT in following.effects:
            continue
        changed = _EFFECTS[effect](district, transaction, changed)
    return rows.change(transaction, job.digest, deadline=_deadline(district, changed))


def advance_cosigned(district: District, transaction: Transaction) -> None:
    """Wake the jobs whose entry a quorum has cosigned."""
    connection = transaction.connection
    waiting = [job for job in rows.unfinished(connection) if job.state in WAITING_FOR_QUORUM]
    sizes = [job.await_size for job in waiting if job.await_size is not None]
    if not sizes:
        return
    note = district.log.cosigned(connection, min(sizes), district.trust.quorum)
    if note is None:
        return
    size = TreeHead.parse(Note.parse(note).body).size
    for job in waiting:
        if job.await_size is not None and job.await_size <= size:
            _apart(district, transaction, job, Event.COSIGNED)


def tick_jobs(district: District, transaction: Transaction) -> None:
    """Move on the jobs whose time has passed."""
    now = district.now
    for job in rows.unfinished(transaction.connection):
        if now >= job.expires_at:
            _apart(district, transaction, job, Event.EXPIRED, reason=_failure("job_expired"))
        elif job.deadline is not None and now >= job.deadline:
            _overdue(district, transaction, job)


def resume_jobs(district: District, transaction: Transaction) -> None:
    """Give every job its time anew when the coordinator starts: while it was away, nobody could answer it."""
    for job in rows.unfinished(transaction.connection):
        rows.change(transaction, job.digest, deadline=_deadline(district, job))


def stop_halted(district: District, transaction: Transaction, targets: Iterable[Target]) -> None:
    """End the jobs that run under what was just suspended or revoked."""
    halted = list(targets)
    if not halted:
        return
    for job in rows.unfinished(transaction.connection):
        if _is_halted(transaction, job, halted):
            _apart(district, transaction, job, Event.HALTED, reason=_failure("suspended"))


def _apart(
    district: District,
    transaction: Transaction,
    job: JobRow,
    event: Event,
    *,
    reason: Mapping[str, Json] | None = None,
) -> None:
    """`fire` for one of many: a job that cannot be moved must not keep a cosignature, a halt or the clock from the others."""
    try:
        with savepoint(transaction):
            fire(district, transaction, job, event, reason=reason)
    except (PolicyError, SandboxError) as error:
        _LOG.error("job %s does not take %s: %s", job.digest, event, error.code)


def _overdue(district: District, transaction: Transaction, job: JobRow) -> None:
    if job.state in WAITING_FOR_QUORUM:
        _apart(district, transaction, job, Event.EXPIRED, reason=_failure("quorum_missing"))
    elif _survives(transaction, job):
        _apart(district, transaction, job, Event.SURVIVORS_KNOWN)
    else:
        _apart(district, transaction, job, loss(job.attempt), reason=_failure("no_answer"))


def _survives(transaction: Transaction, job: JobRow) -> bool:
    """Whether the vectors that are in suffice, though not everybody's are."""
    if job.state is not State.CONTRIBUTIONS or job.run is None:
        return False
    _, plan = rows.of_run(transaction.connection, job.run)
    return plan.recovers and surviving.known(transaction, job, plan, late=True) is not None


def _deadline(district: District, job: JobRow) -> float | None:
    timeout = district.settings.attempt_timeout_s
    if job.state in WAITING_FOR_QUORUM:
        return district.now + QUORUM_TIMEOUTS * timeout
    if job.state in RUN_STATES - UNHURRIED:
        return district.now + timeout + job.slots / SLOTS_PER_SECOND[job.mode]
    return None


def _is_halted(transaction: Transaction, job: JobRow, targets: Iterable[Target]) -> bool:
    """Whether any of `targets` stops the job; one whose papers cannot be read is stopped, since nobody can say it is not."""
    try:
        return any(_touches(transaction, job, target) for target in targets)
    except (PolicyError, SandboxError):
        return True


def _touches(transaction: Transaction, job: JobRow, target: Target) -> bool:
    match target.kind:
        case SuspensionTarget.SCENARIO:
            return target.id == job.scenario
        case SuspensionTarget.AUTHORIZATION:
            return target.id == job.authorization
        case SuspensionTarget.PARTY:
            scenario = _scenario(transaction, job)
            return target.id in {job.submitter, job.recipient, scenario.partner, *scenario.departments}
        case SuspensionTarget.OVERALL:
            return _scenario(transaction, job).overall == target.id
        case RevocationTarget.MODEL:
            return rows.job_document(transaction.connection, job).model == target.id
        case _:
            return False


def _scenario(transaction: Transaction, job: JobRow) -> Scenario:
    return Scenario.read(registry.get(transaction.connection, job.scenario).envelope)


def _failure(code: str) -> dict[str, Json]:
    return {"code": code}


# Effects. Each returns the job as it stands afterwards.


def _log_intent(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    document = rows.job_document(transaction.connection, job)
    digests = {"job": job.digest, "scenario": job.scenario, **document.cited_work}
    if job.authorization is not None:
        digests["authorization"] = job.authorization
    entry = Entry(
        type=EntryType.INTENT,
        at=instant(int(district.now)),
        actor=job.submitter,
        scenario=job.scenario,
        job=job.digest,
        digests=digests,
        facts={"kind": job.kind, "slots": job.slots},
    )
    index = record(district, transaction, entry)[0]
    return rows.change(transaction, job.digest, intent=index, await_size=index + 1)


def _log_refusal(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    code = str((job.reason or {}).get("code", "refused"))
    entry = Entry(
        type=EntryType.REFUSAL,
        at=instant(int(district.now)),
        actor=job.submitter,
        scenario=job.scenario,
        job=job.digest,
        digests={"job": job.digest},
        facts={"code": code, **_policy(job)},
    )
    record(district, transaction, entry)
    return job


def _log_end(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    code = str((job.reason or {}).get("code", job.state))
    digests = {"job": job.digest} | ({"run": job.run} if job.run else {})
    entry = Entry(
        type=EntryType.OUTCOME,
        at=instant(int(district.now)),
        actor=district.me,
        scenario=job.scenario,
        job=job.digest,
        digests=digests,
        facts={"result": job.state.value, "code": code, **_policy(job)},
    )
    record(district, transaction, entry)
    return job


def _policy(job: JobRow) -> dict[str, str]:
    policy = (job.reason or {}).get("policy")
    # A process may say anything here; an entry has little room, and an end must always be recordable.
    named = isinstance(policy, str) and 0 < len(policy) <= MAX_POLICY and policy.isascii()
    return {"policy": str(policy)} if named and str(policy).isprintable() else {}


def _request_key(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    body: dict[str, Json] = {"job": job.digest, "attempt": job.attempt}
    gate = district.trust.sole(Role.GATE).id
    send(district, transaction, Mail(gate, "he-key-request", run=None, body=body), sender=district.me)
    return job


def _log_release(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    release = rows.release_of(transaction.connection, job)
    entry = Entry(
        type=EntryType.OUTCOME,
        at=instant(int(district.now)),
        actor=district.me,
        scenario=job.scenario,
        job=job.digest,
        digests={"job": job.digest, "run": str(job.run), "release": release},
        facts={"result": "released"},
    )
    index = record(district, transaction, entry)[0]
    return rows.change(transaction, job.digest, await_size=index + 1)


def _mail_outcome(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    gate = district.trust.sole(Role.GATE).id
    body: dict[str, Json] = {"index": (job.await_size or 1) - 1}
    if job.asks:
        release = rows.release_of(transaction.connection, job)
        reviews = rows.reviews_of(transaction.connection, release)
        body["reviews"] = [review.to_json() for review in reviews]
    mail = Mail(gate, "outcome", run=job.run, body=body)
    send(district, transaction, mail, sender=district.me)
    return job


def _abort_if(
    district: District,
    transaction: Transaction,
    job: JobRow,
    wanted: bool,
    reason: Mapping[str, Json] | None,
) -> None:
    if wanted and job.run is not None:
        _, plan = rows.of_run(transaction.connection, job.run)
        body: dict[str, Json] = {"code": str((reason or job.reason or {}).get("code", "lost"))}
        recipients = [member.enclave for member in plan.roster] + [plan.gate]
        mails = [Mail(party, "abort", run=job.run, body=body) for party in recipients]
        send(district, transaction, *mails, sender=district.me)


def _abort(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    _abort_if(district, transaction, job, True, None)
    return job


def _nothing(_: District, __: Transaction, job: JobRow) -> JobRow:
    """Done elsewhere: slots and tables are stored by the inbox before the event, an attempt is counted by `fire`."""
    return job


_EFFECTS: Final[Mapping[Effect, Callable[[District, Transaction, JobRow], JobRow]]] = MappingProxyType(
    {
        Effect.LOG_INTENT: _log_intent,
        Effect.LOG_REFUSAL: _log_refusal,
        Effect.LOG_END: _log_end,
        Effect.REQUEST_KEY: _request_key,
        Effect.MAIL_PLAN: relaying.mail_plan,
        Effect.RELAY_BUNDLES: relaying.relay_bundles,
        Effect.RELAY_TRANSCRIPTS: relaying.relay_transcripts,
        Effect.ANNOUNCE_SURVIVORS: relaying.announce_survivors,
        Effect.RELAY_AGREEMENTS: relaying.relay_agreements,
        Effect.MAIL_OPEN: relaying.mail_open,
        Effect.LOG_RELEASE: _log_release,
        Effect.MAIL_OUTCOME: _mail_outcome,
        Effect.ABORT: _abort,
        Effect.STORE_SLOTS: _nothing,
        Effect.NEXT_ATTEMPT: _nothing,
    }
)
