"""What every process at the department's and agency's side does: read its settings, follow its mailbox, stop when told.

Rules:
- It starts only with a trust root that matches the pin, keys that the trust root pins, and a working isolation.
- The cursor is durable after a message was taken and before the next one; a message may so be taken twice, never lost.
- A coordinator that cannot be reached is waited for, with growing pauses; nothing is decided in its absence.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

from enclaves.isolation import bubblewrap
from enclaves.isolation.confined import check_isolation
from enclaves.run.durable import Durable
from enclaves.run.errors import ProcessRefused
from enclaves.run.wire import Wire
from enclaves.transport.errors import TransportError
from enclaves.transport.mailbox import Message
from enclaves.transport.party import PartyConfig
from enclaves.transport.problem import Unavailable
from enclaves.witness.witness import Witness

_LOG: Final = logging.getLogger("domicile.process")
WAIT_S: Final = 25
EXIT_BROKEN: Final = 70
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class _WaitEnded(BaseException):
    """Raised out of a long poll by the signal to stop; nothing has been taken at that point."""


class ProcessConfig(PartyConfig):
    """Settings of a process: those of a party, and where its own files lie."""

    home: Path


class Mailbox:
    """Follows one mailbox; `take` handles a message and raises only if the coordinator was lost meanwhile."""

    def __init__(self, wire: Wire, durable: Durable, take: Callable[[Message], None]) -> None:
        self._wire = wire
        self._durable = durable
        self._take = take
        self._stop = threading.Event()
        self._waiting = False
        durable.define(
            "CREATE TABLE IF NOT EXISTS mailbox (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL)"
        )
        durable.run("INSERT OR IGNORE INTO mailbox VALUES (1, 0)")

    @property
    def cursor(self) -> int:
        return int(self._durable.rows("SELECT seq FROM mailbox")[0][0])

    def stop(self) -> None:
        """Take no further message; called in a signal handler it also ends the wait for one."""
        self._stop.set()
        if self._waiting:
            raise _WaitEnded

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, at most until told to stop."""
        self._stop.wait(seconds)

    def follow(self) -> None:
        """Take messages until `stop`."""
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            try:
                self.take_pending(WAIT_S)
                pause = _FIRST_PAUSE
            except _WaitEnded:
                return
            except TransportError as error:
                _LOG.warning("coordinator: %s", error.code)
                self.pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def take_pending(self, wait: int = 0) -> int:
        """Take what is there, waiting up to `wait` seconds for a first message; returns how many there were."""
        cursor = self.cursor
        self._waiting = wait > 0
        try:
            messages = self._wire.receive(cursor, wait)
        finally:
            self._waiting = False
        for message in messages:
            self._take(message)
            self._durable.run("UPDATE mailbox SET seq = ? WHERE seq < ?", (message.seq, message.seq))
            if self._stop.is_set():
                break
        return len(messages)


class RunLane:
    """One thread for the work of runs, in order. bubblewrap dies with the thread that started it: this one stays.

    A daemon: when the process is told to stop, a step under way is cut off as by a crash, which every step survives. A step
    that raises ends the process: its own files can no longer be relied on, and a lane that stood still would not show.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="runs", daemon=True).start()

    def __call__(self, act: Callable[[], None]) -> None:
        self._queue.put(act)

    def _work(self) -> None:
        while True:
            act = self._queue.get()
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - the process ends, whatever it was
                _LOG.critical("run lane: %s", type(error).__name__)
                os._exit(EXIT_BROKEN)


def check_protected() -> None:
    """Raise ProcessRefused unless a confined child can be started and is really confined."""
    try:
        check_isolation(bubblewrap.bwrap_path())
    except Exception as error:
        raise ProcessRefused(f"expected a working isolation, got {type(error).__name__}") from error


def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT."""

    def handle(_: int, __: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def wait_for_log(witness: Witness, mailbox: Mailbox) -> None:
    """Compare the log with what was seen before, as soon as the coordinator answers; raises LogRolledBack."""
    pause = _FIRST_PAUSE
    while not mailbox.stopped:
        try:
            witness.check_start()
        except Unavailable:
            _LOG.warning("coordinator: unavailable")
            mailbox.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return
