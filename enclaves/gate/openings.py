"""Over which enclaves' vectors the sums of a job were opened: durable before a sum exists, and the same for every attempt.

A run is opened once, and a job of which a sum was opened over some enclaves is not opened over others in another attempt,
whatever became of the first: the difference of the two sums would be the part of those that are in one of them alone
(protocols.md section 1.2, attack A10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS openings (sid BLOB PRIMARY KEY, job TEXT NOT NULL, survivors TEXT NOT NULL) WITHOUT ROWID
"""


class Openings:
    """Openings by run id, in the gate's durable file."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        durable.define(_TABLE, "CREATE INDEX IF NOT EXISTS openings_job ON openings (job)")

    def note(self, sid: bytes, *, job: str, survivors: Sequence[str]) -> None:
        """Remember that the sum of `survivors` is about to be opened. Raises RunRefused."""
        # Ids hold no space.
        named = " ".join(survivors)
        with self._durable.transaction():
            if self._durable.rows("SELECT 1 FROM openings WHERE sid = ?", (sid,)):
                raise RunRefused(
                    "run_repeated", "expected a run that was not opened before, got one that was"
                )
            others = self._durable.rows("SELECT survivors FROM openings WHERE job = ?", (job,))
            if any(row[0] != named for row in others):
                raise RunRefused(
                    "survivors_changed", "expected the domains that this job was opened over, got others"
                )
            self._durable.run("INSERT INTO openings VALUES (?, ?, ?)", (sid, job, named))


@dataclass(frozen=True, slots=True)
class Opening:
    """The one opening of a run, as the room's gate asks for it."""

    openings: Openings
    job: str
    survivors: tuple[str, ...]

    def move(self, sid: bytes, stage: str, /) -> None:
        """The run is `stage`, which is `opened`: durably, once. Raises RunRefused."""
        self.openings.note(sid, job=self.job, survivors=self.survivors)
