"""The enclave's answer to each message of its mailbox (docs/protocol.md section 3).

Rules:
1. Two lanes. What a message must leave behind before the mailbox moves on (consents, withdrawals, parts, the session row of
   a plan, cosignatures) is done at once; the work of runs is queued on the other, one run's step after another.
2. Whatever stops a run becomes one `refusal` with a code, and the session ends. Nothing is retried here.
3. What this process cannot help (a worker killed, the coordinator gone) is told as `session_lost`, so that a new attempt
   with new keys follows; what a rule forbids is told as that rule.
4. Log lines carry topic, run and code. Never a value, a key, a pid or an exception's text.
5. Runs are the coordinator's to lead: what anybody else says about one is dropped. No message stops the process; only its
   own files, when they fail, do.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from enclaves.agent.agreeing import agree, transcribe
from enclaves.agent.contributing import contribute
from enclaves.agent.house import House
from enclaves.agent.intake import take_consent, take_part, take_withdrawal
from enclaves.agent.joining import join, register
from enclaves.agent.live import LiveRun
from enclaves.agent.stages import IN_PROGRESS, OWING, Stage
from enclaves.agent.surviving import survive, unmask
from enclaves.errors import EnclaveError
from enclaves.run.errors import RunRefused
from enclaves.run.mail import run_of
from enclaves.run.refusal import code_of, refusal, refusal_of, session_is_lost
from enclaves.transport.mailbox import Message
from enclaves.transport.problem import Unavailable
from policies.documents.fields import instant
from policies.documents.strict_json import Json

Lane = Callable[[Callable[[], None]], None]
"""Runs a step now or later, in order."""

_LOG: Final = logging.getLogger("domicile.enclave")
COORDINATOR: Final = "coordinator"
_OF_ANYBODY: Final = frozenset({"consent", "withdrawal", "model-part"})
"""Topics that prove themselves by signatures and seals, whoever sends them."""


class Agent:
    """Answers messages; `lane` is where the work of runs is done."""

    def __init__(self, house: House, lane: Lane) -> None:
        self._house = house
        self._lane = lane
        self._live: dict[str, LiveRun] = {}
        self._now: dict[str, Callable[[Message], None]] = {
            "log": lambda message: self._cosign(),
            "consent": lambda message: take_consent(house, message),
            "withdrawal": lambda message: take_withdrawal(house, message),
            "model-part": lambda message: take_part(house, message),
            "plan": self._plan,
            "bundles": lambda message: self._queue(message, self._transcribe),
            "transcripts": lambda message: self._queue(message, self._contribute),
            "survivors": lambda message: self._queue(message, self._survive),
            "agreements": lambda message: self._queue(message, self._unmask),
            "abort": lambda message: self._queue(message, self._abort),
        }

    def start(self) -> None:
        """Say of every run that a crash cut off that it is lost; called once, before the first message."""
        sessions = self._house.sessions
        spent = [session for stage in OWING for session in sessions.in_stage(stage)]
        for session in spent:
            sessions.move(session.sid, Stage.SPENT)
        for session in (*sessions.lose(IN_PROGRESS), *spent):
            self._refuse(session.sid.hex(), refusal("session_lost"))

    def take(self, message: Message) -> None:
        """Handle one message. What it says may be refused; only a lost coordinator is raised."""
        handler = self._now.get(message.topic)
        if handler is None:
            _LOG.warning("topic %s: not for an enclave", message.topic[:40])
            return
        if message.sender != COORDINATOR and message.topic not in _OF_ANYBODY:
            _LOG.warning("topic %s: not from the coordinator", message.topic)
            return
        try:
            handler(message)
        except (Unavailable, OSError, sqlite3.Error):
            # The mailbox must not move on past what could not be fetched or kept.
            raise
        except Exception as error:  # noqa: BLE001 - taken again after a restart, it would stop the process for ever
            _LOG.warning("topic %s, run %s: %s", message.topic, (message.run or "-")[:16], code_of(error))

    def _cosign(self) -> None:
        _LOG.info("cosigned size %d", self._house.witness.cosign())

    def _plan(self, message: Message) -> None:
        run = register(self._house, message.body, run=message.run).sid.hex()
        self._lane(lambda: self._step(run, lambda: self._join(run, message)))

    def _queue(self, message: Message, act: Callable[[str, Message], None]) -> None:
        run = run_of(message)
        self._lane(lambda: self._step(run, lambda: act(run, message)))

    def _join(self, run: str, message: Message) -> None:
        self._drop_expired()
        self._live[run] = join(self._house, message.body)

    def _drop_expired(self) -> None:
        """Forget runs whose plan has expired; nothing may be contributed to them any more."""
        now = self._house.now()
        for run in [r for r, live in self._live.items() if instant(live.papers.plan.expires_at) <= now]:
            self._drop(run)

    def _transcribe(self, run: str, message: Message) -> None:
        transcribe(self._house, self._of(run), message.body)

    def _contribute(self, run: str, message: Message) -> None:
        live = self._of(run)
        agree(self._house, live, message.body)
        contribute(self._house, live)
        if not live.papers.plan.recovers:
            # The masks are spent; nothing of the run is needed any more.
            self._live.pop(run, None)

    def _survive(self, run: str, message: Message) -> None:
        survive(self._house, self._of(run), message.body)

    def _unmask(self, run: str, message: Message) -> None:
        # Its shares are given once, whatever comes of it.
        live = self._of(run)
        unmask(self._house, live, message.body)
        self._live.pop(run, None)

    def _abort(self, run: str, message: Message) -> None:
        self._drop(run)

    def _drop(self, run: str) -> None:
        self._live.pop(run, None)
        with suppress(RunRefused):
            self._end(run, Stage.ABORTED)

    def _of(self, run: str) -> LiveRun:
        live = self._live.get(run)
        if live is None:
            raise RunRefused("run_unknown", "expected a run that lives here, got another")
        return live

    def _step(self, run: str, act: Callable[[], None]) -> None:
        """Do one step of a run; whatever stops it ends the run with a refusal."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - a run must end with an answer, whatever went wrong
            _LOG.warning("run %s: %s", run[:16], code_of(error))
            self._live.pop(run, None)
            try:
                self._end(run, Stage.REFUSED)
            except RunRefused:
                # It has ended already, or is none of ours: there is nothing to answer.
                return
            self._refuse(run, refusal("session_lost") if session_is_lost(error) else refusal_of(error))

    def _end(self, run: str, stage: Stage) -> None:
        """End a run before its time, in `stage` or, if its masks are spent, as spent."""
        sid, sessions = bytes.fromhex(run), self._house.sessions
        session = sessions.find(sid)
        spent = session is not None and session.stage in OWING
        sessions.move(sid, Stage.SPENT if spent else stage)

    def _refuse(self, run: str, body: dict[str, Json]) -> None:
        try:
            self._house.wire.send(COORDINATOR, "refusal", body, run=run)
        except EnclaveError as error:
            _LOG.warning("run %s: refusal not delivered: %s", run[:16], code_of(error))
