"""A department's blinded set on its way: points, wrapped payloads, and the commitment that pins it.

Rules:
- The commitment covers scenario, origin, stage and points. Payloads stay out of it, being encrypted afresh in a rerun.
- Every sender logs the commitment of what it sends, and every receiver checks what it gets against the log. A point
  added, removed or replaced on the way, by a coordinator for instance, is refused.
- Reading bounds every length before anything is copied and raises BatchInvalid only.

The wire form is sealed to the next party (`transfer`), because who sees the points of all batches of the last stage sees
how many they share.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, Self

from enclaves.protocols.alignment import sizes
from enclaves.protocols.alignment.commitment import Commitment, commitment
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.layers import LAYER_BYTES, WRAPPED_BYTES
from enclaves.protocols.alignment.roster import MAX_DEPARTMENTS, SID_BYTES, framed_name, name_bytes
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label

MAX_ENTRY_BYTES: Final = 2048
_VERSION: Final = 1
# Version, stage, width of an entry, number of points.
_HEAD: Final = struct.Struct(">BBHI")


@dataclass(frozen=True, slots=True)
class Batch:
    """The set of `origin` after `stage` departments: unread points, entries packed in the same order, a key per layer."""

    sid: bytes
    origin: str
    stage: int
    points: Points
    entries: bytes = field(repr=False)
    wrapped_keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Raises BatchInvalid unless the parts fit each other and the size is a padded one."""
        if len(self.sid) != SID_BYTES or not 1 <= self.stage <= MAX_DEPARTMENTS:
            raise BatchInvalid(f"expected a sid and a stage of 1 to {MAX_DEPARTMENTS}, got others")
        try:
            name_bytes(self.origin)
        except ProtocolError:
            raise BatchInvalid("expected the name of a department, got another") from None
        sizes.check_padded(len(self.points))
        if len(self.entries) % len(self.points) or not self._least_width <= self.width <= MAX_ENTRY_BYTES:
            raise BatchInvalid(f"expected an entry of at most {MAX_ENTRY_BYTES} bytes a point, got others")
        if len(self.wrapped_keys) != self.stage or any(len(k) != WRAPPED_BYTES for k in self.wrapped_keys):
            raise BatchInvalid(f"expected {self.stage} keys of {WRAPPED_BYTES} bytes, got others")

    @property
    def width(self) -> int:
        """Bytes of one wrapped entry."""
        return len(self.entries) // len(self.points)

    @property
    def _least_width(self) -> int:
        return self.stage * LAYER_BYTES + 1

    @property
    def commitment(self) -> Commitment:
        """32 bytes that pin the set at this stage, whatever its order."""
        return commitment(Label.ALIGN_BATCH, self.points, sid=self.sid, origin=self.origin, stage=self.stage)

    def to_bytes(self) -> bytes:
        """The wire form, to be sealed."""
        head = _HEAD.pack(_VERSION, self.stage, self.width, len(self.points))
        keys = b"".join(self.wrapped_keys)
        return head + self.sid + framed_name(self.origin) + keys + self.points.raw + self.entries

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The inverse of `to_bytes`. Raises BatchInvalid for any other bytes."""
        fixed = _HEAD.size + SID_BYTES + 1
        if len(raw) < fixed:
            raise BatchInvalid(f"expected at least {fixed} bytes, got {len(raw)}")
        version, stage, width, count = _HEAD.unpack_from(raw)
        named = fixed + raw[fixed - 1]
        points_at = named + stage * WRAPPED_BYTES
        entries_at = points_at + count * POINT_BYTES
        if version != _VERSION or len(raw) != entries_at + count * width:
            raise BatchInvalid(f"expected a batch of version {_VERSION} of the length it names, got another")
        try:
            origin = raw[fixed:named].decode("utf-8")
        except UnicodeDecodeError:
            raise BatchInvalid("expected a name in UTF-8, got other bytes") from None
        keys = tuple(raw[at : at + WRAPPED_BYTES] for at in range(named, points_at, WRAPPED_BYTES))
        sid = raw[_HEAD.size : fixed - 1]
        return cls(sid, origin, stage, Points(raw[points_at:entries_at]), raw[entries_at:], keys)
