"""Fetching a table: the last look before it is handed over, and the act itself as one transaction.

Rules this module decides:

1. There is a sealed table of this release under this authorization for this recipient, and it has not expired. To anybody
   else there is none: the answer does not say whether the release exists.
2. The rest is one question to the decision point (action `deliver-table`): authorization and scenario in force and not
   suspended, the release signed and made for this recipient, price in force and within its cap, a fetch left.
3. Delivery is one transaction (`sandbox.jobs.delivering`), a table being one unit. As with scores, a table that is fetched
   again is delivered and charged again, and the same request, told by its idempotency key, gets its first answer again.
4. Every refusal is recorded (RQ-169).

Honest limit (design.md §3): the table is already sealed to the recipient; this check trusts the coordinator.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from policies.decision.actions import Action
from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual
from policies.documents.strict_json import Json
from policies.log.entry import Entry, EntryType, instant
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.evidence import record
from sandbox.jobs.delivering import Unit, deliver, delivered, tariff_under
from sandbox.jobs.docket import Docket, docket_of
from sandbox.jobs.judge import judge_delivery, reason_of
from sandbox.store.database import Transaction
from sandbox.store.tables import sealed_tables

TABLE_SLOT: Final = 0
"""A table has no slots; a receipt names it as slot 0 of its release."""
_AGAIN: Final = Bilingual(
    zh="提交聚合作业并等待其完成后再取", en="submit an aggregate job, wait for its end, then fetch"
)
REASONS: Final = MappingProxyType(
    {
        "table_not_found": Bilingual(
            zh="没有放行给本接收方、本授权的该表",
            en="no such table was released to this recipient and authorization",
        ),
        "table_expired": Bilingual(zh="该表已过有效期", en="the table has expired"),
    }
)


@dataclass(frozen=True, slots=True)
class FetchedTable:
    """A delivered table: the gate's release, the sealed bytes, the receipt."""

    release: Envelope
    sealed: bytes
    receipt: Envelope

    def to_json(self) -> dict[str, Json]:
        return {
            "release": self.release.to_json(),
            "sealed": base64.b64encode(self.sealed).decode(),
            "receipt": self.receipt.to_json(),
        }


@dataclass(frozen=True, slots=True)
class TableRefused:
    """Why nothing is delivered: the members of a problem document."""

    reason: dict[str, Json]


def fetch_table(
    district: District, transaction: Transaction, *, recipient: str, authorization: str, release: str
) -> FetchedTable | TableRefused:
    """Hand the table of `release` over to `recipient` if it may be; raise `NotFound` for an unknown authorization."""
    connection = transaction.connection
    docket = docket_of(district, connection, authorization)
    row = _row(connection, docket, recipient=recipient, release=release)
    if row is None or row.expires_at <= district.now:
        reason = _state_reason("table_not_found" if row is None else "table_expired")
        return _refused(district, transaction, docket, reason, recipient=recipient)
    envelope, tariff = registry.parsed(bytes(row.envelope)), tariff_under(docket)
    decision = judge_delivery(
        district,
        docket,
        recipient=recipient,
        releases=[envelope],
        slots_accepted=1,
        fetches_used=delivered(connection, docket.digest),
        unit_price=None if tariff is None else tariff.unit_price,
        action=Action.DELIVER_TABLE,
    )
    if not decision.allowed or tariff is None:
        return _refused(district, transaction, docket, reason_of(decision), recipient=recipient)
    units = [Unit(release, TABLE_SLOT, None)]
    receipt = deliver(district, transaction, units, recipient=recipient, docket=docket, tariff=tariff)
    return FetchedTable(envelope, district.attachments.read(row.attachment), receipt)


def _row(connection: Connection, docket: Docket, *, recipient: str, release: str) -> Row[Any] | None:
    return connection.execute(
        select(sealed_tables).where(
            sealed_tables.c.release == release,
            sealed_tables.c.authorization == docket.digest,
            sealed_tables.c.recipient == recipient,
        )
    ).first()


def _refused(
    district: District,
    transaction: Transaction,
    docket: Docket,
    reason: dict[str, Json],
    *,
    recipient: str,
) -> TableRefused:
    entry = Entry(
        type=EntryType.REFUSAL,
        at=instant(int(district.now)),
        actor=recipient,
        scenario=docket.document.scenario,
        digests={"authorization": docket.digest},
        facts={"action": Action.DELIVER_TABLE.value, "code": str(reason["code"])[:64]},
    )
    record(district, transaction, entry)
    return TableRefused(reason)


def _state_reason(code: str) -> dict[str, Json]:
    reason = REASONS[code]
    return {
        "code": code,
        "policy": code.replace("_", "-"),
        "reason": {"zh": reason.zh, "en": reason.en},
        "change": {"zh": _AGAIN.zh, "en": _AGAIN.en},
        "where": "release",
    }
