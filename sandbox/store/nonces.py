"""Which request nonces have been seen: a replayed request is refused before anything is done for it.

(keyid, nonce) is committed before the request is processed, so that a crash in between loses the request and never the
memory of it. A nonce is kept 300 s: a signature lives 120 s at most and clocks may differ by 60 s.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert

from sandbox.store.database import Transaction
from sandbox.store.errors import RequestReplayed
from sandbox.store.tables import nonces

KEPT_S: Final = 300
_SPEND: Final = insert(nonces).on_conflict_do_nothing()


def spend_nonce(transaction: Transaction, keyid: str, *, nonce: str, now: float) -> None:
    """Remember (keyid, nonce); raise `RequestReplayed` if it is known."""
    row = {"keyid": keyid, "nonce": nonce, "seen_at": now}
    if transaction.connection.execute(_SPEND, row).rowcount != 1:
        raise RequestReplayed("expected a request not seen before, got one a second time")


def forget_nonces(transaction: Transaction, *, now: float) -> None:
    """Drop what no valid signature can repeat."""
    transaction.connection.execute(delete(nonces).where(nonces.c.seen_at < now - KEPT_S))
