"""What this domain has told whom: the lineage of every account, sealed in the enclave's durable file, and its counts.

Rules:
1. An **account** is everybody who could put answers together: the organization that asks, its affiliates included
   (`policies.aggregate.account`), whatever the scenario.
2. The lineage after an answer is durable, together with the session's one-shot mark, before the answer leaves.
3. Answering the same question of the same snapshot again counts no further predicate: a further attempt of a job, or the same
   text another time.
4. An answer of which nothing at all is left counts as a refusal of its scenario; after `refusals_per_scenario` people look
   first, and say so (`look`): only refusals since then count. What was admitted and refused is listed for the department
   (`asked`), with the privacy it cost.

Sealed with AES-GCM under a key of the domain, the account its associated data. protocols.md section 6.3.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enclaves.errors import EnclaveError
from enclaves.run.durable import Durable
from policies.atoms.history import History
from policies.disclosure.limits import Limits

_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"domicile/lineage/1\x00"
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS lineages (account TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS lineage_pieces (
        account TEXT NOT NULL, piece INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (account, piece)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS asked (
        entry INTEGER PRIMARY KEY, account TEXT NOT NULL, scenario TEXT NOT NULL, snapshot TEXT NOT NULL,
        question TEXT NOT NULL, job TEXT NOT NULL, at INTEGER NOT NULL, statement TEXT NOT NULL,
        released INTEGER NOT NULL, report TEXT NOT NULL, rho TEXT, UNIQUE (account, snapshot, question, job))""",
    """CREATE TABLE IF NOT EXISTS looks (
        look INTEGER PRIMARY KEY, scenario TEXT NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, upto INTEGER NOT NULL)""",
)


class LineageUnreadable(EnclaveError):
    """A stored lineage that does not open under this domain's key: refused, never started anew."""

    code = "lineage_unreadable"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as the department sees it: who asked what when, how many cells left, why others did not, at what rho."""

    account: str
    scenario: str
    snapshot: str
    question: str
    job: str
    at: int
    statement: str
    released: int
    report: str
    rho: str | None


class Lineages:
    """The lineages and the list of answers, in the enclave's durable file. `key` has 32 bytes and is the domain's."""

    def __init__(self, durable: Durable, key: bytes) -> None:
        self._durable = durable
        self._cipher: Final = AESGCM(key)
        durable.define(*_TABLES)

    def load(self, account: str) -> list[bytes]:
        """The frames of an account's lineage; none before its first answer. Raises LineageUnreadable."""
        found = self._durable.rows(
            "SELECT piece, sealed FROM lineage_pieces WHERE account = ? ORDER BY piece", (account,)
        )
        known = self._durable.rows("SELECT version FROM lineages WHERE account = ?", (account,))
        # Pieces and their number are written together: fewer would be a lineage that forgot something.
        if bool(known) != bool(found) or (known and known[0][0] != len(found)):
            raise LineageUnreadable("expected a whole lineage, got a part of one")
        return list(self._opened(account, found))

    def keep(self, answer: Answer, frames: Iterable[bytes]) -> None:
        """Make the lineage after `answer`, and the answer, durable. Call within the transaction of the session's mark."""
        with self._durable.transaction():
            self._durable.run("DELETE FROM lineage_pieces WHERE account = ?", (answer.account,))
            count = 0
            for count, frame in enumerate(frames, start=1):
                nonce = os.urandom(_NONCE_BYTES)
                sealed = nonce + self._cipher.encrypt(nonce, frame, _named(answer.account, count))
                self._durable.run(
                    "INSERT INTO lineage_pieces VALUES (?, ?, ?)", (answer.account, count, sealed)
                )
            self._durable.run(
                "INSERT INTO lineages VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET version = excluded.version",
                (answer.account, count),
            )
            self._durable.run(
                "INSERT OR IGNORE INTO asked (account, scenario, snapshot, question, job, at, statement, released,"
                " report, rho) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    answer.account,
                    answer.scenario,
                    answer.snapshot,
                    answer.question,
                    answer.job,
                    answer.at,
                    answer.statement,
                    answer.released,
                    answer.report,
                    answer.rho,
                ),
            )

    def check_open(
        self, account: str, *, scenario: str, snapshot: str, question: str, limits: Limits
    ) -> None:
        """Raise HistoryExhausted or RefusalsExhausted (policies.atoms.history) unless one more answer fits."""
        rows = self._durable.rows(
            "SELECT DISTINCT question FROM asked WHERE account = ? AND snapshot = ? AND released > 0",
            (account, snapshot),
        )
        answered = {row[0] for row in rows}
        refused = self._durable.rows(
            "SELECT count(DISTINCT question) FROM asked WHERE account = ? AND scenario = ? AND released = 0"
            " AND entry > (SELECT coalesce(max(upto), 0) FROM looks WHERE scenario = ?)",
            (account, scenario, scenario),
        )
        history = History(len(answered), {scenario: int(refused[0][0])})
        history.check_open(scenario, limits, predicates=0 if question in answered else 1)

    def look(self, scenario: str, *, who: str, at: int) -> int:
        """Somebody of the department has looked at the refusals of `scenario`; how many answers were refused so far."""
        with self._durable.transaction():
            (found,) = self._durable.rows(
                "SELECT count(*), coalesce(max(entry), 0) FROM asked WHERE scenario = ? AND released = 0",
                (scenario,),
            )
            self._durable.run(
                "INSERT INTO looks (scenario, at, who, upto) VALUES (?, ?, ?, ?)",
                (scenario, at, who, found[1]),
            )
        return int(found[0])

    def asked(self, *, limit: int = 1000) -> list[Answer]:
        """The latest answers first, for the department."""
        rows = self._durable.rows(
            "SELECT account, scenario, snapshot, question, job, at, statement, released, report, rho FROM asked"
            " ORDER BY entry DESC LIMIT ?",
            (limit,),
        )
        return [Answer(*row) for row in rows]

    def _opened(self, account: str, rows: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        for expected, (piece, sealed) in enumerate(rows, start=1):
            try:
                frame = self._cipher.decrypt(
                    sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _named(account, expected)
                )
            except (InvalidTag, ValueError):
                raise LineageUnreadable(
                    "expected a stored lineage that opens, got one that does not"
                ) from None
            if piece != expected:
                raise LineageUnreadable("expected every piece of a lineage, got a gap")
            yield frame


def _named(account: str, piece: int) -> bytes:
    return _PURPOSE + account.encode() + b"\0" + piece.to_bytes(4, "big")
