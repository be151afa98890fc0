"""What is released and not handed over yet: the signed document as a row, the sealed slots as a file beside it.

The file is durable before the row names it, and goes after the handover. A release is never computed twice: what a restart
hands over is what was signed. Where its outcome stands in the log is kept too, so that a crash after the coordinator's one
message about it costs no further attempt.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS releases (sid BLOB PRIMARY KEY, envelope BLOB NOT NULL, slots TEXT) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS outcomes (
        sid BLOB PRIMARY KEY, entry INTEGER NOT NULL, reviews BLOB NOT NULL) WITHOUT ROWID""",
    'CREATE TABLE IF NOT EXISTS reviewed ("authorization" TEXT PRIMARY KEY) WITHOUT ROWID',
)


class Shelf:
    """Releases by run id."""

    def __init__(self, durable: Durable, directory: Path) -> None:
        self._durable = durable
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        durable.define(*_TABLES)
        self._sweep()

    def write(self, sid: bytes, pieces: Iterable[bytes]) -> str:
        """Write the slots of a run durably; returns their SHA-256."""
        digest = hashlib.sha256()
        descriptor = os.open(self._file(sid), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest.hexdigest()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written to the durable file inside becomes durable together."""
        with self._durable.transaction():
            yield

    def put(self, sid: bytes, envelope: Envelope, *, slots: str | None) -> None:
        """Keep a signed release; `slots` is the SHA-256 of its file, None for a vet job."""
        self._durable.run(
            "INSERT INTO releases VALUES (?, ?, ?)",
            (sid, envelope.to_bytes(), slots),
        )

    def release(self, sid: bytes) -> Envelope:
        return dsse.parse(self._row(sid)[0])

    def note_outcome(self, sid: bytes, entry: int, reviews: bytes) -> None:
        """Remember the log index that the coordinator names for the outcome of a release, and the reviews it brings."""
        self._durable.run(
            "INSERT OR REPLACE INTO outcomes SELECT sid, ?, ? FROM releases WHERE sid = ?",
            (entry, reviews, sid),
        )

    def outcome(self, sid: bytes) -> tuple[int, bytes] | None:
        """Log index and reviews that were last named for the release; nobody has checked them yet."""
        rows = self._durable.rows("SELECT entry, reviews FROM outcomes WHERE sid = ?", (sid,))
        return (int(rows[0][0]), rows[0][1]) if rows else None

    def has_reviewed(self, authorization: str) -> bool:
        """Whether a table under this authorization was reviewed and handed over before."""
        rows = self._durable.rows('SELECT 1 FROM reviewed WHERE "authorization" = ?', (authorization,))
        return bool(rows)

    def note_reviewed(self, authorization: str) -> None:
        """A table under this authorization was reviewed and handed over."""
        self._durable.run("INSERT OR IGNORE INTO reviewed VALUES (?)", (authorization,))

    def slots(self, sid: bytes) -> bytes | None:
        """The bytes to hand over, checked; None for a vet job."""
        expected = self._row(sid)[1]
        if expected is None:
            return None
        data = self._file(sid).read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise RunRefused("slots_damaged", "expected the slots as they were signed, got others")
        return data

    def clear(self, sid: bytes) -> None:
        """Remove the slots; the signed document stays."""
        self._file(sid).unlink(missing_ok=True)

    def _row(self, sid: bytes) -> tuple[bytes, str | None]:
        rows = self._durable.rows("SELECT envelope, slots FROM releases WHERE sid = ?", (sid,))
        if not rows:
            raise RunRefused("release_unknown", "expected a released run, got another")
        return rows[0][0], rows[0][1]

    def _file(self, sid: bytes) -> Path:
        return self._directory / f"{sid.hex()}.slots"

    def _sweep(self) -> None:
        """Remove files of runs that were cut off before they were released."""
        known = {row[0].hex() for row in self._durable.rows("SELECT sid FROM releases")}
        for path in self._directory.glob("*.slots"):
            if path.stem not in known:
                path.unlink()
