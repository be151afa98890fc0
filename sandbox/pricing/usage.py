"""Usage events: one for each delivery, stored in its transaction, in the shape of CloudEvents 1.0.

An event's id is unique; storing one twice is an error, so that replayed events never change a bill. An event names parties
and documents, never a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select

from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from sandbox.pricing.tariff import Tariff
from sandbox.store.database import Transaction
from sandbox.store.tables import usage_events

EVENT_TYPE: Final = "domicile.delivery.v1"
PAGE: Final = 1000
_STORE: Final = insert(usage_events)


@dataclass(frozen=True, slots=True)
class Usage:
    """One delivery as it is metered. `at` is RFC 3339 in UTC, `units` the scores delivered."""

    id: str
    at: str
    recipient: str
    scenario: str
    authorization: str
    units: int
    tariff: Tariff
    receipt: Envelope

    def event(self, source: str) -> dict[str, Json]:
        """The event as it is stored and served."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": EVENT_TYPE,
            "subject": self.authorization,
            "time": self.at,
            "data": {
                "recipient": self.recipient,
                "scenario": self.scenario,
                "authorization": self.authorization,
                "price_filing": self.tariff.filing,
                "price_class": self.tariff.price_class,
                "usage_form": self.tariff.usage_form,
                "purpose_class": self.tariff.purpose_class,
                "units": self.units,
                "receipt": self.receipt.digest,
            },
        }


def store_usage(transaction: Transaction, usage: Usage, *, source: str) -> None:
    """Store the event, with the receipt that was given for it, in the transaction of the delivery."""
    transaction.connection.execute(
        _STORE,
        {
            "id": usage.id,
            "period": usage.at[:7],
            "recipient": usage.recipient,
            "event": json.dumps(usage.event(source), separators=(",", ":")),
            "receipt": usage.receipt.to_bytes(),
        },
    )


def events(
    connection: Connection, period: str, *, recipient: str | None, after: int = 0
) -> tuple[list[Mapping[str, Json]], int | None]:
    """A page of a month's events (of one recipient, or of all) and the cursor of the next, None at the end."""
    query = (
        select(usage_events.c.seq, usage_events.c.event)
        .where(usage_events.c.period == period, usage_events.c.seq > after)
        .order_by(usage_events.c.seq)
        .limit(PAGE + 1)
    )
    if recipient is not None:
        query = query.where(usage_events.c.recipient == recipient)
    rows = connection.execute(query).all()
    return [json.loads(row.event) for row in rows[:PAGE]], rows[PAGE - 1].seq if len(rows) > PAGE else None
