"""The pipe format between parent and confined child: `kind (1 byte) || length (u32, little-endian) || payload`.

Rules:
- A frame is at most `MAX_FRAME_BYTES`, and a length above that is refused before a byte of it is read.
- All payloads of a direction together stay within a total; the reader counts, whatever the writer says.
- A stream ends with an END or FAILED frame. A stream that stops without one is an error, so that a dying worker
  never passes for one that had little to say.
- FAILED carries the name of an exception class and nothing else.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import ClassVar, Final

from enclaves.isolation.errors import IsolationError
from enclaves.isolation.limits import MAX_FRAME_BYTES

_HEADER_BYTES: Final = 5
_CLASS_NAME: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,63}")
UNNAMED_CLASS: Final = "UnnamedError"


class Kind(Enum):
    """What a frame is."""

    START = b"S"
    DATA = b"D"
    END = b"E"
    FAILED = b"F"


class FrameRefused(IsolationError):
    """A frame is too large, of no known kind, or one too many."""

    code: ClassVar[str] = "frame_refused"


class StreamBroken(FrameRefused):
    """The stream stopped in the middle of a frame, or without its last one."""


def header(kind: Kind, length: int) -> bytes:
    """The five bytes before a payload. Raises FrameRefused for a payload above the cap."""
    if length > MAX_FRAME_BYTES:
        raise FrameRefused(f"expected a frame of at most {MAX_FRAME_BYTES} bytes, got {length}")
    return kind.value + length.to_bytes(4, "little")


def read_frames(read: Callable[[int], bytes], *, total_bytes: int) -> Iterator[tuple[Kind, bytes]]:
    """The frames of a stream, up to and including the last.

    `read(n)` gives 1..n bytes, or none at the end of the stream. Raises FrameRefused.
    """
    remaining = total_bytes
    while True:
        head = _read_exactly(read, _HEADER_BYTES)
        kind = _kind(head[:1])
        length = int.from_bytes(head[1:], "little")
        if length > MAX_FRAME_BYTES:
            raise FrameRefused(f"expected a frame of at most {MAX_FRAME_BYTES} bytes, got {length}")
        if length > remaining:
            raise FrameRefused(f"expected at most {total_bytes} bytes in all, got more")
        remaining -= length
        yield kind, _read_exactly(read, length)
        if kind in (Kind.END, Kind.FAILED):
            return


def error_class(payload: bytes) -> str:
    """The class name in a FAILED frame; a payload that is no short identifier is not repeated."""
    return payload.decode("ascii") if _CLASS_NAME.fullmatch(payload) else UNNAMED_CLASS


def _kind(byte: bytes) -> Kind:
    try:
        return Kind(byte)
    except ValueError:
        raise FrameRefused("expected a frame kind, got another byte") from None


def _read_exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts: list[bytes] = []
    missing = count
    while missing:
        part = read(min(missing, 1 << 20))
        if not part:
            raise StreamBroken("expected more of the stream, got its end")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
