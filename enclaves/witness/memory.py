"""What a witness remembers: size, frontier, halts, and the frontiers at which it has stood before.

Rules:
- One transaction moves size, frontier and halts together, so that a halt is never known without its entry or the
  reverse. SQLite in WAL mode with synchronous=FULL: what `advance` returned from survives a power cut.
- The size never shrinks: the update names the size it continues from, and finds no row otherwise.
- Past frontiers let a checkpoint between two of them be checked later; those of
  the last `KEPT_ENTRIES` entries stay.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Final

from enclaves.witness.errors import LogRolledBack
from policies.halts import Halts
from policies.log.merkle import Frontier
from policies.log.witness import WitnessState

KEPT_ENTRIES: Final = 1_000_000
KEPT_FORKS: Final = 100
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS witness (
    one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, frontier TEXT NOT NULL, halts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS frontiers (size INTEGER PRIMARY KEY, frontier TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS forks (id INTEGER PRIMARY KEY, note TEXT NOT NULL, seen_at INTEGER NOT NULL);
"""


class WitnessMemory:
    """The witness's own SQLite file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        row = self._db.execute("SELECT size, frontier, halts FROM witness").fetchone()
        if row is None:
            self._state, self._halts = WitnessState(), Halts()
            self._db.execute(
                "INSERT INTO witness VALUES (1, 0, '[]', ?)", (json.dumps(self._halts.to_json()),)
            )
        else:
            self._state = WitnessState(row[0], Frontier.from_hex(row[0], json.loads(row[1])))
            self._halts = Halts.from_json(json.loads(row[2]))

    @property
    def state(self) -> WitnessState:
        return self._state

    @property
    def halts(self) -> Halts:
        return self._halts

    def advance(self, state: WitnessState, halts: Halts) -> None:
        """Remember durably; raises LogRolledBack if another process of this party has moved on meanwhile."""
        frontier = json.dumps(state.frontier.to_hex())
        # Years of withdrawals are written again only when one more has come.
        text = None if halts == self._halts else json.dumps(halts.to_json())
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                moved = self._db.execute(
                    "UPDATE witness SET size = ?, frontier = ?, halts = coalesce(?, halts) WHERE size = ? AND size <= ?",
                    (state.size, frontier, text, self._state.size, state.size),
                ).rowcount
                _check_moved(moved, self._state.size)
                self._db.execute("INSERT OR REPLACE INTO frontiers VALUES (?, ?)", (state.size, frontier))
                self._db.execute("DELETE FROM frontiers WHERE size < ?", (state.size - KEPT_ENTRIES,))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._state, self._halts = state, halts

    def frontier_at_most(self, size: int) -> Frontier:
        """The largest remembered frontier of at most `size` leaves; the empty one if none is kept."""
        return self._frontier("SELECT size, frontier FROM frontiers WHERE size <= ? ORDER BY size DESC", size)

    def frontier_at_least(self, size: int) -> Frontier:
        """The smallest remembered frontier of at least `size` leaves; the current one if none is kept."""
        if size > self._state.size:
            raise LogRolledBack(f"expected a size of at most {self._state.size}, got {size}")
        frontier = self._frontier("SELECT size, frontier FROM frontiers WHERE size >= ? ORDER BY size", size)
        return frontier if frontier.size >= size else self._state.frontier

    def keep_fork(self, note: str, *, seen_at: int) -> None:
        """Keep a note that contradicts what was seen, as evidence against the log; each once, the first `KEPT_FORKS`."""
        with self._lock:
            self._db.execute(
                "INSERT INTO forks (note, seen_at) SELECT ?1, ?2 WHERE (SELECT count(*) FROM forks) < ?3 "
                "AND NOT EXISTS (SELECT 1 FROM forks WHERE note = ?1)",
                (note, seen_at, KEPT_FORKS),
            )

    def forks(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT note FROM forks ORDER BY id")]

    def close(self) -> None:
        self._db.close()

    def _frontier(self, query: str, size: int) -> Frontier:
        with self._lock:
            row = self._db.execute(f"{query} LIMIT 1", (size,)).fetchone()
        return Frontier() if row is None else Frontier.from_hex(row[0], json.loads(row[1]))


def _check_moved(rows: int, size: int) -> None:
    if rows != 1:
        raise LogRolledBack(f"expected to continue from size {size}, got another")
