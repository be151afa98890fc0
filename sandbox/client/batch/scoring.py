"""The batch itself: slices in order, a few jobs under way, what is done fetched at once, everything journaled.

Rules this module decides:

- Nobody is scored again who has a score: round 0 of a slice comes before its job.
- A job is journaled, signed, before it is sent. After a crash the same bytes are sent: it is the same job, taken in once.
- At most `ahead` jobs are under way. The first refusal or failure stops the batch: nothing new is begun, what is under way
  is still fetched and written, then the reason is raised. The same order goes on from there, with a job of its own for a
  slice whose last one ended without scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from enclaves.transport.endpoint import FetchRefused, JobStatus, Problem, Refused
from sandbox.client.batch.order import BatchOrder, OpenBatch, open_batch
from sandbox.client.batch.pages import Pages
from sandbox.client.batch.slice_jobs import SliceJobs
from sandbox.client.batch.steps import BatchStep, Happened
from sandbox.client.batch.subject_file import SubjectFile
from sandbox.client.errors import InputMalformed
from sandbox.client.submission import ENDED

if TYPE_CHECKING:
    from sandbox.client.insurer import Insurer, Score

EVERY: Final = 0.5


def score_batch(
    insurer: Insurer, order: BatchOrder, *, pause: Callable[[float], None] = time.sleep, every: float = EVERY
) -> Iterator[BatchStep]:
    """Run or resume a batch, telling each step; jobs are looked at `every` seconds.

    Raises InputMalformed for the subject file, BatchMismatch, JournalDamaged, BatchBusy and PageUnsettled for what lies beside
    the output, Refused with the reason of the first slice that was refused, Unavailable while the coordinator is away.
    """
    subjects = SubjectFile.scan(order.subjects, order.slice_size)
    if insurer.checked_authorization(order.authorization).model is None:
        raise InputMalformed("expected an authorization of a model, got one of queries")
    with open_batch(order, subjects, now=insurer.clock()) as batch:
        yield from _Scoring(insurer, batch, subjects).run(lambda: pause(every))


@dataclass(slots=True)
class _Scoring:
    """One run of a batch. `under_way`: slice → its job as it was seen last."""

    insurer: Insurer
    batch: OpenBatch
    subjects: SubjectFile
    under_way: dict[int, JobStatus] = field(default_factory=dict)
    stopped: Refused | None = None

    @property
    def jobs(self) -> SliceJobs:
        return SliceJobs(self.insurer, self.batch)

    def run(self, rest: Callable[[], None]) -> Iterator[BatchStep]:
        """Every step until the end; raises what stopped the batch."""
        state = self.batch.state
        yield self._step(Happened.RESUMED if self.batch.resumed else Happened.BEGUN)
        queue = (number for number in range(len(self.subjects.places)) if number not in state.finished)
        while True:
            while self.stopped is None and len(self.under_way) < self.batch.order.ahead:
                number = next(queue, None)
                if number is None:
                    break
                yield from self._guarded(number, self._begin)
            if not self.under_way:
                break
            known = dict(self.under_way)
            yield from self._look()
            if self.under_way == known:
                rest()
        if self.stopped is not None:
            raise self.stopped
        yield self._step(Happened.DONE)

    def _begin(self, number: int) -> Iterator[BatchStep]:
        """Round 0 of a slice, and its job; round 1 where that began before or no job would help."""
        ids, found = self.subjects.ids(number), self.batch.state.slice(number)
        yield from self._round(number, 0, ids=ids)
        if found.current is None:
            return
        if found.written[1] or (found.job is None and self.batch.state.exhausted):
            yield from self._round(number, 1, ids=ids)
            return
        status = self.jobs.submit(number, b"".join(ids[place] for place in found.waited()))
        self.under_way[number] = status
        yield self._step(Happened.SUBMITTED, number, status=status)

    def _round(self, number: int, turn: int, *, ids: list[bytes]) -> Iterator[BatchStep]:
        """Write what is left of a round."""
        pages, found = Pages(self.insurer, self.batch), self.batch.state.slice(number)
        while found.current is not None and found.current[0] == turn:
            results = pages.write(number, ids)
            yield self._step(Happened.WRITTEN, number, results=results)

    def _look(self) -> Iterator[BatchStep]:
        """Ask for every job under way and fetch what is done."""
        for number, known in [*self.under_way.items()]:
            status = self.insurer.endpoint.job(known.job)
            self.under_way[number] = status
            if status.state != known.state:
                yield self._step(Happened.MOVED, number, status=status)
            if status.state in ENDED:
                del self.under_way[number]
                yield from self._guarded(number, partial(self._end, status=status))

    def _end(self, number: int, *, status: JobStatus) -> Iterator[BatchStep]:
        """Round 1 of a slice whose job is done; raises the reason of one that brought no scores."""
        if status.state != "done":
            raise self.jobs.ended(number, status)
        yield from self._round(number, 1, ids=self.subjects.ids(number))

    def _guarded(self, number: int, act: Callable[[int], Iterator[BatchStep]]) -> Iterator[BatchStep]:
        """`act` on a slice; its refusal stops the batch instead of what else is under way."""
        try:
            yield from act(number)
        except Refused as refused:
            self.stopped = self.stopped or refused
            yield self._step(Happened.STOPPED, number, problem=refused.problem)

    def _step(
        self,
        happened: Happened,
        number: int | None = None,
        *,
        status: JobStatus | None = None,
        results: tuple[Score | FetchRefused, ...] = (),
        problem: Problem | None = None,
    ) -> BatchStep:
        return BatchStep(
            happened,
            self.batch.state.totals(),
            slice=number,
            job=None if status is None else status.job,
            state=None if status is None else status.state,
            results=results,
            problem=problem,
        )
