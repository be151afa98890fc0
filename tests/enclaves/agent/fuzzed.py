"""A process under fuzz: messages as the coordinator's raw answer, state compared before and after, set back if it moved.

What may come of a mutant: nothing, or the end of the run that it names, if the coordinator sent it. Everything else is a
finding: an exception, a log line `internal_error`, a row, a key, a message or a file that was not there before.
"""

from __future__ import annotations

import copy
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enclaves.agent.agent import Agent
from enclaves.gate.gate import Gate
from enclaves.run.durable import Durable
from enclaves.run.process import Mailbox
from enclaves.transport.errors import ResponseRefused, TransportError
from enclaves.transport.mailbox import MailboxRequests, Message
from policies.documents import strict_json
from policies.documents.strict_json import Json, JsonRefused
from tests.enclaves.agent.district import District
from tests.fuzzing.json_mutants import encoded

Excuse = Callable[[Any, "State", "State"], bool]
ENDED = frozenset({"refused", "aborted"})
SLOW_S = 5.0


class Answer(MailboxRequests):
    """The client's own reading of the coordinator's answer to "messages, please", over given bytes."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def get_json(self, path: str, **_: Any) -> dict[str, Json]:
        try:
            return strict_json.parse_object(self._raw, max_bytes=64 << 20)
        except JsonRefused as error:
            raise ResponseRefused(str(error)) from None


def raw_item(message: Message) -> dict[str, Any]:
    """A message as the coordinator serves it."""
    return {
        "seq": message.seq,
        "sender": message.sender,
        "topic": message.topic,
        "run": message.run,
        "body": copy.deepcopy(dict(message.body)),
        "attachments": list(message.attachments),
        "sent_at": message.sent_at,
    }


class Internal(logging.Handler):
    """Counts log lines of exceptions that have no code of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "internal_error" in record.getMessage():
            self.lines.append(record.getMessage())


@dataclass
class State:
    """All that a message may change: rows, runs in memory, what was said, what was put."""

    tables: dict[str, list[tuple[Any, ...]]]
    live: dict[str, Any]
    said: list[tuple[str, str, str | None, str]]
    put: int
    files: list[str]


@dataclass
class Fuzzed:
    """An enclave or the gate of an in-memory district; its mailbox is held, so that the test alone hands it messages."""

    district: District
    party: str
    process: Agent | Gate
    durable: Durable
    files: Path | None = None
    held: list[Message] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    _steps: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process._lane = self._steps.append
        self.internal = Internal()
        for name in ("domicile.enclave", "domicile.gate"):
            logging.getLogger(name).addHandler(self.internal)

    def close(self) -> None:
        for name in ("domicile.enclave", "domicile.gate"):
            logging.getLogger(name).removeHandler(self.internal)

    # Messages

    def deliver(self, message: Message) -> None:
        """As the mailbox does, then the lane."""
        self.process.take(message)
        while self._steps:
            self._steps.pop(0)()

    def feed(self, item: Any) -> None:
        """One raw item through the client's reading. A refusal of the whole answer reaches no process."""
        try:
            messages = Answer(encoded({"messages": [item]})).receive()
        except TransportError:
            self.tally["unreadable"] += 1
            return
        for message in messages:
            self.deliver(message)

    # State

    def state(self) -> State:
        names = [name for (name,) in self.durable.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        relay = self.district.relay
        return State(
            {n: sorted(self.durable.rows(f"SELECT * FROM {n}"), key=repr) for n in names if n != "mailbox"},
            {run: _progress(live) for run, live in self._live().items()},
            [
                (box, message.topic, message.run, repr(message.body))
                for box, messages in relay.mailboxes.items()
                for message in messages
                if message.sender == self.party
            ],
            sum(self.party in readers for _, readers in relay.attachments.values()),
            sorted(path.name for path in self.files.iterdir()) if self.files else [],
        )

    def _live(self) -> dict[str, Any]:
        return self.process._live if isinstance(self.process, Agent) else {}

    def save(self) -> Callable[[], None]:
        """Remember everything; what is returned sets it back."""
        kept = sqlite3.connect(":memory:")
        self.durable._db.backup(kept)
        live = {run: copy.copy(each) for run, each in self._live().items()}
        pairs = self.district.gate_house.he_keys._pairs.copy()
        files = {path: path.read_bytes() for path in self.files.iterdir()} if self.files else {}
        relay = self.district.relay
        boxes = {box: len(messages) for box, messages in relay.mailboxes.items()}
        attachments = {sha: (data, set(readers)) for sha, (data, readers) in relay.attachments.items()}

        def restore() -> None:
            kept.backup(self.durable._db)
            if isinstance(self.process, Agent):
                self.process._live = {run: copy.copy(each) for run, each in live.items()}
            self.district.gate_house.he_keys._pairs = pairs.copy()
            for path, data in files.items():
                path.write_bytes(data)
            for box, messages in relay.mailboxes.items():
                del messages[boxes.get(box, 0) :]
            relay.attachments = {sha: (data, set(readers)) for sha, (data, readers) in attachments.items()}

        return restore

    # Judging

    def attack(
        self,
        item: Any,
        label: str,
        *,
        before: State,
        restore: Callable[[], None],
        excused: Excuse = lambda item, before, after: False,
    ) -> None:
        """Feed one mutant and judge what came of it."""
        lines, start = len(self.internal.lines), time.monotonic()
        try:
            self.feed(item)
        except Exception as error:
            self._steps.clear()
            self._find(label, f"{type(error).__name__} {error}", item)
        if time.monotonic() - start > SLOW_S:
            self._find(label, f"{time.monotonic() - start:.1f} s", item)
        if len(self.internal.lines) > lines:
            self._find(label, self.internal.lines[-1], item)
        self.tally["mutants"] += 1
        after = self.state()
        if after == before:
            self.tally["nothing"] += 1
            return
        if ended(before, after, item):
            self.tally["run ended"] += 1
        elif excused(item, before, after):
            self.tally["excused"] += 1
        else:
            self._find(label, difference(before, after), item)
        restore()
        if self.state() != before:
            raise AssertionError(
                f"expected the state to be set back: {label}, {difference(before, self.state())}"
            )

    def _find(self, label: str, what: str, item: Any) -> None:
        self.findings.append(f"{label}: {what[:500]}; {str(item)[:4000]}")


def _progress(live: Any) -> tuple[Any, ...]:
    return (len(live.voices), live.transcript, live.effective is None, live.bundle.digest)


def ended(before: State, after: State, item: Any) -> bool:
    """Whether all that happened is that the run which a message of the coordinator names was ended, and said so."""
    if (
        not isinstance(item, dict)
        or item.get("sender") != "coordinator"
        or not isinstance(item.get("run"), str)
    ):
        return False
    run = item["run"]
    others = {k: [r for r in v if k != "sessions" or r[0].hex() != run] for k, v in after.tables.items()}
    same = {k: [r for r in v if k != "sessions" or r[0].hex() != run] for k, v in before.tables.items()}
    (*_, stage, _) = next((r for r in after.tables["sessions"] if r[0].hex() == run), (None, None))
    live = {r: p for r, p in before.live.items() if r != run}
    more = after.said[len(before.said) :] if after.said[: len(before.said)] == before.said else None
    if more is None:
        more = [each for each in after.said if each not in before.said]
    return (
        others == same
        and stage in ENDED
        and after.live in (live, before.live)
        and run not in after.live
        and all(said[:3] == ("coordinator", "refusal", run) for said in more)
        and len(more) <= 1
        and after.put == before.put
        and after.files in (before.files, [name for name in before.files if not name.startswith(run)])
    )


def difference(before: State, after: State) -> str:
    rows = {
        name: [row for row in after.tables[name] if row not in before.tables.get(name, [])]
        for name in after.tables
        if after.tables[name] != before.tables.get(name)
    }
    said = [each[:3] for each in after.said if each not in before.said]
    return f"rows {rows}, live {after.live}, said {said}, put {after.put - before.put}, files {after.files}"


def hold_enclave(district: District, name: str) -> Fuzzed:
    domain = district.domains[name]
    found = Fuzzed(district, f"enclave-{name}", domain.agent, domain.house.durable)
    domain.mailbox = Mailbox(domain.house.wire, domain.house.durable, found.held.append)
    return found


def hold_gate(district: District) -> Fuzzed:
    durable = district.gate_mailbox._durable
    found = Fuzzed(district, "gate", district.gate, durable, files=district.directory / "gate" / "sealed")
    district.gate_mailbox = Mailbox(district.gate_house.wire, durable, found.held.append)
    return found
