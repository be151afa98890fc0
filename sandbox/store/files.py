"""Files named by the SHA-256 of their bytes, written so that a crash leaves either all of one or none.

A file is written beside its place, synced, renamed, and its folder synced; only then may a row name it. Who may read which
file is left to `sandbox.documents.attachments`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sandbox.store.errors import NotFound


@dataclass(frozen=True, slots=True)
class Files:
    """A folder of content-addressed files, `<root>/ab/<sha256>`."""

    root: Path

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.path(sha256).exists():
            self.write(sha256, data)
        return sha256

    def write(self, name: str, data: bytes) -> None:
        """Store `data` durably under `name`, which the caller derived from the content."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{name}.{uuid4().hex}")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, name: str) -> bytes:
        """All bytes; raise `NotFound`."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"expected a stored file, got none of name `{name[:16]}`") from None

    def slice(self, name: str, offset: int, *, size: int) -> bytes:
        """`size` bytes from `offset`; raise `NotFound` when the file is missing or shorter."""
        try:
            with self.path(name).open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), size, offset)
        except FileNotFoundError:
            data = b""
        if len(data) != size:
            raise NotFound(f"expected {size} stored bytes, got {len(data)}")
        return data

    def path(self, name: str) -> Path:
        return self.root / name[:2] / name
