"""The subject file of a batch: one consent id (32 lower-case hex digits) a line, read slice by slice, never all at once.

Rules this module decides:

- The file is read whole once before anything is sent: blank lines are skipped, every other line is one id, each id once
  (`repetitions`). What is wrong is told with its line.
- Slice k is then read from where it starts; one that is no longer what was read at first is refused.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Final, Self

from sandbox.client.batch.repetitions import Repetitions
from sandbox.client.errors import InputMalformed

_ID: Final = re.compile(rb"[0-9a-f]{32}")
_LINE_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Line:
    """One id, its line (1 …), and the byte of the file at which the next line starts."""

    consent: bytes
    number: int
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice starts in the file, how many ids it has, and the SHA-256 of them packed."""

    offset: int
    lines_before: int
    count: int
    sha256: bytes


@dataclass(slots=True)
class _Running:
    """A slice while its lines are read."""

    offset: int = 0
    lines_before: int = 0
    count: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def place(self) -> Place:
        return Place(self.offset, self.lines_before, self.count, self.hash.digest())


@dataclass(frozen=True, slots=True)
class SubjectFile:
    """A file that was read once; `sha256` is over all its ids packed, 16 bytes each."""

    path: Path
    count: int
    sha256: str
    places: tuple[Place, ...]

    @classmethod
    def scan(cls, path: Path, slice_size: int) -> Self:
        """Read and check the whole file; raises InputMalformed naming line and what, OSError for one that cannot be read."""
        whole, places, running = hashlib.sha256(), [], _Running()
        with path.open("rb") as file, tempfile.TemporaryFile() as spare:
            repetitions = Repetitions(spare)
            for line in _lines(file, name=path.name):
                repetitions.add(line.consent, line.number)
                whole.update(line.consent)
                running.hash.update(line.consent)
                running.count += 1
                if running.count == slice_size:
                    places.append(running.place())
                    running = _Running(line.end, line.number)
            if running.count:
                places.append(running.place())
            repeated = repetitions.first()
        if repeated is not None:
            first, again = repeated
            raise InputMalformed(
                f"`{path.name}` line {again}: expected each consent once, got that of line {first} again"
            )
        if not places:
            raise InputMalformed(f"`{path.name}`: expected at least one consent id, got none")
        return cls(path, sum(place.count for place in places), whole.hexdigest(), tuple(places))

    def ids(self, number: int) -> list[bytes]:
        """The ids of slice `number` (0 …) in order; raises InputMalformed if the file has changed since it was read."""
        place = self.places[number]
        with self.path.open("rb") as file:
            file.seek(place.offset)
            lines = _lines(file, name=self.path.name, lines_before=place.lines_before)
            ids = [line.consent for line in islice(lines, place.count)]
        if hashlib.sha256(b"".join(ids)).digest() != place.sha256:
            raise InputMalformed(f"`{self.path.name}`: expected the ids that were read at first, got others")
        return ids


def _lines(file: IO[bytes], *, name: str, lines_before: int = 0) -> Iterator[Line]:
    """The ids from where `file` stands; no more of a line is read than an id could need."""
    number, end = lines_before, file.tell()
    while raw := file.readline(_LINE_BYTES):
        number, end = number + 1, end + len(raw)
        text = raw.strip()
        if not text and len(raw) < _LINE_BYTES:
            continue
        if not _ID.fullmatch(text):
            raise InputMalformed(
                f"`{name}` line {number}: expected a consent id of 32 lower-case hex digits, got other text"
            )
        yield Line(bytes.fromhex(text.decode("ascii")), number, end)
