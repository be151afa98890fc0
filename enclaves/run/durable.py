"""One SQLite file of one process: what it must still know after a power cut.

WAL with synchronous=FULL: when a transaction returns, its rows are on disk. All threads share one connection behind a
lock; a transaction is immediate, so that what it read is still true when it writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Value = bytes | str | int | None


class Durable:
    """The connection; tables belong to the modules that name them."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._depth = 0

    def define(self, *statements: str) -> None:
        """Create tables that are not there yet."""
        with self._lock:
            for statement in statements:
                self._db.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside becomes durable together or not at all; an inner transaction is part of the outer."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def run(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Execute one statement and return how many rows it changed."""
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()
