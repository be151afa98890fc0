"""Writing evidence: entries in the caller's transaction, checkpoints, and the post to the witnesses.

Rules this module decides:

- Entries are appended in the transaction of the act they record.
- An intent, an outcome, a suspension, a revocation or a withdrawal is checkpointed at once, in the same transaction, and
  the witnesses are mailed; everything else is checkpointed by the clock within a second.
- A witness has at most one `log` message unanswered: it fetches the newest head when it gets there. A message unanswered
  for `REMAIL_S` is repeated, and a witness that has been silent for `RENEW_S` is asked to renew its cosignature, because
  enclaves refuse a head older than ten minutes.

Source: protocols.md section 8, rule 8. The log itself is `sandbox.log`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from policies.log.entry import Entry, EntryType
from sandbox.district import District
from sandbox.mailboxes.mailbox import Mail, send
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed
from sandbox.store.tables import witnesses

AT_ONCE: Final = frozenset(
    {
        EntryType.INTENT,
        EntryType.OUTCOME,
        EntryType.SUSPENSION,
        EntryType.REVOCATION,
        EntryType.WITHDRAWAL,
    }
)
REMAIL_S: Final = 10.0
RENEW_S: Final = 240.0
LOG_BELL: Final = "log/"
"""Rung after a cosignature; no party is called so."""


def record(district: District, transaction: Transaction, *entries: Entry) -> list[int]:
    """Append `entries` and return their indexes; checkpoint and mail at once where the rules say so."""
    indexes = district.log.append(transaction.connection, entries)
    transaction.after_commit.append(lambda: district.apply(list(entries)))
    if any(entry.type in AT_ONCE for entry in entries):
        checkpoint(district, transaction)
    return indexes


def checkpoint(district: District, transaction: Transaction) -> None:
    """Sign the head as this transaction sees it and mail every witness that has nothing unanswered."""
    district.log.checkpoint(transaction.connection, key=district.keys.log, now=int(district.now))
    mail_witnesses(district, transaction)


def mail_witnesses(district: District, transaction: Transaction) -> None:
    """Mail `log` to each witness that lacks the newest checkpoint, or whose cosignature grows old."""
    connection, now = transaction.connection, district.now
    size = checkpointed_size(district, connection)
    known = {row.party: row for row in connection.execute(select(witnesses))}
    for party in district.trust.witnesses:
        row = known.get(party)
        cosigned_size, cosigned_at = (row.cosigned_size, row.cosigned_at) if row else (0, 0.0)
        mailed_size, mailed_at = (row.mailed_size, row.mailed_at) if row else (0, 0.0)
        unanswered = mailed_at > cosigned_at and now - mailed_at < REMAIL_S and mailed_size > 0
        behind = cosigned_size < size or now - cosigned_at > RENEW_S
        if not behind or unanswered:
            continue
        send(district, transaction, Mail(party, "log", run=None, body={"size": size}), sender=district.me)
        _note_witness(transaction, party, mailed_size=size, mailed_at=now)


def accept_cosignature(
    district: District, transaction: Transaction, *, witness: str, size: int, line: str
) -> None:
    """Store a verified cosignature of `witness` and mail it again if the log has moved on meanwhile."""
    if district.log.add_cosignature(transaction.connection, size, line) != witness:
        raise Malformed("expected the caller's own cosignature, got another witness's")
    _note_witness(transaction, witness, cosigned_size=size, cosigned_at=district.now)
    mail_witnesses(district, transaction)
    transaction.after_commit.append(lambda: district.bell.ring(LOG_BELL))


def checkpointed_size(district: District, connection: Connection) -> int:
    """The size of the newest checkpoint; 0 without one."""
    return int(connection.execute(select(func.max(district.log.tables.checkpoint.c.size))).scalar() or 0)


def latest_note(district: District, connection: Connection) -> tuple[str, int] | None:
    """The newest checkpoint note, cosigned or not, with its size."""
    table = district.log.tables.checkpoint
    row = connection.execute(
        select(table.c.note, table.c.size).order_by(table.c.size.desc()).limit(1)
    ).first()
    return None if row is None else (row.note, row.size)


def _note_witness(transaction: Transaction, party: str, **values: float) -> None:
    fresh = {"mailed_size": 0, "mailed_at": 0.0, "cosigned_size": 0, "cosigned_at": 0.0, **values}
    transaction.connection.execute(
        insert(witnesses)
        .values(party=party, **fresh)
        .on_conflict_do_update(index_elements=["party"], set_=values)
    )
