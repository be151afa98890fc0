"""First answers: the same write with the same idempotency key gets the answer it got before.

Rules: the key belongs to the party; request (method, target, body) and answer are stored in the transaction of the act
itself, so that an act and the memory of it are never apart. The same key for another request is a conflict. Answers are
kept 24 hours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from sandbox.store.database import Transaction
from sandbox.store.errors import IdempotencyConflict
from sandbox.store.tables import answers

KEPT_S: Final = 24 * 3600
_FIND: Final = select(answers.c.request, answers.c.status, answers.c.body).where(
    answers.c.party == bindparam("party"), answers.c.key == bindparam("key")
)
_REMEMBER: Final = insert(answers)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class WriteKey:
    """Whose write it is, under which key, and the SHA-256 of method, target and body."""

    party: str
    key: str
    request: str

    @classmethod
    def of(cls, party: str, key: str, *, method: str, target: str, body: bytes) -> WriteKey:
        text = f"{method} {target}\n".encode() + hashlib.sha256(body).digest()
        return cls(party, key, hashlib.sha256(text).hexdigest())


def first_answer(connection: Connection, key: WriteKey) -> Answer | None:
    """What was answered before; raise `IdempotencyConflict` if the key stood for another request."""
    row = connection.execute(_FIND, {"party": key.party, "key": key.key}).first()
    if row is None:
        return None
    if row.request != key.request:
        raise IdempotencyConflict("expected the request this idempotency key stands for, got another")
    return Answer(row.status, bytes(row.body))


def remember_answer(transaction: Transaction, key: WriteKey, *, answer: Answer, now: float) -> None:
    """Store the first answer in the transaction of the act."""
    transaction.connection.execute(
        _REMEMBER,
        {
            "party": key.party,
            "key": key.key,
            "request": key.request,
            "status": answer.status,
            "body": answer.body,
            "at": now,
        },
    )


def forget_answers(transaction: Transaction, *, now: float) -> None:
    """Drop answers past their day."""
    transaction.connection.execute(delete(answers).where(answers.c.at < now - KEPT_S))
