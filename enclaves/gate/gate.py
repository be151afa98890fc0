"""The gate's answer to each message of its mailbox (docs/protocol.md section 3).

Rules:
1. A run is opened once: its session is durable before a total exists. A job of which something is released and not aborted
   is not opened again under another attempt.
2. Whatever stops an opening becomes one `refusal` with a code; what this process cannot help is told as `session_lost`.
3. After a restart: what was being opened is lost; what was released is announced again, and handed over again if its
   outcome was named before. Neither changes anything for a coordinator that has it already.
4. Log lines carry topic, run and code, nothing else.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from enclaves.errors import EnclaveError
from enclaves.gate.handing_over import hand_over
from enclaves.gate.house import House
from enclaves.gate.paillier_keys import make_paillier_key
from enclaves.gate.releasing import announce, release
from enclaves.gate.stages import IN_PROGRESS, RELEASED, Stage
from enclaves.gate.verifying import verify
from enclaves.run.errors import RunRefused
from enclaves.run.mail import envelope, integer, run_of, text
from enclaves.run.papers import read_plan
from enclaves.run.refusal import code_of, refusal, refusal_of, session_is_lost
from enclaves.run.sessions import Session
from enclaves.transport.mailbox import Message
from enclaves.transport.problem import Unavailable
from policies.documents import strict_json
from policies.documents.strict_json import Json

Lane = Callable[[Callable[[], None]], None]

_LOG: Final = logging.getLogger("domicile.gate")
COORDINATOR: Final = "coordinator"
MAX_ATTEMPT: Final = 16
_OF_OTHERS: Final = frozenset({"paillier-key-request"})
"""Topics whose handler looks at the sender itself."""


class Gate:
    """Answers messages; `lane` is where runs are opened and handed over."""

    def __init__(self, house: House, lane: Lane) -> None:
        self._house = house
        self._lane = lane
        self._topics: dict[str, Callable[[Message], None]] = {
            "log": lambda message: self._cosign(),
            "he-key-request": lambda message: self._queue(message, self._make_key),
            "paillier-key-request": lambda message: self._queue(
                message, lambda asked: make_paillier_key(self._house, asked)
            ),
            # Nothing to do before the contributions are in: everything is verified from what `open` brings.
            "plan": lambda message: None,
            "open": self._open,
            "outcome": self._outcome,
            "abort": lambda message: self._queue(message, self._abort),
        }

    def start(self) -> None:
        """Say what a crash cut off; called once, before the first message."""
        house = self._house
        for session in house.sessions.lose(IN_PROGRESS):
            self._refuse(session.sid.hex(), refusal("session_lost"))
        for session in house.sessions.in_stage(Stage.RELEASED):
            self._guarded(session.sid.hex(), partial(announce, house, session.sid))
            if house.shelf.outcome(session.sid) is not None:
                self._later(session.sid.hex(), partial(hand_over, house, session.sid.hex()))

    def take(self, message: Message) -> None:
        """Handle one message. What it says may be refused; only a lost coordinator is raised."""
        handler = self._topics.get(message.topic)
        if handler is None:
            _LOG.warning("topic %s: not for a gate", message.topic[:40])
            return
        if message.sender != COORDINATOR and message.topic not in _OF_OTHERS:
            # An abort of somebody else's would undo a release.
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

    def _queue(self, message: Message, act: Callable[[Message], None]) -> None:
        self._later(message.run or "", lambda: act(message))

    def _later(self, run: str, act: Callable[[], None]) -> None:
        self._lane(lambda: self._guarded(run, act))

    def _open(self, message: Message) -> None:
        plan = read_plan(envelope(message.body, "plan"), self._house.trust)
        run = plan.sid.hex()
        if message.run != run:
            raise RunRefused("run_mismatch", "expected a plan under its own run id, got another")
        ground = plan.authorization or plan.scenario
        session = Session(plan.sid, plan.job, plan.attempt, ground, Stage.OPENED)
        self._house.sessions.begin(session, now=self._house.clock())
        self._lane(lambda: self._opening(run, message))

    def _opening(self, run: str, message: Message) -> None:
        try:
            self._check_unreleased(run)
            release(self._house, verify(self._house, message.body))
        except Exception as error:  # noqa: BLE001 - a run must end with an answer, whatever went wrong
            _LOG.warning("run %s: %s", run[:16], code_of(error))
            try:
                self._house.sessions.move(bytes.fromhex(run), Stage.REFUSED)
            except RunRefused:
                # Released already: what failed was the announcement, which is made again at the next start.
                return
            self._house.shelf.clear(bytes.fromhex(run))
            self._refuse(run, refusal("session_lost") if session_is_lost(error) else refusal_of(error))

    def _check_unreleased(self, run: str) -> None:
        session = self._house.sessions.find(bytes.fromhex(run))
        others = [] if session is None else self._house.sessions.of_job(session.job)
        if any(other.stage in RELEASED for other in others):
            raise RunRefused("job_released", "expected a job of which nothing is released, got another")

    def _outcome(self, message: Message) -> None:
        run, index = run_of(message), integer(message.body, "index")
        reviews = strict_json.canonical(message.body.get("reviews") or [])
        # The coordinator says it once: durable before the mailbox moves on.
        self._guarded(run, lambda: self._house.shelf.note_outcome(bytes.fromhex(run), index, reviews))
        self._later(run, lambda: hand_over(self._house, run))

    def _abort(self, message: Message) -> None:
        sid = bytes.fromhex(run_of(message))
        with suppress(RunRefused):
            self._house.sessions.move(sid, Stage.ABORTED)
            self._house.shelf.clear(sid)

    def _make_key(self, message: Message) -> None:
        job, attempt = text(message.body, "job"), integer(message.body, "attempt")
        if not 1 <= attempt <= MAX_ATTEMPT or message.sender != COORDINATOR:
            raise RunRefused(
                "malformed", "expected a key request of the coordinator for an attempt, got another"
            )
        self._house.wire.get_document(job)
        pair = self._house.he_keys.of(job, attempt)
        readers = [COORDINATOR, *(party.id for party in self._house.trust.parties if party.role == "enclave")]
        context = self._house.wire.put_attachment(pair.public, audience=readers)
        self._house.wire.send(
            COORDINATOR, "he-key", {"he_key": pair.envelope.to_json()}, attachments=(context,)
        )

    def _guarded(self, run: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - one message must not stop the others
            _LOG.warning("run %s: %s", run[:16], code_of(error))

    def _refuse(self, run: str, body: dict[str, Json]) -> None:
        try:
            self._house.wire.send(COORDINATOR, "refusal", body, run=run)
        except EnclaveError as error:
            _LOG.warning("run %s: refusal not delivered: %s", run[:16], code_of(error))
