"""One durable queue for each party.

Rules: a message belongs to the transaction of the act that sent it; messages are never changed and read by cursor, so that
reading twice is harmless. A message with a run is said once for (recipient, sender, topic, run): sending it again is a
repeat and changes nothing. The coordinator's own messages are handled by `sandbox.jobs.inbox` as they arrive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from policies.documents.strict_json import Json
from sandbox.district import District
from sandbox.store.database import Transaction
from sandbox.store.tables import mailbox_cursors, messages

PAGE: Final = 64


@dataclass(frozen=True, slots=True)
class Mail:
    """A message before it is stored. `run` is a run id or None; `attachments` are digests."""

    recipient: str
    topic: str
    run: str | None
    body: dict[str, Json]
    attachments: Sequence[str] = ()


def send(district: District, transaction: Transaction, *mails: Mail, sender: str) -> list[int]:
    """Store messages and return their numbers (of the first telling, for a repeat)."""
    return [_send_one(district, transaction, mail, sender=sender) for mail in mails]


def _send_one(district: District, transaction: Transaction, mail: Mail, *, sender: str) -> int:
    connection = transaction.connection
    stored = connection.execute(
        insert(messages)
        .values(
            recipient=mail.recipient,
            sender=sender,
            topic=mail.topic,
            run=mail.run,
            body=json.dumps(mail.body, ensure_ascii=False, separators=(",", ":")),
            attachments=json.dumps(list(mail.attachments)),
            sent_at=district.now,
        )
        .on_conflict_do_nothing()
        .returning(messages.c.seq)
    ).scalar()
    if stored is not None:
        transaction.after_commit.append(lambda: district.bell.ring(mail.recipient))
        return int(stored)
    first = select(messages.c.seq).where(
        messages.c.recipient == mail.recipient,
        messages.c.sender == sender,
        messages.c.topic == mail.topic,
        messages.c.run == mail.run,
    )
    return int(connection.execute(first).scalar_one())


def waiting(connection: Connection, party: str, *, after: int) -> list[dict[str, Json]]:
    """Up to a page of messages to `party` with a number above `after`, as the wire shows them."""
    rows = connection.execute(
        select(messages)
        .where(messages.c.recipient == party, messages.c.seq > after)
        .order_by(messages.c.seq)
        .limit(PAGE)
    )
    return [
        {
            "seq": row.seq,
            "sender": row.sender,
            "topic": row.topic,
            "run": row.run,
            "body": json.loads(row.body),
            "attachments": json.loads(row.attachments),
            "sent_at": int(row.sent_at),
        }
        for row in rows
    ]


def mark_read(transaction: Transaction, party: str, *, read_to: int) -> None:
    """Remember how far `party` says it has read; for the depth that operators watch, nothing else."""
    statement = insert(mailbox_cursors).values(party=party, read_to=read_to)
    transaction.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["party"], set_={"read_to": func.max(mailbox_cursors.c.read_to, read_to)}
        )
    )


def depths(connection: Connection) -> dict[str, int]:
    """Unread messages by party."""
    cursor = func.coalesce(mailbox_cursors.c.read_to, 0)
    rows = connection.execute(
        select(messages.c.recipient, func.count())
        .select_from(messages.outerjoin(mailbox_cursors, messages.c.recipient == mailbox_cursors.c.party))
        .where(messages.c.seq > cursor)
        .group_by(messages.c.recipient)
    )
    return {party: int(count) for party, count in rows}
