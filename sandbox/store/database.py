"""One SQLite database, one writer at a time, and nothing acknowledged before it is on disk.

Rules this module decides:

- A write is one transaction, begun IMMEDIATE. In this process writers queue on a lock: SQLite's own waiting polls, which
  would cost milliseconds where a commit takes a fraction of one.
- `synchronous=FULL` and a write-ahead log: what was committed survives kill -9 and power loss.
- What must follow a commit (waking a long poll, moving a cache on) is handed to `after_commit` and never runs for a
  transaction that was rolled back. INVARIANT: the calls run in the order of the commits.

The pragmas are those of `sandbox.log.tables.durable_sqlite`, because an act and its evidence share a transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

from sandbox.log.tables import durable_sqlite


@dataclass(slots=True)
class Transaction:
    """An open write transaction."""

    connection: Connection
    after_commit: list[Callable[[], None]] = field(default_factory=list)


@contextmanager
def savepoint(transaction: Transaction) -> Iterator[None]:
    """A part of `transaction` that is undone, hooks included, when the block raises, while the rest goes on."""
    hooks = len(transaction.after_commit)
    try:
        with transaction.connection.begin_nested():
            yield
    except BaseException:
        del transaction.after_commit[hooks:]
        raise


class Database:
    """The database file at `path`, created with the tables of `metadata` when missing."""

    def __init__(self, path: Path, *metadata: MetaData) -> None:
        url = f"sqlite:///{path}"
        self._writer: Engine = durable_sqlite(create_engine(url, pool_size=1, max_overflow=0))
        self._reader: Engine = _reading(create_engine(url, pool_size=8, max_overflow=64))
        self._lock = threading.Lock()
        with self.write() as transaction:
            for tables in metadata:
                tables.create_all(transaction.connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One IMMEDIATE transaction: committed and durable when the block ends, rolled back when it raises."""
        with self._lock:
            with self._writer.begin() as connection:
                transaction = Transaction(connection)
                yield transaction
            for call in transaction.after_commit:
                call()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of what is committed."""
        with self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()


def _reading(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _connect(connection: object, _record: object) -> None:
        execute = connection.execute  # type: ignore[attr-defined]  # the driver's connection has no common type
        connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's connection has no common type
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "query_only=ON"):
            execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
