"""The consents this enclave holds: who a slot is, from intake to withdrawal. Identifiers are not among it.

Rules:
1. Of a grant are kept: consent id, pid (HMAC under the domain key), expiry and commitment. The identifier is not.
2. A batch is stored once, whole, in one transaction; the same head again changes nothing.
3. A consent is accepted for a job if the service that the scenario names granted it for the job's scenario and recipient
   (a vet job: any recipient of the scenario), if it has not expired and is not withdrawn; the withdrawal may come from the
   service's message or from the log, whichever is seen first. Presence in the data plays no part (design.md section 5a).
4. What is not found is not accepted; of a person who stands in one job twice, the first slot alone is.

Stored by batch in pages of `PAGE` grants, a packed column beside the other, so that a million consents are read as fast as
the disk gives them and one costs one page.
Ids are 128 random bits; the first 64 serve as the sort key and the whole id is compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.run.durable import Durable
from policies.documents.consent import CONSENT_ID_BYTES, Consent

Words = NDArray[np.uint64]
"""Ids or pids as pairs of words, shape (n, 2)."""

COMMITMENT_BYTES: Final = 32
PAGE: Final = 4096
"""Grants stored in one row."""
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS consent_batches (
        batch INTEGER PRIMARY KEY, head TEXT UNIQUE NOT NULL, service TEXT NOT NULL, scenario TEXT NOT NULL,
        recipient TEXT NOT NULL, count INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS consent_pages (
        batch INTEGER NOT NULL, page INTEGER NOT NULL,
        ids BLOB NOT NULL, pids BLOB NOT NULL, expires BLOB NOT NULL, commitments BLOB NOT NULL,
        UNIQUE (batch, page))""",
    "CREATE INDEX IF NOT EXISTS consent_scenario ON consent_batches (scenario, recipient)",
    "CREATE TABLE IF NOT EXISTS consent_withdrawals (commitment BLOB PRIMARY KEY, service TEXT) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Records:
    """A batch's grants as packed columns: 16 bytes an id and a pid, 8 an expiry (little-endian), 32 a commitment."""

    ids: bytes
    pids: bytes
    expires: bytes
    commitments: bytes


@dataclass(frozen=True, slots=True)
class Resolved:
    """The slots of a job: pids as words, zero where `accepted` is False."""

    pids: Words
    accepted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Batch:
    number: int
    service: str
    count: int
    keys: Words
    """First words of the ids, sorted."""
    rows: NDArray[np.int64]


class ConsentStore:
    """Consents and withdrawals in the enclave's durable file."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        self._index: dict[int, _Batch] = {}
        durable.define(*_TABLES)

    def add(self, digest: str, head: Consent, records: Records) -> None:
        """Store a verified batch under the digest of its head; a batch that is there already stays as it is."""
        with self._durable.transaction():
            if self.holds(digest):
                return
            self._durable.run(
                "INSERT INTO consent_batches (head, service, scenario, recipient, count) VALUES (?, ?, ?, ?, ?)",
                (digest, head.service, head.scenario, head.recipient, head.count),
            )
            number = self._durable.rows("SELECT batch FROM consent_batches WHERE head = ?", (digest,))[0][0]
            for page, start in enumerate(range(0, head.count, PAGE)):
                columns = (
                    packed[start * size : (start + PAGE) * size]
                    for packed, size in (
                        (records.ids, CONSENT_ID_BYTES),
                        (records.pids, CONSENT_ID_BYTES),
                        (records.expires, 8),
                        (records.commitments, COMMITMENT_BYTES),
                    )
                )
                self._durable.run(
                    "INSERT INTO consent_pages VALUES (?, ?, ?, ?, ?, ?)", (number, page, *columns)
                )

    def holds(self, digest: str) -> bool:
        return bool(self._durable.rows("SELECT 1 FROM consent_batches WHERE head = ?", (digest,)))

    def withdraw(self, commitments: Iterable[str], *, service: str) -> None:
        """End consents that `service` granted; commitments of others stay in force."""
        with self._durable.transaction():
            for commitment in commitments:
                self._durable.run(
                    "INSERT OR IGNORE INTO consent_withdrawals VALUES (?, ?)",
                    (bytes.fromhex(commitment), service),
                )

    def resolve(
        self,
        ids: bytes,
        *,
        scenario: str,
        service: str,
        recipient: str | None,
        now: int,
        withdrawn: Collection[str],
    ) -> Resolved:
        """The slots of a job: `ids` packed in slot order; `service` is the one the scenario names; `recipient` None for
        any; `withdrawn` the commitments that the log says.
        """
        needles = words(ids)
        pids = np.zeros_like(needles)
        accepted = np.zeros(len(needles), dtype=np.bool_)
        ended = {bytes.fromhex(text) for text in withdrawn} | self._withdrawn(service)
        for batch in self._batches(scenario, service, recipient):
            slots, rows = _hits(batch, needles[:, 0], ~accepted)
            if len(slots) == 0:
                continue
            # The sort key is half of the id; the whole id decides.
            same = (self._column(batch, "ids", CONSENT_ID_BYTES, rows) == needles[slots]).all(axis=1)
            slots, rows = slots[same], rows[same]
            good = self._in_force(batch, rows, now=now, ended=ended)
            slots, rows = slots[good], rows[good]
            accepted[slots] = True
            pids[slots] = self._column(batch, "pids", CONSENT_ID_BYTES, rows)
        accepted &= first_of_each(pids, accepted)
        pids[~accepted] = 0
        return Resolved(pids, accepted)

    def _in_force(
        self, batch: _Batch, rows: NDArray[np.int64], *, now: int, ended: set[bytes]
    ) -> NDArray[np.bool_]:
        expires = self._column(batch, "expires", 8, rows)[:, 0].view(np.int64)
        good: NDArray[np.bool_] = expires > now
        if ended:
            good &= ~_among(self._column(batch, "commitments", COMMITMENT_BYTES, rows), ended)
        return good

    def _withdrawn(self, service: str) -> set[bytes]:
        rows = self._durable.rows("SELECT commitment FROM consent_withdrawals WHERE service = ?", (service,))
        return {bytes(row[0]) for row in rows}

    def _batches(self, scenario: str, service: str, recipient: str | None) -> list[_Batch]:
        found = self._durable.rows(
            "SELECT batch, service, count FROM consent_batches "
            "WHERE scenario = ? AND service = ? AND (recipient = ? OR ? IS NULL) ORDER BY batch",
            (scenario, service, recipient, recipient),
        )
        return [self._indexed(*row) for row in found]

    def _indexed(self, number: int, service: str, count: int) -> _Batch:
        batch = self._index.get(number)
        if batch is None:
            first = words(b"".join(self._page("ids", number, page) for page in range(-(-count // PAGE))))[
                :, 0
            ]
            rows = np.argsort(first, kind="stable")
            batch = self._index[number] = _Batch(number, service, count, first[rows], rows)
        return batch

    def _column(self, batch: _Batch, column: str, size: int, rows: NDArray[np.int64]) -> Words:
        """Fields of `size` bytes at `rows`, as words of shape (len(rows), size / 8); each page needed is read once."""
        width = size // 8
        found = np.empty((len(rows), width), dtype=np.uint64)
        order = np.argsort(rows, kind="stable")
        pages = rows[order] // PAGE
        starts = np.flatnonzero(np.diff(pages, prepend=-1))
        for start, end in itertools.pairwise([*starts.tolist(), len(rows)]):
            page = int(pages[start])
            stored = np.frombuffer(self._page(column, batch.number, page), dtype="<u8").reshape(-1, width)
            here = order[start:end]
            found[here] = stored[rows[here] - page * PAGE]
        return found

    def _page(self, column: str, number: int, page: int) -> bytes:
        rows = self._durable.rows(
            f"SELECT {column} FROM consent_pages WHERE batch = ? AND page = ?",  # noqa: S608 - a column of ours
            (number, page),
        )
        return bytes(rows[0][0])


def words(packed: bytes) -> Words:
    """Ids or pids of 16 bytes each as words, shape (n, 2)."""
    return np.frombuffer(packed, dtype="<u8").reshape(-1, 2)


def first_of_each(pids: Words, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for each wanted slot whose pid no earlier wanted slot has: one person, one slot a job."""
    slots = np.flatnonzero(wanted)
    order = np.lexsort((slots, pids[slots, 1], pids[slots, 0]))
    ordered = pids[slots[order]]
    repeats = np.zeros(len(slots), dtype=np.bool_)
    repeats[1:] = (ordered[1:] == ordered[:-1]).all(axis=1)
    result = wanted.copy()
    result[slots[order[repeats]]] = False
    return result


def _hits(
    batch: _Batch, needles: NDArray[np.uint64], open_slots: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Slots still open whose key stands in the batch, and the batch's rows for them."""
    slots = np.flatnonzero(open_slots)
    at = np.minimum(np.searchsorted(batch.keys, needles[slots]), batch.count - 1)
    found = batch.keys[at] == needles[slots]
    return slots[found], batch.rows[at[found]]


def _among(commitments: Words, ended: set[bytes]) -> NDArray[np.bool_]:
    """Which commitments (n × 4 words) are in `ended`; candidates by their first word, then compared whole."""
    known = np.sort(np.frombuffer(b"".join(ended), dtype="<u8").reshape(-1, 4)[:, 0])
    result = np.isin(commitments[:, 0], known)
    for row in np.flatnonzero(result):
        result[row] = commitments[row].tobytes() in ended
    return result
