"""Consents as the coordinator knows them: a random id, for which scenario and recipient, until when, withdrawn or not.

Rules this module decides:

- Only the consent service named by the scenario registers, under a head it signed, and never more than the head counts.
- An id and a commitment each stand for one consent, once; registering the same page again changes nothing.
- The log gets the head's digest, with the first page. Who the person is, the coordinator never learns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, select

from policies.authorization import check_signed
from policies.documents.authorization import Scenario
from policies.documents.consent import MAX_UNIX_SECONDS, Consent
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from policies.documents.trust import PartyEntry
from policies.log.entry import Entry, EntryType, instant
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.evidence import record
from sandbox.scores.errors import ConsentConflict
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotAllowed
from sandbox.store.tables import consents

PAGE: Final = 500
_ID: Final = re.compile("[0-9a-f]{32}")
_COMMITMENT: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Item:
    """One consent of a page: 16 bytes of id, expiry in Unix seconds, salted commitment."""

    id: bytes
    expires_at: int
    commitment: str

    @classmethod
    def parse(cls, value: Json) -> Item:
        if not isinstance(value, dict) or set(value) != {"id", "expires_at", "commitment"}:
            raise Malformed("expected items with id, expires_at and commitment")
        consent_id, expires_at, commitment = value["id"], value["expires_at"], value["commitment"]
        if not isinstance(consent_id, str) or not _ID.fullmatch(consent_id):
            raise Malformed("expected a consent id of 32 hex digits")
        if type(expires_at) is not int or not 0 <= expires_at <= MAX_UNIX_SECONDS:
            raise Malformed("expected expires_at in Unix seconds")
        if not isinstance(commitment, str) or not _COMMITMENT.fullmatch(commitment):
            raise Malformed("expected a commitment of 64 hex digits")
        return cls(bytes.fromhex(consent_id), expires_at, commitment)


def register(
    district: District, transaction: Transaction, envelope: Envelope, *, items: list[Item], caller: PartyEntry
) -> int:
    """Register a page of one head; returns how many of it now stand."""
    head = Consent.read(envelope)
    check_signed(envelope, head, district.trust, revoked_keys=district.halts.revoked_keys)
    _check_place(transaction, head, caller)
    if not 1 <= len(items) <= PAGE or len({item.id for item in items}) != len(items):
        raise Malformed(f"expected 1 to {PAGE} consents, each once")
    connection = transaction.connection
    if registry.find(connection, envelope.digest) is None:
        registry.keep(district, transaction, envelope)
        record(district, transaction, _entry(district, head, envelope))
    fresh = [item for item in items if not _known(connection, item, envelope.digest)]
    known = _registered(connection, envelope.digest)
    if known + len(fresh) > head.count:
        raise ConsentConflict(f"expected at most {head.count} consents under this head, got more")
    if fresh:
        connection.execute(insert(consents), [_row(item, head, envelope.digest) for item in fresh])
    return len(items)


def listing(
    district: District,
    connection: Connection,
    *,
    scenario: str,
    recipient: str,
    after: str,
    caller: PartyEntry,
) -> dict[str, Json]:
    """A page of consents for the service that registered them or the recipient they name."""
    query = (
        select(consents)
        .where(consents.c.scenario == scenario, consents.c.recipient == recipient)
        .where(consents.c.id > bytes.fromhex(after))
        .order_by(consents.c.id)
        .limit(PAGE + 1)
    )
    if caller.id != recipient:
        query = query.where(consents.c.service == caller.id)
    rows = connection.execute(query).all()
    items: list[Json] = [
        {
            "id": bytes(row.id).hex(),
            "state": state(row.withdrawn, row.expires_at, now=district.now),
            "expires_at": row.expires_at,
        }
        for row in rows[:PAGE]
    ]
    return {"items": items, "next": bytes(rows[PAGE - 1].id).hex() if len(rows) > PAGE else None}


def state(withdrawn: bool, expires_at: int, *, now: float) -> str:
    """`granted`, `withdrawn` or `expired`."""
    if withdrawn:
        return "withdrawn"
    return "granted" if expires_at > now else "expired"


def _check_place(transaction: Transaction, head: Consent, caller: PartyEntry) -> None:
    scenario = Scenario.read(registry.get(transaction.connection, head.scenario).envelope)
    if not caller.id == head.service == scenario.consent.service:
        raise NotAllowed("expected the consent service of the scenario, got another party")
    if head.recipient not in scenario.recipients:
        raise ConsentConflict("expected a recipient of the scenario, got another party")


def _known(connection: Connection, item: Item, head: str) -> bool:
    """Whether exactly this consent is registered; raise `ConsentConflict` if its id or commitment is, otherwise."""
    same = (consents.c.id == item.id) | (consents.c.commitment == item.commitment)
    rows = connection.execute(select(consents).where(same)).all()
    if not rows:
        return False
    stated = (item.id, item.expires_at, item.commitment, head)
    if [(bytes(r.id), r.expires_at, r.commitment, r.head) for r in rows] != [stated]:
        raise ConsentConflict("expected a consent not registered before, got its id or commitment again")
    return True


def _registered(connection: Connection, head: str) -> int:
    query = select(func.count()).select_from(consents).where(consents.c.head == head)
    return int(connection.execute(query).scalar_one())


def _row(item: Item, head: Consent, digest: str) -> dict[str, object]:
    return {
        "id": item.id,
        "head": digest,
        "scenario": head.scenario,
        "recipient": head.recipient,
        "service": head.service,
        "expires_at": item.expires_at,
        "commitment": item.commitment,
        "withdrawn": False,
    }


def _entry(district: District, head: Consent, envelope: Envelope) -> Entry:
    return Entry(
        type=EntryType.CONSENT,
        at=instant(int(district.now)),
        actor=head.service,
        scenario=head.scenario,
        digests={"consent": envelope.digest},
        facts={"count": head.count},
    )
