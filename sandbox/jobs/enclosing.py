"""What a mailbox answer encloses: answers to the questions its messages are about to raise, so that nobody has to ask.

A party that gets a plan fetches the job, the list of subjects, a checkpoint, an entry and its proof; it would get exactly
these bytes. Rules:

- Nothing is enclosed that the reader could not ask for: content only for its owner and audience, and only small content.
- The reader verifies all of it as if it had asked; an enclosure saves a request, never a check.
- The table says which topics raise which questions; what is not there, or not found, is simply asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select

from enclaves.transport.enclosed import MAX_CONTENT_BYTES
from policies.documents import envelope as dsse
from policies.documents.job import Plan
from policies.documents.run import Bundle, Contribution
from policies.documents.strict_json import Json
from policies.documents.trust import PartyEntry
from policies.errors import PolicyError
from policies.log.note import Note, TreeHead
from sandbox.district import District
from sandbox.documents import attachments, registry
from sandbox.documents.evidence import latest_note
from sandbox.errors import SandboxError
from sandbox.store.tables import attachments as stored_attachments
from sandbox.store.tables import witnesses

MAX_MESSAGES: Final = 8
"""A reader that has fallen behind gets its messages, and asks for the rest."""
MAX_ENTRIES: Final = 32
MAX_CONTENTS: Final = 64


class Enclosing:
    """Gathers what one answer encloses for one reader."""

    def __init__(self, district: District, connection: Connection, reader: PartyEntry) -> None:
        self.district, self.connection, self.reader = district, connection, reader
        self.contents: dict[str, str] = {}
        self.documents: dict[str, Json] = {}
        self.log: list[Json] = []

    def to_json(self) -> dict[str, Json]:
        return {
            "content": list(self.contents.values()),
            "documents": list(self.documents.values()),
            "log": self.log,
        }

    def content(self, digests: Sequence[str]) -> None:
        """Small attachments that the reader may read."""
        for sha256 in digests[:MAX_CONTENTS]:
            size = self.connection.execute(
                select(stored_attachments.c.size).where(stored_attachments.c.sha256 == sha256)
            ).scalar()
            if size is None or size > MAX_CONTENT_BYTES or sha256 in self.contents:
                continue
            attachments.check_readable(self.connection, sha256, party=self.reader.id)
            self.contents[sha256] = base64.b64encode(self.district.attachments.read(sha256)).decode()

    def document(self, digest: str) -> None:
        """A document that is complete; the reader is a party of its run."""
        stored = registry.get(self.connection, digest)
        if stored.complete:
            self.documents[digest] = stored.envelope.to_json()

    def newest_head(self) -> None:
        """The log's newest note, and the entries this witness has not cosigned yet."""
        found = latest_note(self.district, self.connection)
        since = self.connection.execute(
            select(witnesses.c.cosigned_size).where(witnesses.c.party == self.reader.id)
        ).scalar()
        if found is None or since is None or not since <= found[1] <= since + MAX_ENTRIES:
            return
        self._answer("latest", {}, {"note": found[0], "size": found[1]})
        if since < found[1]:
            self._entries(since, found[1])

    def proven(self, index: int) -> None:
        """A cosigned head beyond the entry `index`, the entry, and its inclusion proof."""
        log, connection = self.district.log, self.connection
        note = log.cosigned(connection, index + 1, self.district.trust.quorum)
        if note is None:
            return
        size = TreeHead.parse(Note.parse(note).body).size
        proof: list[Json] = [value.hex() for value in log.inclusion_proof(connection, index, size)]
        self._answer("checkpoint", {"min_size": index + 1}, {"note": note, "size": size})
        self._entries(index, index + 1)
        self._answer("proofs/inclusion", {"index": index, "size": size}, {"proof": proof})

    def _entries(self, start: int, end: int) -> None:
        found = self.district.log.entries(self.connection, start, end)
        entries: list[Json] = [base64.b64encode(entry).decode() for entry in found]
        self._answer("entries", {"start": start, "end": end}, {"entries": entries})

    def _answer(self, path: str, asked: dict[str, Json], answer: dict[str, Json]) -> None:
        self.log.append({"path": path, "asked": asked, "answer": answer})


def enclosed_for(
    district: District, connection: Connection, messages: Sequence[Mapping[str, Json]], *, reader: PartyEntry
) -> dict[str, Json]:
    """What to enclose with `messages` of the reader's mailbox."""
    enclosing = Enclosing(district, connection, reader)
    for message in messages[:MAX_MESSAGES]:
        raises = _QUESTIONS.get(str(message["topic"]))
        body = message["body"]
        if raises is None or message["sender"] != district.me or not isinstance(body, dict):
            continue
        try:
            raises(enclosing, body)
        except (PolicyError, SandboxError):
            # Not to be found, or not for this reader: asked for, it will be told why.
            continue
    return enclosing.to_json()


def _log(enclosing: Enclosing, _: Mapping[str, Json]) -> None:
    enclosing.newest_head()


def _plan(enclosing: Enclosing, body: Mapping[str, Json]) -> None:
    plan = Plan.read(dsse.from_json(body.get("plan")))
    if enclosing.reader.id == plan.gate:
        # It does nothing before the contributions are in.
        return
    enclosing.document(plan.job)
    if plan.subjects is not None:
        enclosing.content([plan.subjects.sha256])
    enclosing.proven(plan.intent)


def _bundles(enclosing: Enclosing, body: Mapping[str, Json]) -> None:
    enclosing.content(_accepted(body.get("items")))


def _open(enclosing: Enclosing, body: Mapping[str, Json]) -> None:
    plan = Plan.read(dsse.from_json(body.get("plan")))
    enclosing.document(plan.job)
    enclosing.proven(plan.intent)
    items = body.get("contributions")
    found = [Contribution.read(dsse.from_json(item)) for item in items] if isinstance(items, list) else []
    vectors = [vector for contribution in found for vector in contribution.vectors]
    enclosing.content([*_accepted(body.get("bundles")), *vectors])


def _outcome(enclosing: Enclosing, body: Mapping[str, Json]) -> None:
    index = body.get("index")
    if isinstance(index, int):
        enclosing.proven(index)


def _accepted(items: Json) -> list[str]:
    """Digests of the accept bitmaps of relayed bundles."""
    found = [item["bundle"] for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [Bundle.read(dsse.from_json(bundle)).accepts for bundle in found]


_QUESTIONS: Final[Mapping[str, Callable[[Enclosing, Mapping[str, Json]], None]]] = MappingProxyType(
    {"log": _log, "plan": _plan, "bundles": _bundles, "open": _open, "outcome": _outcome}
)
