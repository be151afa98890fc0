"""A coordinator in memory: stores, relays and logs as docs/protocol.md says, over dictionaries instead of HTTP and SQL.

A smaller truth, not a mock: documents, signatures, log, proofs and cosignatures are the real ones. Tests may look into it,
as a curious coordinator would, and tamper with what it relays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.log import CheckpointNote
from enclaves.transport.mailbox import Message
from enclaves.transport.problem import NotFound, Problem
from policies.documents.envelope import Envelope
from policies.documents.trust import TrustRoot
from policies.log import note as notes
from policies.log.entry import Entry, EntryType
from policies.log.errors import LogInvalid
from policies.log.merkle import Tree, leaf_hash
from policies.log.note import TreeHead

Body = dict[str, Any]


@dataclass
class Relay:
    """Everything the coordinator holds. `tamper` may change a message before it is put into a mailbox."""

    trust: TrustRoot
    log_key: Ed25519PrivateKey
    documents: dict[str, Envelope] = field(default_factory=dict)
    attachments: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)
    mailboxes: dict[str, list[Message]] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)
    cosignatures: dict[int, dict[str, str]] = field(default_factory=dict)
    tamper: Callable[[str, Message], Message] = lambda to, message: message

    def mail(
        self,
        to: str,
        topic: str,
        body: Body,
        *,
        sender: str = "coordinator",
        run: str | None = None,
        attachments: Sequence[str] = (),
    ) -> int:
        box = self.mailboxes.setdefault(to, [])
        message = Message(len(box) + 1, sender, topic, run, body, tuple(attachments), "2026-06-01T00:00:00Z")
        box.append(self.tamper(to, message))
        return message.seq

    def said(self, topic: str, run: str | None = None) -> list[Message]:
        """What the parties sent to the coordinator."""
        found = [m for m in self.mailboxes.get("coordinator", []) if m.topic == topic]
        return [m for m in found if run is None or m.run == run]

    def append(self, *entries: Entry) -> int:
        """Append and sign a checkpoint; the index of the last entry."""
        self.leaves += [entry.to_bytes() for entry in entries]
        tree = self.tree(len(self.leaves))
        head = TreeHead(self.trust.log.origin, tree.size, tree.root)
        self.notes[tree.size] = notes.sign(head, self.log_key)
        return tree.size - 1

    def tree(self, size: int) -> Tree:
        return Tree(leaf_hash(leaf) for leaf in self.leaves[:size])

    def call_witnesses(self) -> None:
        for witness in self.trust.witnesses:
            self.mail(witness, "log", {"size": len(self.leaves)})

    def cosigned(self, min_size: int) -> CheckpointNote:
        """The newest note with a quorum, lines joined."""
        for size in sorted(self.notes, reverse=True):
            lines = self.cosignatures.get(size, {})
            if size >= min_size and len(lines) >= self.trust.quorum:
                return CheckpointNote(notes.join(self.notes[size], list(lines.values())), size)
        raise NotFound(Problem("not_found", 404))


class Line:
    """The relay as one party sees it; has the methods of `enclaves.transport.endpoint.Endpoint`."""

    def __init__(self, relay: Relay, party: str) -> None:
        self.relay, self.party = relay, party

    def checkpoint(self, min_size: int = 0) -> CheckpointNote:
        return self.relay.cosigned(min_size)

    def latest(self) -> CheckpointNote:
        size = max(self.relay.notes)
        return CheckpointNote(self.relay.notes[size], size)

    def entries(self, start: int, end: int) -> list[bytes]:
        # Pages of three, so that paging is always exercised.
        return self.relay.leaves[start : min(end, start + 3)]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return self.relay.tree(size).inclusion_path(index)

    def post_cosignature(self, size: int, line: str) -> int:
        key = self.relay.trust.party(self.party)
        body = notes.Note.parse(self.relay.notes[size]).body
        if key is None:
            raise LogInvalid("expected a party")
        notes.check_cosignature(notes.Signature.parse(line), body, witness_key=key.key.raw)
        self.relay.cosignatures.setdefault(size, {})[self.party] = line
        return size

    def get_document(self, digest: str) -> Envelope:
        if digest not in self.relay.documents:
            raise NotFound(Problem("not_found", 404))
        return self.relay.documents[digest]

    def post_document(self, envelope: Envelope) -> None:
        known = self.relay.documents.get(envelope.digest)
        self.relay.documents[envelope.digest] = envelope if known is None else known.merged(envelope)

    def put_attachment(self, data: bytes, *, audience: Iterable[str] = ()) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        _, readers = self.relay.attachments.setdefault(sha256, (data, set()))
        readers |= {self.party, *audience}
        return sha256

    def enclose(self, data: bytes, *, audience: Iterable[str] = ()) -> str:
        return self.put_attachment(data, audience=audience)

    def get_attachment(self, sha256: str) -> bytes:
        data, readers = self.relay.attachments.get(sha256, (b"", set()))
        if self.party not in readers:
            raise NotFound(Problem("not_found", 404))
        return data

    def send(
        self,
        to: str,
        topic: str,
        body: Mapping[str, Any],
        *,
        run: str | None = None,
        attachments: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> int:
        return self.relay.mail(to, topic, dict(body), sender=self.party, run=run, attachments=attachments)

    def receive(self, after: int = 0, wait: int = 0) -> list[Message]:
        return self.relay.mailboxes.get(self.party, [])[after:]


def entry(kind: EntryType, **members: Any) -> Entry:
    return Entry(type=kind, at="2026-06-01T00:00:00Z", actor="coordinator", **members)
