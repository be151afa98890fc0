"""The journal of a batch: what is about to be asked, what was written, which job scores which slice.

Rules this module decides:

- One line an event: 16 hex digits, a space, the event as canonical JSON. The digits are the start of SHA-256 over those
  of the line before and this line's JSON, so that a changed, moved or missing line is seen.
- A line is on disk before what it announces is done, and after what it reports is on disk.
- A last line without its line feed is what a crash left: it is cut off, nothing was done on it. Anything else that does
  not read is refused; a journal is never guessed at.

What the events mean together is `state`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.documents.envelope import MAX_ENVELOPE_BYTES
from policies.documents.fields import Instant, Sha256
from policies.documents.strict_json import JsonRefused
from sandbox.client.batch.append_file import AppendFile
from sandbox.client.errors import JournalDamaged

MAX_LINE_BYTES: Final = 4 * MAX_ENVELOPE_BYTES
_SEAL_CHARS: Final = 16
_Count = Annotated[int, Field(ge=0)]
_Size = Annotated[int, Field(ge=1)]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Begun(_Event):
    """The first line: what this batch is, and the id under which its requests are told apart."""

    event: Literal["begun"] = "begun"
    batch: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    authorization: Sha256
    mode: Mode
    slice: _Size
    page: _Size
    subjects: _Size
    sha256: Sha256
    output: str
    at: Instant


class Asking(_Event):
    """A page of a slice is asked for: round 0 before its job, round 1 after it; `turn` counts refused answers."""

    event: Literal["asking"] = "asking"
    slice: _Count
    round: Annotated[int, Field(ge=0, le=1)]
    page: _Count
    turn: _Count
    at: Instant


class Written(_Event):
    """The rows of a page are in the output, which now has `end` bytes; `waiting` is a bitmap of those not scored yet."""

    event: Literal["written"] = "written"
    slice: _Count
    round: Annotated[int, Field(ge=0, le=1)]
    page: _Count
    end: _Count
    sha256: Sha256
    scored: _Count
    refused: _Count
    waiting: Annotated[str, Field(pattern="^[0-9a-f]*$")] = ""
    quota: bool = False
    """Whether the authorization had no fetches left."""


class Denied(_Event):
    """The answer to a page was a policy's no to all of it; nothing was delivered."""

    event: Literal["denied"] = "denied"
    slice: _Count
    code: str


class Drawn(_Event):
    """The signed job that scores what waits of a slice, before it is sent for the first time."""

    event: Literal["drawn"] = "drawn"
    slice: _Count
    job: Sha256
    envelope: Annotated[str, Field(max_length=MAX_ENVELOPE_BYTES)]


class Submitted(_Event):
    """The coordinator has taken the job in."""

    event: Literal["submitted"] = "submitted"
    slice: _Count
    job: Sha256


class Ended(_Event):
    """The job ended without scores; another may be drawn."""

    event: Literal["ended"] = "ended"
    slice: _Count
    job: Sha256
    state: str
    code: str


Event = Begun | Asking | Written | Denied | Drawn | Submitted | Ended
_EVENTS: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Journal:
    """An open journal; `read` it once before the first `append`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and BatchBusy while another process holds it."""
        self._file = AppendFile(path)
        self._seal = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()

    def read(self) -> Iterator[Event]:
        """Every event in order, a torn last line cut off; raises JournalDamaged naming the line."""
        whole = 0
        for number, line in enumerate(self._file.lines(), start=1):
            if not line.endswith(b"\n"):
                self._file.cut(whole)
                return
            whole += len(line)
            seal, _, body = line[:-1].partition(b" ")
            if seal != _seal(self._seal, body).encode():
                raise JournalDamaged(
                    f"journal line {number}: expected the line that was written, got another"
                )
            self._seal = seal.decode()
            yield _parse(body, number)

    def append(self, event: Event) -> None:
        """Add an event; on disk when this returns."""
        body = strict_json.canonical(event.model_dump(mode="json"))
        seal = _seal(self._seal, body)
        self._file.append(f"{seal} ".encode() + body + b"\n")
        self._seal = seal


def _seal(before: str, body: bytes) -> str:
    return hashlib.sha256(before.encode() + body).hexdigest()[:_SEAL_CHARS]


def _parse(body: bytes, number: int) -> Event:
    try:
        return _EVENTS.validate_python(strict_json.parse_object(body, max_bytes=MAX_LINE_BYTES))
    except (JsonRefused, ValidationError):
        raise JournalDamaged(f"journal line {number}: expected an event of a batch, got another") from None
