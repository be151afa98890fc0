"""The coordinator's clock: once a second it does what no request does.

Each tick is one short transaction: cursors written down, the log's head signed if it has grown, witnesses mailed, jobs
whose deadline has passed moved on, what is too old forgotten. A tick that fails is logged and the next one tries again;
nothing depends on a tick having happened, only on ticks happening.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from fastapi.concurrency import run_in_threadpool

from sandbox.district import District
from sandbox.documents.evidence import checkpoint, checkpointed_size, mail_witnesses
from sandbox.jobs.orchestrator import tick_jobs
from sandbox.mailboxes.mailbox import mark_read
from sandbox.store.answers import forget_answers
from sandbox.store.nonces import forget_nonces

TICK_S: Final = 1.0
FORGET_TICKS: Final = 30
_LOG: Final = logging.getLogger("domicile.clock")


class Clock:
    """Runs ticks until stopped."""

    def __init__(self, district: District) -> None:
        self._district = district
        self._written: dict[str, int] = {}
        self._ticks = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._district.bell.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def tick(self) -> None:
        """Do one tick's work."""
        district, self._ticks = self._district, self._ticks + 1
        cursors = dict(district.read_to)
        with district.database.write() as transaction:
            for party, read_to in cursors.items():
                if self._written.get(party) != read_to:
                    mark_read(transaction, party, read_to=read_to)
            if district.log.size(transaction.connection) > checkpointed_size(
                district, transaction.connection
            ):
                checkpoint(district, transaction)
            else:
                mail_witnesses(district, transaction)
            tick_jobs(district, transaction)
            if self._ticks % FORGET_TICKS == 0:
                forget_nonces(transaction, now=district.now)
                forget_answers(transaction, now=district.now)
        self._written = cursors

    async def _run(self) -> None:
        while True:
            try:
                await run_in_threadpool(self.tick)
            # A tick that fails must not end the ticking.
            except Exception:  # noqa: BLE001 - logged whole
                _LOG.exception("tick failed")
            await asyncio.sleep(TICK_S)
