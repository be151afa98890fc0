"""A file that only grows, each piece on disk before anything is told of it, and held by one process at a time.

What is appended is written without a buffer and synced; a crash leaves a whole prefix of it and nothing else. What a torn
end means, and to which length the file is cut, is left to whoever knows what was appended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from sandbox.client.errors import BatchBusy

_READ_BYTES: Final = 1 << 16


class AppendFile:
    """An open file, mode 0600, made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and BatchBusy while another process holds the file."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise BatchBusy(
                f"expected `{path.name}` to be free, got one that another process holds"
            ) from None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> None:
        """Add `data` at the end; on disk when this returns."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.fsync(self._descriptor)

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes."""
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)

    def read(self, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start`."""
        return os.pread(self._descriptor, size, start)

    def lines(self) -> Iterator[bytes]:
        """Every line with its line feed; the last one without, where it has none."""
        rest, at = b"", 0
        while block := self.read(at, _READ_BYTES):
            at += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line + b"\n"
        if rest:
            yield rest
