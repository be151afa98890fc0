"""A first reading of nothing: what the engine and Arrow load only when they are first used is then loaded.

A worker that waits for its order rehearses, so that the first reading of real rows does not pay for imports. It needs no
file and no key: the rows are three numbers made up here, in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import duckdb
import pyarrow as pa

from connectors.store.engine import LOCK, engine_errors
from connectors.store.scan import Place, scan

_ROWS: Final = "CREATE TABLE rows AS SELECT range::INTEGER AS person_no, 'a' || range AS word FROM range(3)"


def rehearse() -> None:
    """Scan three made-up rows as a snapshot is scanned. Raises StoreError."""

    def put(place: Place, batch: pa.RecordBatch) -> None:
        batch.column(1).dictionary_encode().indices.fill_null(0).to_numpy(zero_copy_only=False)

    with engine_errors("rehearse"):
        connection = duckdb.connect(":memory:")
        connection.execute(_ROWS)
        for statement in LOCK:
            connection.execute(statement.format(threads=1))
    try:
        scan(
            connection,
            lambda part: f"SELECT person_no, word FROM rows WHERE {part}",  # noqa: S608 - a range of numbers
            put,
            persons=3,
            threads=1,
        )
    finally:
        connection.close()
    # The parser of instants is a module of its own, loaded with the first of them.
    datetime.strptime("2026-01-01T00:00:00Z", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
