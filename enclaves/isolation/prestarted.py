"""Confined children that wait for their order, so that a single request does not wait for an interpreter and its imports.

Rules:
- Single use: a worker leaves the pool when it is taken, gets one order, and ends with it; another is started in its place
  in the background.
- A worker is bound to files when it starts. The pool therefore keeps it under an *edition* of what was bound, hands it out
  for that very edition alone, and ends it when the edition is no longer the present one.
- Everything else is as without a pool: the same target, arguments, environment, confinement and limits. Nothing secret is
  said to a worker before its order.
- It fails closed: if no worker waits, the caller starts one as it always did; if none can be started, nothing runs.
- One thread of its own starts them all, because bubblewrap dies with the thread that started it. It lives as long as the
  process, and if it ever ended, every worker would end with it.

Which files are bound and what their edition is, is left to the caller.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from enclaves.isolation.confined import WaitingWorker
from enclaves.isolation.errors import IsolationError

Edition = tuple[str | int, ...]
"""What tells one bound set of files from another."""
Started = tuple[Edition, WaitingWorker]

IDLE_SECONDS: Final = 600.0
"""How long a worker waits before a fresh one takes its place."""
REFILL_SECONDS: Final = 0.5
"""How long after a worker was taken the next is started: the run that took it has the processor first."""
CHECK_SECONDS: Final = 1.0
_LOG: Final = logging.getLogger("domicile.workers")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A waiting worker, what is bound for it, and since when it waits."""

    edition: Edition
    worker: WaitingWorker
    since: float


class WorkerPool:
    """Up to `size` waiting workers for each name; safe to share between threads."""

    def __init__(
        self,
        size: int,
        *,
        names: Iterable[str],
        edition: Callable[[str], Edition | None],
        start: Callable[[str], Started],
        idle_seconds: float = IDLE_SECONDS,
        refill_seconds: float = REFILL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keeps workers of `names` and of every name that is asked for later.

        `edition` says what would be bound for a name now, None if nothing can be; `start` starts a worker for it.
        """
        self._size = size
        self._edition = edition
        self._start = start
        self._idle_seconds = idle_seconds
        self._refill_seconds = refill_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Kept]] = {name: [] for name in names}
        self._taken_at = float("-inf")
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep(self) -> None:
        """Keep the pool filled on a thread of its own until `close`."""
        if self._size:
            threading.Thread(target=self._keep, name="workers", daemon=True).start()

    def take(self, name: str, edition: Edition) -> WaitingWorker | None:
        """A worker that waits with exactly `edition` bound, which nobody else will get; None if there is none."""
        with self._lock:
            waiting = self._waiting.setdefault(name, [])
            self._taken_at = self._clock()
            for kept in list(waiting):
                if kept.edition == edition and kept.worker.alive:
                    waiting.remove(kept)
                    return kept.worker
        return None

    def waiting(self, name: str) -> int:
        """How many workers wait for an order of `name`."""
        with self._lock:
            return sum(kept.worker.alive for kept in self._waiting.get(name, []))

    def tend(self) -> None:
        """One round: end what must not be used any more, start what is missing; on the thread that is to own the workers."""
        with self._lock:
            names = list(self._waiting)
        editions = {name: self._edition(name) for name in names}
        for kept in self._unfit(editions):
            kept.worker.end()
        for name, edition in editions.items():
            while edition is not None and self._may_start(name):
                began, worker = self._start(name)
                if not self._keeps(name, _Kept(began, worker, self._clock()), edition):
                    worker.end()
                    break

    def close(self) -> None:
        """End every worker that waits; none is started or handed out afterwards."""
        with self._lock:
            self._stop.set()
            ended = [kept for waiting in self._waiting.values() for kept in waiting]
            self._waiting.clear()
        for kept in ended:
            kept.worker.end()

    def _may_start(self, name: str) -> bool:
        rested = self._clock() - self._taken_at >= self._refill_seconds
        return rested and not self._stop.is_set() and self.waiting(name) < self._size

    def _keeps(self, name: str, kept: _Kept, edition: Edition) -> bool:
        """Take a worker in, unless it ended at once, or the files were changed or the pool closed meanwhile."""
        with self._lock:
            if kept.edition != edition or not kept.worker.alive or self._stop.is_set():
                return False
            self._waiting[name].append(kept)
            return True

    def _unfit(self, editions: Mapping[str, Edition | None]) -> list[_Kept]:
        """Take out the dead, the old, and those bound to what is no longer the present edition."""
        now = self._clock()
        unfit: list[_Kept] = []
        with self._lock:
            for name, waiting in self._waiting.items():
                for kept in list(waiting):
                    fits = kept.edition == editions.get(name) and now - kept.since <= self._idle_seconds
                    if not fits or not kept.worker.alive:
                        waiting.remove(kept)
                        unfit.append(kept)
        return unfit

    def _keep(self) -> None:
        while not self._stop.wait(self._pause()):
            try:
                self.tend()
            except IsolationError as error:
                # The next run says so too, and refuses; until then there is nothing to keep.
                _LOG.warning("workers: %s", error.code)
            except Exception as error:  # noqa: BLE001 - the keeper must not die: every worker would die with it
                _LOG.warning("workers: %s", type(error).__name__)

    def _pause(self) -> float:
        return min(CHECK_SECONDS, self._refill_seconds) or CHECK_SECONDS
