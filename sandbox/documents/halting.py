"""Stopping: a suspension or revocation is checked, logged and checkpointed at once.

Rules this module decides:

- Who may stop what is `policies.authorization.may_suspend` and `may_revoke`; the document must be signed by the party it
  says it is `by`. A scenario's partner, who signed the authorization too, may also suspend the authorization.
- The entry stands in the transaction that stores the document, with the target that every witness applies.
- A revocation of consents ends those registered under the named commitments and is written as `withdrawal` entries of at
  most 20 commitments, so that each stays within 2,048 bytes. A commitment nobody registered is logged all the same: the
  enclaves may know it. A service ends only consents of its own.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from policies.authorization import SignaturesMissing, may_revoke, may_suspend
from policies.documents.authorization import Authorization, Scenario
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.halts import Revocation, RevocationTarget, Suspension, SuspensionTarget
from policies.documents.model import Model
from policies.errors import PolicyError
from policies.log.entry import Entry, EntryType, Target, instant
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.evidence import record
from sandbox.documents.registry import Stored
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed
from sandbox.store.tables import consents

COMMITMENTS_PER_ENTRY: Final = 20


class HaltRefused(PolicyError):
    """A party that may not stop what it names."""

    code = "halt_not_allowed"


def post_document(
    district: District, transaction: Transaction, envelope: Envelope, *, actor: str
) -> tuple[Stored, list[Target]]:
    """Keep a document that came through the front door, log what it stops, and return that too."""
    if envelope.kind not in registry.POSTABLE:
        raise Malformed(f"expected a document to be posted here, got a `{envelope.kind[:40]}`")
    known = registry.find(transaction.connection, envelope.digest)
    document = registry.read_document(envelope)
    entries: list[Entry] = []
    if known is None and isinstance(document, Suspension):
        entries = _suspend(district, transaction, document, envelope)
    if known is None and isinstance(document, Revocation):
        entries = _revoke(district, transaction, document, envelope)
    stored = registry.store_document(district, transaction, envelope, actor=actor)
    if entries:
        record(district, transaction, *entries)
    return stored, [entry.target for entry in entries if entry.target is not None]


def _suspend(
    district: District, transaction: Transaction, document: Suspension, envelope: Envelope
) -> list[Entry]:
    _check_by(district, envelope, document.by)
    target = _document(transaction, document.target.digest)
    if not (may_suspend(document, target, district.trust) or _is_partner(transaction, document, target)):
        raise HaltRefused(
            f"expected a party that signed what it suspends, or the agency, got `{document.by}`"
        )
    kind = document.target.kind
    target_id = document.target.party if kind is SuspensionTarget.PARTY else document.target.digest
    return [
        _entry(district, envelope, EntryType.SUSPENSION, by=document.by, target=Target(kind, str(target_id)))
    ]


def _revoke(
    district: District, transaction: Transaction, document: Revocation, envelope: Envelope
) -> list[Entry]:
    _check_by(district, envelope, document.by)
    found = [_document(transaction, digest) for digest in document.digests]
    models = [model for model in found if isinstance(model, Model)]
    if not may_revoke(document, district.trust, models=models):
        raise HaltRefused(f"expected a party that may end what it revokes, got `{document.by}`")
    if document.target is RevocationTarget.CONSENT:
        return _withdraw(district, transaction, document, envelope)
    return [
        _entry(
            district, envelope, EntryType.REVOCATION, by=document.by, target=Target(document.target, digest)
        )
        for digest in document.digests
    ]


def _withdraw(
    district: District, transaction: Transaction, document: Revocation, envelope: Envelope
) -> list[Entry]:
    mine = (consents.c.commitment.in_(document.digests)) & (consents.c.service == document.by)
    others = (consents.c.commitment.in_(document.digests)) & (consents.c.service != document.by)
    if transaction.connection.execute(select(consents.c.id).where(others).limit(1)).first() is not None:
        raise HaltRefused(f"expected consents registered by `{document.by}`, got another service's")
    transaction.connection.execute(update(consents).where(mine).values(withdrawn=True))
    digests = document.digests
    return [
        Entry(
            type=EntryType.WITHDRAWAL,
            at=instant(int(district.now)),
            actor=document.by,
            digests={"revocation": envelope.digest},
            commitments=digests[start : start + COMMITMENTS_PER_ENTRY],
        )
        for start in range(0, len(digests), COMMITMENTS_PER_ENTRY)
    ]


def _check_by(district: District, envelope: Envelope, by: str) -> None:
    party = district.party(by)
    if party is None or party.key.keyid not in envelope.signers([party.key]):
        raise SignaturesMissing(f"expected a {envelope.kind} signed by `{by}`, got no such signature")


def _is_partner(transaction: Transaction, document: Suspension, target: Document | None) -> bool:
    if not isinstance(target, Authorization):
        return False
    scenario = _document(transaction, target.scenario)
    return isinstance(scenario, Scenario) and scenario.partner == document.by


def _document(transaction: Transaction, digest: str | None) -> Document | None:
    stored = registry.find(transaction.connection, digest) if digest else None
    return None if stored is None else registry.read_document(stored.envelope)


def _entry(district: District, envelope: Envelope, kind: EntryType, *, by: str, target: Target) -> Entry:
    return Entry(
        type=kind,
        at=instant(int(district.now)),
        actor=by,
        digests={envelope.kind: envelope.digest},
        target=target,
    )
