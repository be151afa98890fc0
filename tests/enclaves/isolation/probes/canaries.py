"""A confined target for tests: opens the one store it is given, locked, and runs each statement it is sent.

The first frame is the key, every other one a statement; each answer holds names and values of its result, or the class of
what the engine raised.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from connectors.store.engine import open_locked
from connectors.store.keys import SnapshotKey


def main(frames_in: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    key = SnapshotKey(next(frames_in))
    connection = open_locked(Path("/data/store"), key, threads=1, crypto=None)
    for frame in frames_in:
        try:
            result = connection.execute(frame.decode())
            names = [column[0] for column in result.description or ()]
            emit(repr((names, result.fetchall())).encode())
        except Exception as error:
            emit(b"raised " + type(error).__name__.encode())
