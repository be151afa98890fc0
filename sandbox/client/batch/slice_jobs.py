"""The job of a slice: drawn and journaled before it is sent, sent again as the same bytes, replaced only once it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enclaves.transport.endpoint import JobStatus, Problem, Refused
from policies.documents import envelope as dsse
from sandbox.client.batch.journal import Drawn, Ended, Submitted
from sandbox.client.batch.order import OpenBatch
from sandbox.client.submission import ENDED

if TYPE_CHECKING:
    from sandbox.client.insurer import Insurer


@dataclass(frozen=True, slots=True)
class SliceJobs:
    """The jobs of one open batch."""

    insurer: Insurer
    batch: OpenBatch

    def submit(self, number: int, subjects: bytes) -> JobStatus:
        """The job that scores `subjects` (packed) of slice `number`, taken in; raises Refused with the reason.

        A job of an earlier run is sent again; if it can bring no scores any more, another takes its place.
        """
        drawn = self.batch.state.slice(number).job
        known = None if drawn is None else self._send_again(drawn, subjects)
        return known or self._send_new(number, subjects)

    def ended(self, number: int, status: JobStatus) -> Refused:
        """Journal that a job ended without scores, and return the reason."""
        problem = _problem(status)
        self._record_end(number, status.job, state=status.state, code=problem.code)
        return Refused(problem)

    def _send_again(self, drawn: Drawn, subjects: bytes) -> JobStatus | None:
        try:
            status = self.insurer.post_job(dsse.parse(drawn.envelope.encode()), subjects)
        except Refused as refused:
            self._record_end(drawn.slice, drawn.job, state="refused", code=refused.problem.code)
            return None
        if status.state in ENDED - {"done"}:
            self._record_end(drawn.slice, drawn.job, state=status.state, code=status.state)
            return None
        self.batch.record(Submitted(slice=drawn.slice, job=drawn.job))
        return status

    def _send_new(self, number: int, subjects: bytes) -> JobStatus:
        authorization = self.batch.begun.authorization
        approved = self.insurer.checked_authorization(authorization)
        envelope = self.insurer.draw_job(
            approved.scenario,
            model=str(approved.model),
            subjects=subjects,
            recipient=self.insurer.party,
            authorization=authorization,
            mode=self.batch.begun.mode,
        )
        self.batch.record(Drawn(slice=number, job=envelope.digest, envelope=envelope.to_bytes().decode()))
        try:
            status = self.insurer.post_job(envelope, subjects)
        except Refused as refused:
            self._record_end(number, envelope.digest, state="refused", code=refused.problem.code)
            raise
        self.batch.record(Submitted(slice=number, job=envelope.digest))
        return status

    def _record_end(self, number: int, job: str, *, state: str, code: str) -> None:
        self.batch.record(Ended(slice=number, job=job, state=state, code=code[:64]))


def _problem(status: JobStatus) -> Problem:
    """Why a job ended without scores, as its status says."""
    match status.reason:
        case None:
            return Problem(status.state, 403, detail=f"job {status.job[:12]} ended as {status.state}")
        case str(code):
            return Problem(code, 403, detail=code)
        case reason:
            return Problem.from_json(reason)
