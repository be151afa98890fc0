"""Score workers of a house: waiting ones for small jobs, a fresh one for everything else.

Rules:
- A waiting worker was started under a lease of a data set's current snapshot and is bound to that very file. It is used
  only while the file of a new lease is the same one, by snapshot, device and inode; otherwise a worker is started anew.
- While a worker waits no lease is held: a refresh removes the old file, and the worker of the old file is ended within
  a second or two. What stands on disk of a removed file is gone with that worker.
- It is told nothing ahead but its target and limits; the snapshot's key travels in the order.

Memory: a waiting worker holds about 70 MB (PSS), so `prestarted` times the data sets times that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from connectors.errors import ConnectorError
from connectors.store import DomainStore, Lease
from enclaves.isolation.confined import ConfinedRun, run_confined, start_waiting
from enclaves.isolation.limits import Limits
from enclaves.isolation.prestarted import Edition, Started, WorkerPool
from enclaves.worker.rows import SNAPSHOT_NAME

TARGET: Final = "enclaves.worker.score"
SCORE_SECONDS: Final = 600.0
WAITING_SLOTS: Final = 1_000
"""The largest job a waiting worker is used for: its limits were set before the job was known."""
MAX_PRESTARTED: Final = 16


class ScoreWorkers:
    """Runs score orders over leased snapshots."""

    def __init__(self, pool: WorkerPool | None = None) -> None:
        self._pool = pool

    def wait_for(self, slots: int) -> bool:
        """Whether workers are kept waiting for jobs of `slots` slots."""
        return self._pool is not None and slots <= WAITING_SLOTS

    @contextmanager
    def run(self, lease: Lease, order: Iterable[bytes], *, dataset: str, slots: int) -> Iterator[ConfinedRun]:
        """The run of one order over the leased snapshot. Raises what `run_confined` raises."""
        waiting = None
        if self._pool is not None and self.wait_for(slots):
            waiting = self._pool.take(dataset, edition_of(lease))
        run = (
            run_confined(TARGET, order, files={SNAPSHOT_NAME: lease.path}, limits=worker_limits(slots))
            if waiting is None
            else waiting.give(order)
        )
        with run:
            yield run

    def keep(self) -> None:
        """Keep workers waiting from now on, on a thread of their own."""
        if self._pool is not None:
            self._pool.keep()

    def close(self) -> None:
        """End the workers that wait."""
        if self._pool is not None:
            self._pool.close()


def pool_of(store: DomainStore, datasets: Iterable[str], *, size: int) -> WorkerPool:
    """A pool over the current snapshots of `datasets` (ids) and of what is asked for later; not yet kept filled."""

    def edition(dataset: str) -> Edition | None:
        # No lease: it would keep a refresh from removing the old file just then.
        try:
            current = store.pointer(dataset)
            return _edition(current.snapshot, store.folder(dataset) / current.file)
        except (ConnectorError, OSError):
            # Not refreshed yet, or not readable: a run will say so.
            return None

    def start(dataset: str) -> Started:
        with store.lease(dataset) as lease:
            files = {SNAPSHOT_NAME: lease.path}
            return edition_of(lease), start_waiting(TARGET, files=files, limits=worker_limits(WAITING_SLOTS))

    return WorkerPool(size, names=datasets, edition=edition, start=start)


def edition_of(lease: Lease) -> Edition:
    """The very file that is leased: its snapshot, and where its bytes lie."""
    return _edition(lease.pointer.snapshot, lease.path)


def _edition(snapshot: str, path: Path) -> Edition:
    state = path.stat()
    return (snapshot, state.st_dev, state.st_ino)


def worker_limits(slots: int) -> Limits:
    """Time and bytes for a job of `slots` slots; memory is bounded by a chunk and the data set."""
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=int(SCORE_SECONDS) * 2,
        wall_seconds=SCORE_SECONDS,
        processes=128,
        input_bytes=(64 << 20) + 16 * slots,
        output_bytes=(64 << 20) + 24 * slots,
    )
