"""The consent service's own record: which random id stands for which person. It never leaves the service.

Everything is committed before it is sent, so that a consent that any enclave has seen can still be withdrawn after a
crash; what was recorded but not yet sent is sent by `resume`. Deleting a row's salt erases the link from the log's
commitment to the consent (protocols.md section 8).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policies.documents import envelope as dsse
from policies.documents.consent import Grant
from policies.documents.envelope import Envelope
from policies.resident import ResidentId
from sandbox.client.errors import InputMalformed, NothingYet

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS heads (
    digest TEXT PRIMARY KEY, scenario TEXT NOT NULL, envelope BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS grants (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, person TEXT NOT NULL, salt BLOB NOT NULL,
    expires_at INTEGER NOT NULL, head TEXT NOT NULL REFERENCES heads, scenario TEXT NOT NULL,
    recipient TEXT NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS grants_by_person ON grants (scenario, recipient, person);
CREATE INDEX IF NOT EXISTS grants_by_head ON grants (head, seq);
CREATE TABLE IF NOT EXISTS withdrawals (
    digest TEXT PRIMARY KEY, scenario TEXT NOT NULL, envelope BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One consent as the service records it."""

    grant: Grant
    scenario: str
    recipient: str
    withdrawn: bool

    @property
    def id(self) -> str:
        """The consent id, 32 hex digits."""
        return self.grant.id.hex()


@dataclass(frozen=True, slots=True)
class Unsent:
    """A signed document that was recorded and still has to be sent."""

    digest: str
    scenario: str
    envelope: Envelope


class ConsentRecords:
    """An SQLite file, mode 0600."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.touch(mode=0o600)
        self._path = path
        with self._connect() as connection:
            connection.executescript(_TABLES)

    def add(self, head: Envelope, grants: Sequence[Grant], *, scenario: str, recipient: str) -> None:
        """Record a batch under its signed head."""
        rows = [(g.id, g.person.text, g.salt, g.expires_at, head.digest, scenario, recipient) for g in grants]
        with self._connect() as connection, connection:
            connection.execute(
                "INSERT INTO heads (digest, scenario, envelope) VALUES (?, ?, ?)",
                (head.digest, scenario, head.to_bytes()),
            )
            connection.executemany(
                "INSERT INTO grants (id, person, salt, expires_at, head, scenario, recipient)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def active(
        self, persons: Iterable[ResidentId], *, scenario: str, recipient: str, now: int
    ) -> dict[ResidentId, Recorded]:
        """The consents in force of these persons for a scenario and recipient."""
        found = {}
        with self._connect() as connection:
            for person in persons:
                row = connection.execute(
                    "SELECT id, person, expires_at, salt, scenario, recipient, withdrawn FROM grants"
                    " WHERE scenario = ? AND recipient = ? AND person = ? AND withdrawn = 0 AND expires_at > ?"
                    " ORDER BY seq DESC LIMIT 1",
                    (scenario, recipient, person.text, now),
                ).fetchone()
                if row is not None:
                    found[person] = _recorded(row)
        return found

    def by_head(self, head: str) -> list[Grant]:
        """The grants of a batch in their packed order."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT id, person, expires_at, salt, scenario, recipient, withdrawn FROM grants"
                " WHERE head = ? ORDER BY seq",
                (head,),
            ).fetchall()
        return [_recorded(row).grant for row in rows]

    def get(self, ids: Sequence[str]) -> list[Recorded]:
        """The consents with these ids (hex), in order; raise NothingYet for one that is not recorded."""
        found = []
        with self._connect() as connection:
            for consent in ids:
                row = connection.execute(
                    "SELECT id, person, expires_at, salt, scenario, recipient, withdrawn FROM grants WHERE id = ?",
                    (_id(consent),),
                ).fetchone()
                if row is None:
                    raise NothingYet("expected recorded consents, got an id that is not")
                found.append(_recorded(row))
        return found

    def of_recipient(self, recipient: str, *, scenario: str | None = None) -> Iterator[Recorded]:
        """All consents for a recipient, in the order granted."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT id, person, expires_at, salt, scenario, recipient, withdrawn FROM grants"
                " WHERE recipient = ? AND (? IS NULL OR scenario = ?) ORDER BY seq",
                (recipient, scenario, scenario),
            ).fetchall()
        return map(_recorded, rows)

    def withdraw(self, revocation: Envelope, ids: Sequence[str], *, scenario: str) -> None:
        """Record the withdrawal of `ids` and the signed document that says so."""
        with self._connect() as connection, connection:
            connection.execute(
                "INSERT INTO withdrawals (digest, scenario, envelope) VALUES (?, ?, ?)",
                (revocation.digest, scenario, revocation.to_bytes()),
            )
            connection.executemany(
                "UPDATE grants SET withdrawn = 1 WHERE id = ?", [(_id(consent),) for consent in ids]
            )

    def unsent_heads(self) -> list[Unsent]:
        return self._unsent("SELECT digest, scenario, envelope FROM heads WHERE sent = 0")

    def unsent_withdrawals(self) -> list[Unsent]:
        return self._unsent("SELECT digest, scenario, envelope FROM withdrawals WHERE sent = 0")

    def mark_sent(self, digest: str) -> None:
        """A head or withdrawal has reached everybody."""
        with self._connect() as connection, connection:
            connection.execute("UPDATE heads SET sent = 1 WHERE digest = ?", (digest,))
            connection.execute("UPDATE withdrawals SET sent = 1 WHERE digest = ?", (digest,))

    def _unsent(self, query: str) -> list[Unsent]:
        with self._connect() as connection:
            rows = connection.execute(query).fetchall()
        return [Unsent(digest, scenario, dsse.parse(bytes(envelope))) for digest, scenario, envelope in rows]

    def _connect(self) -> closing[sqlite3.Connection]:
        connection = sqlite3.connect(self._path)
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        return closing(connection)


def _recorded(row: tuple[bytes, str, int, bytes, str, str, int]) -> Recorded:
    consent, person, expires_at, salt, scenario, recipient, withdrawn = row
    grant = Grant(bytes(consent), ResidentId(person), expires_at, bytes(salt))
    return Recorded(grant, scenario, recipient, bool(withdrawn))


def _id(consent: str) -> bytes:
    try:
        return bytes.fromhex(consent)
    except ValueError:
        raise InputMalformed("expected a consent id of 32 hex digits, got other text") from None
