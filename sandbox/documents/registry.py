"""Documents as the coordinator keeps them: verified signatures merged, first storing and completion in the evidence log.

Rules this module decides:

- A document is read strictly before anything of it is believed; only kinds of `POSTABLE` come through the front door. Jobs,
  run messages and releases have doors of their own, with checks of their own.
- Only signatures that verify under a key of the trust root are kept, so that a stranger cannot fill a key id with noise.
- At least one of the parties whose signature the document needs must have signed; the rest may follow one by one.
- A `document` entry is written when a document is first stored and when its required signatures become complete.

Which signatures a document needs is `policies.authorization`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, insert, select, update

from policies.authorization import SignaturesMissing, required_signers, valid_signers
from policies.documents import envelope as dsse
from policies.documents.authorization import Authorization, Scenario
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.kinds import KINDS
from policies.log.entry import Entry, EntryType, instant
from sandbox.district import District
from sandbox.documents.evidence import record
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotFound
from sandbox.store.tables import documents

POSTABLE: Final = frozenset(
    {
        "party",
        "dataset",
        "overall-authorization",
        "scenario",
        "authorization",
        "model",
        "query",
        "paillier-key",
        "encrypted-weights",
        "output-review",
        "vetting-report",
        "price-filing",
        "suspension",
        "revocation",
    }
)
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored document: its merged envelope and who of the trust root signed it."""

    envelope: Envelope
    signers: tuple[str, ...]
    complete: bool
    log_index: int | None

    @property
    def digest(self) -> str:
        return self.envelope.digest


def read_document(envelope: Envelope) -> Document:
    """The document in `envelope`, strictly read; raise `Malformed` for a kind nobody knows."""
    model = KINDS.get(envelope.kind)
    if model is None:
        raise Malformed(f"expected a known document kind, got `{envelope.kind[:40]}`")
    return model.read(envelope)


def verified_only(district: District, envelope: Envelope) -> Envelope:
    """`envelope` with the signatures of the trust root's parties that verify, and no others."""
    good = envelope.signers(district.identity_keys.values())
    return replace(envelope, signatures=tuple(s for s in envelope.signatures if s.keyid in good))


def store_document(district: District, transaction: Transaction, envelope: Envelope, *, actor: str) -> Stored:
    """Keep `envelope`, merged with what is there; idempotent."""
    document = read_document(envelope)
    envelope = verified_only(district, envelope)
    before = find(transaction.connection, envelope.digest)
    merged = envelope if before is None else before.envelope.merged(envelope)
    signers = tuple(sorted(_signers(district, merged)))
    required = required_signers(document, district.trust, scenario=_scenario(transaction, document))
    if not required & _signers(district, envelope):
        raise SignaturesMissing(f"expected a {merged.kind} signed by a party it needs, got none")
    complete = required <= set(signers)
    index = before.log_index if before else None
    if before is None or (complete and not before.complete):
        entry = _entry(district, document, merged, actor=actor, complete=complete)
        index = record(district, transaction, entry)[0]
    stored = Stored(merged, signers, complete, index)
    if before is None:
        _insert(transaction, stored, document.id)
    elif merged != before.envelope:
        _update(transaction, stored)
    return stored


def keep(district: District, transaction: Transaction, envelope: Envelope) -> str:
    """Keep a document that another room has checked and recorded (a job, plan, key or release); return its digest."""
    if find(transaction.connection, envelope.digest) is None:
        signers = tuple(sorted(_signers(district, envelope)))
        _insert(transaction, Stored(envelope, signers, True, None), read_document(envelope).id)
    return envelope.digest


def find(connection: Connection, digest: str) -> Stored | None:
    row = connection.execute(
        select(documents.c.envelope, documents.c.signers, documents.c.complete, documents.c.log_index).where(
            documents.c.digest == digest
        )
    ).first()
    if row is None:
        return None
    return Stored(parsed(bytes(row.envelope)), tuple(json.loads(row.signers)), row.complete, row.log_index)


@lru_cache(maxsize=1024)
def parsed(data: bytes) -> Envelope:
    """A stored envelope. Parsing is pure, and a fetch every few milliseconds cites the same documents again and again."""
    return dsse.parse(data)


def get(connection: Connection, digest: str) -> Stored:
    """The stored document; raise `NotFound`."""
    stored = find(connection, digest)
    if stored is None:
        raise NotFound(f"expected a stored document, got none with digest {digest[:16]}")
    return stored


def listing(
    connection: Connection, *, kind: str | None, after: int
) -> tuple[list[dict[str, object]], int | None]:
    """A page of what is stored and the cursor of the next, None at the end."""
    query = select(documents).where(documents.c.seq > after).order_by(documents.c.seq).limit(PAGE + 1)
    if kind is not None:
        query = query.where(documents.c.kind == kind)
    rows = connection.execute(query).all()
    items: list[dict[str, object]] = [
        {"digest": row.digest, "kind": row.kind, "id": row.id, "signers": json.loads(row.signers)}
        for row in rows[:PAGE]
    ]
    return items, rows[PAGE - 1].seq if len(rows) > PAGE else None


def _signers(district: District, envelope: Envelope) -> frozenset[str]:
    return valid_signers(envelope, district.trust, revoked_keys=district.halts.revoked_keys)


def _scenario(transaction: Transaction, document: Document) -> Scenario | None:
    """The scenario an authorization cites; it must be here first, because it names the partner who must sign."""
    if not isinstance(document, Authorization):
        return None
    return Scenario.read(get(transaction.connection, document.scenario).envelope)


def _entry(
    district: District, document: Document, envelope: Envelope, *, actor: str, complete: bool
) -> Entry:
    superseded = getattr(document, "supersedes", None)
    digests = {envelope.kind: envelope.digest} | ({"supersedes": superseded} if superseded else {})
    return Entry(
        type=EntryType.DOCUMENT,
        at=instant(int(district.now)),
        actor=actor,
        digests=digests,
        facts={"kind": envelope.kind, "complete": complete},
    )


def _insert(transaction: Transaction, stored: Stored, document_id: str) -> None:
    transaction.connection.execute(
        insert(documents).values(
            digest=stored.digest,
            kind=stored.envelope.kind,
            id=document_id,
            envelope=stored.envelope.to_bytes(),
            signers=json.dumps(stored.signers),
            complete=stored.complete,
            log_index=stored.log_index,
        )
    )


def _update(transaction: Transaction, stored: Stored) -> None:
    transaction.connection.execute(
        update(documents)
        .where(documents.c.digest == stored.digest)
        .values(
            envelope=stored.envelope.to_bytes(),
            signers=json.dumps(stored.signers),
            complete=stored.complete,
            log_index=stored.log_index,
        )
    )
