"""The act of delivering as one transaction: the authorization's counter, the usage event, evidence, the receipt.

What may be delivered is decided before (`sandbox.scores.fetching`, `sandbox.aggregates.fetching`); a unit is one sealed
score or one sealed table. Every delivery counts and is billed, also one of what was delivered before: only the very same
request, told by its idempotency key, gets its first answer again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.job import Receipt
from policies.documents.trust import Role
from policies.log.entry import Entry, EntryType, instant
from sandbox.district import District
from sandbox.documents.evidence import record
from sandbox.documents.halting import COMMITMENTS_PER_ENTRY
from sandbox.jobs.docket import Docket
from sandbox.pricing.tariff import Tariff, tariff_of
from sandbox.pricing.usage import Usage, store_usage
from sandbox.store.database import Transaction
from sandbox.store.tables import counters

# Built once: at this rate the building of a statement costs more than its execution.
_COUNTER: Final = select(counters.c.value).where(counters.c.name == bindparam("name"))
_NEW_COUNT: Final = insert(counters)
_COUNT: Final = _NEW_COUNT.on_conflict_do_update(
    index_elements=["name"], set_={"value": counters.c.value + _NEW_COUNT.excluded.value}
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One delivered result: its release, its slot there (0 for a table), the consent's commitment if it is a person's."""

    release: str
    slot: int
    commitment: str | None


def tariff_under(docket: Docket) -> Tariff | None:
    """What a unit costs under the docket's authorization; None when its papers are not all here, which denies."""
    if docket.scenario_document is None or docket.price_document is None:
        return None
    purpose = docket.scenario_document.purpose.purpose_class
    return tariff_of(docket.price_document, filing=docket.document.price_filing, purpose=purpose)


def delivered(connection: Connection, authorization: str) -> int:
    """Units delivered so far under an authorization."""
    return int(connection.execute(_COUNTER, {"name": _counter(authorization)}).scalar() or 0)


def deliver(
    district: District,
    transaction: Transaction,
    units: Sequence[Unit],
    *,
    recipient: str,
    docket: Docket,
    tariff: Tariff,
) -> Envelope:
    """Count, meter, record and receipt the delivery of `units`; returns the receipt."""
    authorization, scenario = docket.digest, docket.document.scenario
    counted = {"name": _counter(authorization), "value": len(units)}
    transaction.connection.execute(_COUNT, counted)
    event_id = secrets.token_hex(16)
    at = instant(int(district.now))
    deliveries = strict_json.digest([{"release": unit.release, "slot": unit.slot} for unit in units])
    receipt = Receipt(
        id=f"receipt-{event_id}",
        operator=district.trust.sole(Role.OPERATOR).id,
        recipient=recipient,
        authorization=authorization,
        deliveries=deliveries,
        units=len(units),
        unit_price=format(tariff.unit_price, "f"),
        currency=tariff.currency,
        delivered_at=at,
    ).envelope(district.keys.identity)
    usage = Usage(
        id=event_id,
        at=at,
        recipient=recipient,
        scenario=scenario,
        authorization=authorization,
        units=len(units),
        tariff=tariff,
        receipt=receipt,
    )
    store_usage(transaction, usage, source=district.trust.log.origin)
    digests = {"authorization": authorization, "receipt": receipt.digest}
    entries = [
        Entry(
            type=EntryType.DELIVERY,
            at=at,
            actor=recipient,
            scenario=scenario,
            digests=digests,
            commitments=tuple(unit.commitment for unit in page if unit.commitment is not None),
            facts={"units": len(page), "usage": event_id},
        )
        for page in _pages(units)
    ]
    record(district, transaction, *entries)
    return receipt


def _pages(units: Sequence[Unit]) -> list[Sequence[Unit]]:
    return [
        units[start : start + COMMITMENTS_PER_ENTRY] for start in range(0, len(units), COMMITMENTS_PER_ENTRY)
    ]


def _counter(authorization: str) -> str:
    return f"delivered/{authorization}"
