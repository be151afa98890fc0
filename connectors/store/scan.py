"""Scanning a table by ranges of person numbers, several ranges side by side.

The engine decrypts and decodes on all its threads but hands one result over on one; ranges scanned at the same time use
the processors twice as well (measured). Whoever takes the batches must not care for their order across ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.store.engine import Connection, engine_errors

Place = slice | NDArray[np.int32]
"""Person numbers of one batch: a slice where they follow one another."""

PART: Final = 250_000
_FETCH_ROWS: Final = 128 * 1024


def scan(
    connection: Connection,
    query: Callable[[str], str],
    put: Callable[[Place, pa.RecordBatch], None],
    *,
    persons: int,
    threads: int,
    values: Sequence[object] = (),
) -> None:
    """Run `query` once for each range of person numbers and `put` every batch.

    `query` is given the condition on `person_no` and selects `person_no` first. `put` is called from several threads,
    never with the same person twice.
    """

    def part(start: int) -> None:
        with engine_errors("scan the snapshot"):
            cursor = connection.cursor()
            try:
                cursor.execute(
                    query(f"person_no >= {start:d} AND person_no < {start + PART:d}"), list(values)
                )
                for batch in cursor.to_arrow_reader(_FETCH_ROWS):
                    put(_place(batch.column(0).to_numpy()), batch)
            finally:
                cursor.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(0, persons, PART)))


def _place(persons: NDArray[np.int32]) -> Place:
    """A slice copies several times faster than an array of positions."""
    if len(persons) and bool((np.diff(persons) == 1).all()):
        return slice(int(persons[0]), int(persons[-1]) + 1)
    return persons
