"""What is asked of a batch, and opening it: begun anew, or gone on with where its journal ends."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from enclaves.transport.jobs import CONSENTS_PER_FETCH
from policies.documents.authorization import Mode
from policies.documents.fields import instant_text
from sandbox.client.batch.journal import Begun, Event, Journal, Written
from sandbox.client.batch.score_file import ScoreFile
from sandbox.client.batch.state import BatchState
from sandbox.client.batch.subject_file import SubjectFile
from sandbox.client.errors import BatchMismatch, InputMalformed
from sandbox.client.submission import MAX_JOB_SUBJECTS

SLICE: Final = 100_000
AHEAD: Final = 2
MAX_AHEAD: Final = 16


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """Scores for all of `subjects` (a file) under `authorization` (digest), written to `out`.

    `slice_size` subjects make a job; at most `ahead` jobs are under way; `page` subjects are fetched at once. `again` asks
    anew for a page whose first answer the coordinator may have forgotten, at the risk of paying twice for it.
    """

    authorization: str
    subjects: Path
    out: Path
    slice_size: int = SLICE
    ahead: int = AHEAD
    page: int = CONSENTS_PER_FETCH
    mode: Mode = Mode.MASKED
    again: bool = False

    def __post_init__(self) -> None:
        """Raises InputMalformed for a size out of range."""
        sizes = (
            ("slice", self.slice_size, MAX_JOB_SUBJECTS),
            ("ahead", self.ahead, MAX_AHEAD),
            ("page", self.page, CONSENTS_PER_FETCH),
        )
        for name, size, most in sizes:
            if not 1 <= size <= most:
                raise InputMalformed(f"expected {name} from 1 to {most}, got {size}")
        if self.subjects.resolve() in {self.out.resolve(), self.journal.resolve()}:
            raise InputMalformed("expected an output other than the subject file, got the same")

    @property
    def journal(self) -> Path:
        """Beside the output."""
        return self.out.with_name(f"{self.out.name}.journal")


@dataclass(slots=True)
class OpenBatch:
    """Journal, output and state of a batch while this process holds them."""

    order: BatchOrder
    journal: Journal
    output: ScoreFile
    state: BatchState
    begun: Begun
    resumed: bool

    def record(self, event: Event) -> None:
        """Journal an event durably, then let it count."""
        self.journal.append(event)
        self.state.apply(event)


@contextmanager
def open_batch(order: BatchOrder, subjects: SubjectFile, *, now: datetime) -> Iterator[OpenBatch]:
    """The batch of `order`, for one block.

    Raises BatchMismatch where journal or output belong to another order, JournalDamaged, BatchBusy.
    """
    wanted = Begun(
        batch=secrets.token_hex(16),
        authorization=order.authorization,
        mode=order.mode,
        slice=order.slice_size,
        page=order.page,
        subjects=subjects.count,
        sha256=subjects.sha256,
        output=order.out.name,
        at=instant_text(now),
    )
    if not order.journal.exists():
        _check_free(order)
    with Journal(order.journal) as journal:
        state, events = BatchState(), journal.read()
        begun = next(events, None)
        if begun is None:
            _check_free(order)
            journal.append(wanted)
            begun = wanted
            resumed = False
        else:
            resumed = True
        state.apply(begun)
        found = _checked(state, wanted)
        with ScoreFile(order.out) as output:
            for event in events:
                start = state.end
                state.apply(event)
                if isinstance(event, Written):
                    output.check(start, event.end, sha256=event.sha256)
            output.settle(state.end, page=order.page)
            yield OpenBatch(order, journal, output, state, found, resumed)


def _check_free(order: BatchOrder) -> None:
    if order.out.exists() and order.out.stat().st_size:
        raise BatchMismatch(
            f"expected `{order.journal.name}` beside `{order.out.name}` or a new output, got the output alone"
        )


def _checked(state: BatchState, wanted: Begun) -> Begun:
    """The beginning in the journal; raises BatchMismatch naming the first member in which it is another batch's."""
    begun = state.begun
    if begun is None:
        raise BatchMismatch("expected the journal of a batch, got another file")
    names = {"sha256": "subjects"}
    for name in ("authorization", "sha256", "mode", "slice", "page", "output"):
        if getattr(begun, name) != getattr(wanted, name):
            raise BatchMismatch(
                f"expected the journal of this batch, got one of other {names.get(name, name)}:"
                f" {_told(begun, name)}"
            )
    return begun


def _told(begun: Begun, name: str) -> str:
    value = begun.subjects if name == "sha256" else getattr(begun, name)
    return f"{value} ids" if name == "sha256" else f"`{value}`"
