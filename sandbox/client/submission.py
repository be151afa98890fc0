"""Submitting jobs and waiting for them: what partner and insurer share.

A job names its subjects by count and SHA-256; the list itself (16 bytes an id, slot k is the k-th) is an attachment that
only the enclaves of the scenario and the recipient of the scores may read: the recipient already holds the ids, and by
the list it sees that a delivered slot is the person it asked about.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from enclaves.transport.documents import MAX_ATTACHMENT_BYTES
from enclaves.transport.endpoint import JobStatus
from enclaves.transport.mailbox import MAX_WAIT_S
from policies.documents.authorization import JobKind, Mode, Scenario
from policies.documents.consent import CONSENT_ID_BYTES
from policies.documents.document import first_problem
from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.job import Job, Subjects
from policies.documents.query import ParameterValue
from policies.documents.trust import Role
from sandbox.client.encrypting import encryption_for
from sandbox.client.errors import InputMalformed, TookTooLong
from sandbox.client.member import Member, fresh_id

ENDED: Final = frozenset({"done", "refused", "failed", "cancelled"})
"""States after which nothing more comes of a job."""
ALL_STEPS: Final = 10_000
"""More steps than a job has: only its end is waited for."""
MAX_JOB_SUBJECTS: Final = MAX_ATTACHMENT_BYTES // CONSENT_ID_BYTES
VALID: Final = timedelta(hours=12)
NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


class Submitter(Member):
    """A party that submits jobs."""

    def submit_job(
        self,
        scenario: str,
        *,
        model: str,
        consents: Sequence[str],
        recipient: str,
        authorization: str | None,
        mode: Mode = Mode.MASKED,
        purpose: str | None = None,
        valid_for: timedelta = VALID,
    ) -> JobStatus:
        """Submit a score job, or with `authorization` None a vet job; Refused with the reason, or accepted.

        `scenario`, `model`, `authorization` are digests, `consents` ids in hex in slot order. `purpose` is the scenario's
        unless given. In mode paillier the job cites the encrypted weights of its authorization, a vet job the examiner's.
        """
        subjects = pack_ids(consents)
        job = self.draw_job(
            scenario,
            model=model,
            subjects=subjects,
            recipient=recipient,
            authorization=authorization,
            mode=mode,
            purpose=purpose,
            valid_for=valid_for,
        )
        return self.post_job(job, subjects)

    def draw_job(
        self,
        scenario: str,
        *,
        model: str,
        subjects: bytes,
        recipient: str,
        authorization: str | None,
        mode: Mode = Mode.MASKED,
        purpose: str | None = None,
        valid_for: timedelta = VALID,
    ) -> Envelope:
        """A score or vet job as `submit_job` sends it, signed and not yet sent; `subjects` is the packed attachment."""
        now = self.clock()
        job = Job(
            id=fresh_id("job"),
            job_kind=(JobKind.VET if authorization is None else JobKind.SCORE).value,
            submitter=self.party,
            purpose=purpose or self.document(Scenario, scenario).purpose.code,
            scenario=scenario,
            authorization=authorization,
            model=model,
            mode=mode,
            encryption=encryption_for(self, mode=mode, model=model, authorization=authorization),
            subjects=Subjects(
                count=len(subjects) // CONSENT_ID_BYTES, sha256=hashlib.sha256(subjects).hexdigest()
            ),
            recipient=recipient,
            submitted_at=instant_text(now),
            expires_at=instant_text(now + valid_for),
        )
        return job.envelope(self.keys.identity)

    def post_job(self, envelope: Envelope, subjects: bytes) -> JobStatus:
        """Send a job of `draw_job` with its subjects; sent again, it is the same job and runs once."""
        job = Job.read(envelope)
        readers = enclaves_of(self, self.document(Scenario, job.scenario))
        if job.authorization is not None:
            readers.append(job.recipient)
        self.endpoint.put_attachment(
            subjects, audience=[reader for reader in readers if reader != self.party]
        )
        return self.endpoint.submit_job(envelope, scenario=job.scenario)

    def submit_aggregate_job(
        self,
        scenario: str,
        *,
        authorization: str,
        query: str,
        recipient: str,
        parameters: Mapping[str, str] = NO_VALUES,
        purpose: str | None = None,
        valid_for: timedelta = VALID,
    ) -> JobStatus:
        """Submit an aggregate job over a posted query; Refused with the reason, the SQL gate's included, or accepted.

        `scenario`, `authorization`, `query` are digests; `parameters` gives a text for each parameter the query declares.
        While reviewers are waited for the job lives as long as `valid_for`.
        """
        approved = self.document(Scenario, scenario)
        now = self.clock()
        job = Job(
            id=fresh_id("job"),
            job_kind=JobKind.AGGREGATE.value,
            submitter=self.party,
            purpose=purpose or approved.purpose.code,
            scenario=scenario,
            authorization=authorization,
            model=None,
            query=query,
            parameters=values_of(parameters),
            mode=Mode.MASKED,
            subjects=None,
            recipient=recipient,
            submitted_at=instant_text(now),
            expires_at=instant_text(now + valid_for),
        )
        return self.endpoint.submit_job(job.envelope(self.keys.identity), scenario=scenario)

    def wait(
        self,
        job: str,
        progress: Callable[[JobStatus], None] | None = None,
        *,
        seconds: float = 300,
        every: float = 0.2,
    ) -> JobStatus:
        """Wait until the job has ended, telling `progress` each step; TookTooLong after `seconds`.

        The coordinator answers as soon as there is something to say; if it does not wait, it is asked again `every` so often.
        """
        deadline = time.monotonic() + seconds
        known = 0
        while True:
            left = deadline - time.monotonic()
            waited = max(0, min(MAX_WAIT_S, int(left)))
            status = self.endpoint.job(job, wait=waited, steps=known if progress else ALL_STEPS)
            if progress is not None:
                progress(status)
            if status.state in ENDED:
                return status
            if left <= 0:
                raise TookTooLong(
                    f"expected job {job[:12]} to end within {seconds:.0f} s, got {status.state}"
                )
            if len(status.progress) <= known or not waited:
                time.sleep(every)
            known = len(status.progress)


def values_of(parameters: Mapping[str, str]) -> tuple[ParameterValue, ...]:
    """Values as a job carries them; raises InputMalformed for a name or text that no parameter can have."""
    try:
        return tuple(ParameterValue(name=name, value=parameters[name]) for name in sorted(parameters))
    except ValidationError as error:
        raise InputMalformed(f"parameters: {first_problem(error)}") from None


def enclaves_of(member: Member, scenario: Scenario) -> list[str]:
    """Ids of the enclaves of a scenario's departments, as the trust root pins them."""
    found = []
    for department in scenario.departments:
        enclave = member.trust.enclave_of(department)
        if enclave is None or enclave.role is not Role.ENCLAVE:
            raise InputMalformed(f"expected an enclave of `{department}` in the trust root, got none")
        found.append(enclave.id)
    return found


def pack_ids(consents: Sequence[str]) -> bytes:
    """The subjects attachment: consent ids in slot order."""
    if not 1 <= len(consents) <= MAX_JOB_SUBJECTS:
        raise InputMalformed(f"expected 1 to {MAX_JOB_SUBJECTS} consents, got {len(consents)}")
    try:
        ids = [bytes.fromhex(consent) for consent in consents]
    except ValueError:
        raise InputMalformed("expected consent ids of 32 hex digits, got other text") from None
    if any(len(consent) != CONSENT_ID_BYTES for consent in ids):
        raise InputMalformed("expected consent ids of 32 hex digits, got another length")
    if len(set(ids)) != len(ids):
        raise InputMalformed("expected each consent once, got one twice")
    return b"".join(ids)
