"""The output of a batch: a CSV file with one row a subject, which only grows.

Columns: `consent` · `band` (0 …) · `bands` · `refused` (the code, where there is no band) · `release` · `slot` ·
`expires_at`. Rows of a slice stand in the order of the subject file; slices in the order in which they were finished.

What a crash left behind the last row that the journal tells of is cut off; rows before it must be those that were written.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from enclaves.transport.endpoint import FetchRefused
from sandbox.client.batch.append_file import AppendFile
from sandbox.client.errors import BatchMismatch, ReleaseRefused

if TYPE_CHECKING:
    from sandbox.client.insurer import Score

COLUMNS: Final = ("consent", "band", "bands", "refused", "release", "slot", "expires_at")
HEADER: Final = (",".join(COLUMNS) + "\n").encode()
_ROW_BYTES: Final = 256
"""No row is longer: 32 + 64 + 64 characters and a few numbers."""
_CODE: Final = re.compile("[a-z][a-z0-9_.-]{0,63}")
_BLOCK: Final = 1 << 20


class ScoreFile:
    """An open output; `check` its rows and `settle` it before the first `append`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and BatchBusy while another process holds it."""
        self._file = AppendFile(path)
        self._name = path.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()

    def check(self, start: int, end: int, *, sha256: str) -> None:
        """Raise BatchMismatch unless bytes `start` … `end` are those whose SHA-256 the journal tells."""
        found, at = hashlib.sha256(), start
        while at < end and (block := self._file.read(at, min(_BLOCK, end - at))):
            found.update(block)
            at += len(block)
        if at != end or found.hexdigest() != sha256:
            raise BatchMismatch(f"`{self._name}`: expected the rows that the journal tells of, got others")

    def settle(self, end: int, *, page: int) -> None:
        """Cut off what no journal line tells of, at most one page; raises BatchMismatch for what no crash leaves."""
        tail = self._file.size - end
        left = self._file.read(0, len(HEADER)) if end == 0 else HEADER
        if tail > len(HEADER) + page * _ROW_BYTES or not HEADER.startswith(left):
            raise BatchMismatch(f"`{self._name}`: expected the output of this batch, got another file")
        if tail:
            self._file.cut(end)

    def append(self, data: bytes) -> None:
        """Add rows; on disk when this returns."""
        self._file.append(data)


def rows_of(results: Sequence[Score | FetchRefused]) -> bytes:
    """Results as rows; raises ReleaseRefused for a code that is none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_row(result) for result in results)
    return text.getvalue().encode()


def _row(result: Score | FetchRefused) -> tuple[str | int, ...]:
    if isinstance(result, FetchRefused):
        if not _CODE.fullmatch(result.code):
            raise ReleaseRefused("expected the code of a refusal, got other text")
        return (result.consent, "", "", result.code, "", "", "")
    return (
        result.consent,
        result.band,
        result.bands,
        "",
        result.release,
        result.slot,
        result.expires_at,
    )
