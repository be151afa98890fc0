"""A task that runs one confined worker: what is asked by a partner touches rows in bubblewrap alone, on every machine.

The executor's process only passes frames; it starts the child and dies with nothing of it left behind, since bubblewrap
kills its child when the thread that started it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits


@dataclass(frozen=True, slots=True)
class Room:
    """What one confined worker is given: files by inner name and the frames of its order, keys among them."""

    files: Mapping[str, Path]
    frames: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confined:
    """A `Task` from a room to the frames that the worker emits. The targets are this package's own and those of the workers."""

    target: str
    limits: Limits

    def __call__(self, room: Room, /) -> tuple[bytes, ...]:
        """Run the target. Raises the errors of `run_confined`."""
        with run_confined(
            self.target, room.frames, files=room.files, limits=self.limits, extra_targets=TARGETS
        ) as run:
            return tuple(run)


SCORE_PARTITION = "enclaves.executor.score_partition"
COMMIT = "enclaves.executor.commit"
SUM_CELLS = "enclaves.executor.sum_cells"
TARGETS = (SCORE_PARTITION, COMMIT, SUM_CELLS)
