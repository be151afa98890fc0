"""What a batch tells while it runs: one step after everything durable that happened, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from enclaves.transport.endpoint import FetchRefused, Problem
from policies.documents.strict_json import Json

if TYPE_CHECKING:
    from sandbox.client.insurer import Score


class Happened(StrEnum):
    """What a step reports."""

    BEGUN = "begun"
    RESUMED = "resumed"
    SUBMITTED = "submitted"
    """The job of a slice was taken in."""
    MOVED = "moved"
    """The job of a slice is in another state."""
    WRITTEN = "written"
    """Rows of a slice are in the output; none where all of a page is yet to be scored."""
    STOPPED = "stopped"
    """A slice was refused or its job failed; nothing new is begun, what is under way is still fetched."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Totals:
    """How far a batch is, all its runs together; `scored` and `refused` are subjects with a row in the output."""

    slices: int
    slices_done: int
    subjects: int
    scored: int
    refused: int

    @property
    def written(self) -> int:
        return self.scored + self.refused


@dataclass(frozen=True, slots=True)
class BatchStep:
    """One step. `results` are those just written, in the order of the subject file."""

    happened: Happened
    totals: Totals
    slice: int | None = None
    job: str | None = None
    state: str | None = None
    results: tuple[Score | FetchRefused, ...] = ()
    problem: Problem | None = None

    def to_json(self) -> dict[str, Json]:
        """The step without its results: one line for machines."""
        told: dict[str, Json] = {
            "event": self.happened.value,
            "slice": self.slice,
            "job": self.job,
            "state": self.state,
            "problem": None if self.problem is None else self.problem.to_json(),
        }
        totals: dict[str, Json] = {
            "slices": self.totals.slices,
            "slices_done": self.totals.slices_done,
            "subjects": self.totals.subjects,
            "scored": self.totals.scored,
            "refused": self.totals.refused,
        }
        return {name: value for name, value in told.items() if value is not None} | totals
