"""Whether an id stands twice in a list of any length: sorted runs on disk, merged.

At most `RUN` ids are held in memory and a few hundred of each run while they are merged, so that memory hardly grows with
the list: 4 MB for a run, 12 kB for each run.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, Final

ID_BYTES: Final = 16
RUN: Final = 1 << 16
_RECORD: Final = ID_BYTES + 8
_READ: Final = 512 * _RECORD


class Repetitions:
    """Takes (id, number) pairs in ascending number; `spare` is an empty file of its own."""

    def __init__(self, spare: IO[bytes], *, run: int = RUN) -> None:
        self._spare, self._run = spare, run
        self._fresh: list[bytes] = []
        self._runs: list[tuple[int, int]] = []

    def add(self, consent: bytes, number: int) -> None:
        """Take one id of 16 bytes; `number` (below 2^64) is where it stands."""
        # An id before its number: equal ids come together in a sorted run, the earlier one first.
        self._fresh.append(consent + number.to_bytes(8, "big"))
        if len(self._fresh) == self._run:
            self._spill()

    def first(self) -> tuple[int, int] | None:
        """Where the earliest repetition stands, as (first, again); None if every id stands once."""
        self._spill()
        merged = heapq.merge(*(self._records(start, end) for start, end in self._runs))
        found = (
            (_number(later), _number(earlier))
            for earlier, later in pairwise(merged)
            if earlier[:ID_BYTES] == later[:ID_BYTES]
        )
        again, first = min(found, default=(0, 0))
        return (first, again) if again else None

    def _spill(self) -> None:
        self._fresh.sort()
        start = self._spare.tell()
        self._spare.write(b"".join(self._fresh))
        self._runs.append((start, self._spare.tell()))
        self._fresh.clear()

    def _records(self, start: int, end: int) -> Iterator[bytes]:
        """The records of one run, some at a time."""
        for at in range(start, end, _READ):
            self._spare.seek(at)
            block = self._spare.read(min(_READ, end - at))
            for offset in range(0, len(block), _RECORD):
                yield block[offset : offset + _RECORD]


def _number(record: bytes) -> int:
    return int.from_bytes(record[ID_BYTES:], "big")
