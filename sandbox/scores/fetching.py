"""Fetching: the last look before a sealed score is handed over, and the act itself as one transaction.

Rules this module decides:

1. Each consent is looked at by itself: registered for this scenario and this recipient, not withdrawn, not expired, with a
   sealed score for this recipient that is not expired. What fails is refused by its code, and nothing else is said of it.
2. The rest is one question to the decision point (action `deliver`): authorization and scenario in force and not
   suspended, model not revoked, price in force and within its cap, fetches left for all that are asked. A yes holds for
   the same question within the same second, as long as nothing new was halted and the quota lasts; a no is never kept.
3. Delivery is one transaction (`sandbox.jobs.delivering`): the authorization's counter, the usage event, the `delivery` entry
   with the salted commitments, the receipt. Its first answer is stored with it, so that the same request again bills nothing.
4. Every refusal is recorded (RQ-169).

Honest limit (design.md §3): the scores are already sealed to the recipient; this check trusts the coordinator.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from policies.decision.decide import Decision
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from policies.log.entry import Entry, EntryType, instant
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.evidence import record
from sandbox.jobs.delivering import Unit, deliver, delivered, tariff_under
from sandbox.jobs.docket import Docket, docket_of
from sandbox.jobs.judge import judge_delivery, reason_of
from sandbox.pricing.tariff import Tariff
from sandbox.scores.shelf import bitmap_bytes, proof
from sandbox.store.database import Transaction
from sandbox.store.tables import consents, releases, scores

MAX_CONSENTS: Final = 1000
_PERMITTED_KEPT: Final = 4096

# Built once: at this rate the building of a statement costs more than its execution.
_CONSENTS: Final = select(consents).where(consents.c.id.in_(bindparam("ids", expanding=True)))
_SCORES: Final = (
    select(scores, releases)
    .join(releases, scores.c.release == releases.c.seq)
    .where(
        scores.c.authorization == bindparam("authorization"),
        scores.c.consent.in_(bindparam("ids", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """A consent that stands, with its sealed slot."""

    consent: bytes
    commitment: str
    release: str
    slot: int
    position: int
    slots: int
    slot_bytes: int
    attachment: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Fetch:
    """What came of a fetch: its answer, and the decision when the whole of it was denied."""

    results: list[Json]
    releases: dict[str, Json]
    receipt: Json
    codes: tuple[str, ...]
    denied: Decision | None

    def to_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {
            "results": self.results,
            "releases": self.releases,
            "receipt": self.receipt,
        }
        return told if self.denied is None else {**told, "denied": reason_of(self.denied)}


def fetch(
    district: District,
    transaction: Transaction,
    *,
    recipient: str,
    authorization: str,
    consent_ids: Sequence[bytes],
) -> Fetch:
    """Hand over what may be handed over to `recipient`; raise `NotFound` for an unknown authorization."""
    connection = transaction.connection
    docket = docket_of(district, connection, authorization)
    tariff = tariff_under(docket)
    looked = _look(district, connection, consent_ids, recipient=recipient, docket=docket)
    found = [item for item in looked if isinstance(item, Found)]
    denied = _denial(district, connection, found, recipient=recipient, docket=docket, tariff=tariff)
    if denied is not None:
        looked = [denied.codes[0] if isinstance(item, Found) else item for item in looked]
        found = []
    receipt = None
    if found and tariff is not None:
        units = [Unit(item.release, item.slot, item.commitment) for item in found]
        receipt = deliver(district, transaction, units, recipient=recipient, docket=docket, tariff=tariff)
    codes = tuple(item for item in looked if isinstance(item, str))
    if codes:
        record(district, transaction, _refusal(district, recipient, docket, codes))
    return Fetch(
        results=[_result(district, i, item) for i, item in zip(consent_ids, looked, strict=True)],
        releases={item.release: item.envelope.to_json() for item in found},
        receipt=None if receipt is None else receipt.to_json(),
        codes=codes,
        denied=denied,
    )


def _look(
    district: District,
    connection: Connection,
    ids: Sequence[bytes],
    *,
    recipient: str,
    docket: Docket,
) -> list[Found | str]:
    """For each consent its sealed slot, or the code of what fails, in the order asked for."""
    known = {
        bytes(row.id): row
        for row in connection.execute(_CONSENTS, {"ids": ids})
        if (row.scenario, row.recipient) == (docket.document.scenario, recipient)
    }
    asked = {"ids": ids, "authorization": docket.digest}
    shelved = {
        bytes(row.consent): row for row in connection.execute(_SCORES, asked) if row.recipient == recipient
    }
    envelopes = {row.digest: registry.parsed(bytes(row.envelope)) for row in shelved.values()}
    looked: list[Found | str] = []
    for consent in ids:
        code = _standing(known.get(consent), shelved.get(consent), now=district.now)
        looked.append(code or _found(consent, known[consent], shelved[consent], envelopes))
    return looked


def _standing(consent: Row[Any] | None, score: Row[Any] | None, *, now: float) -> str | None:
    """Why this consent's score may not be handed over; None when it may."""
    if consent is None:
        return "consent_missing"
    if consent.withdrawn:
        return "consent_withdrawn"
    if consent.expires_at <= now:
        return "consent_expired"
    if score is None:
        return "score_not_found"
    return "score_expired" if score.expires_at <= now else None


def _found(consent: bytes, known: Row[Any], score: Row[Any], envelopes: Mapping[str, Envelope]) -> Found:
    return Found(
        consent=consent,
        commitment=known.commitment,
        release=score.digest,
        slot=score.slot,
        position=score.position,
        slots=score.slots,
        slot_bytes=score.slot_bytes,
        attachment=score.attachment,
        envelope=envelopes[score.digest],
    )


def _denial(
    district: District,
    connection: Connection,
    found: Sequence[Found],
    *,
    recipient: str,
    docket: Docket,
    tariff: Tariff | None,
) -> Decision | None:
    """The decision when delivering `found` is denied; None when it is allowed or there is nothing to deliver."""
    if not found:
        return None
    used = delivered(connection, docket.digest)
    releases = {item.release: item.envelope for item in found}
    question = (docket.digest, recipient, frozenset(releases), district.halts_version)
    second, scenario = int(district.now), docket.scenario_document
    enough = scenario is not None and used + len(found) <= scenario.limits.fetches
    if enough and district.permitted.get(question) == second:
        return None
    decision = judge_delivery(
        district,
        docket,
        recipient=recipient,
        releases=list(releases.values()),
        slots_accepted=len(found),
        fetches_used=used,
        unit_price=None if tariff is None else tariff.unit_price,
    )
    if not decision.allowed:
        return decision
    if len(district.permitted) >= _PERMITTED_KEPT:
        district.permitted.clear()
    district.permitted[question] = second
    return None


def _result(district: District, consent: bytes, item: Found | str) -> Json:
    if isinstance(item, str):
        return {"consent": consent.hex(), "status": "refused", "code": item}
    offset = bitmap_bytes(item.slots) + item.position * item.slot_bytes
    sealed = district.attachments.slice(item.attachment, offset, size=item.slot_bytes)
    path = proof(district.trees, item.release, item.slot, count=item.slots)
    return {
        "consent": consent.hex(),
        "status": "sealed",
        "release": item.release,
        "slot": item.slot,
        "sealed": base64.b64encode(sealed).decode(),
        "proof": [value.hex() for value in path],
    }


def _refusal(district: District, recipient: str, docket: Docket, codes: Sequence[str]) -> Entry:
    counted = sorted(Counter(codes).items())
    return Entry(
        type=EntryType.REFUSAL,
        at=instant(int(district.now)),
        actor=recipient,
        scenario=docket.document.scenario,
        digests={"authorization": docket.digest},
        facts={"action": "deliver", **{f"refused.{code}"[:64]: count for code, count in counted}},
    )
