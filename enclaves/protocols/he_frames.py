"""The bytes around a ciphertext: caps, TenSEAL's and SEAL's headers, and frames of one fixed size. Nothing is parsed here.

Rules:
- Sizes are bounded before a byte is looked at: a context has at most 1 MB, a ciphertext 512 kB.
- A frame is `u32 length || ciphertext || zeros` of one size for its parameter set, so that traffic tells the number of
  slots and nothing else. SEAL compresses what it serializes: the length inside is as random as a fresh ciphertext's bytes,
  and products, whose size would tell a column of zeros, are never sent.
- A contribution of `count` slots has exactly ceil(count / slots) frames and nothing behind them.
- A ciphertext's outer bytes say its slot count, SEAL's version and its own exact size, and for CKKS the scale.

Follows protocols.md rule 3 and finding 5. Whether a ciphertext was made by who signed it, is shown elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from enclaves.protocols.errors import ProtocolError

MAX_CONTEXT_BYTES: Final = 1_000_000
MAX_CIPHERTEXT_BYTES: Final = 512_000
# Protobuf of TenSEAL: field 1 holds the parameters, field 2 the public part of a context; in a vector, field 1 holds
# the packed slot count and field 2 the SEAL ciphertext.
FIELD_1: Final = b"\x0a"
FIELD_2: Final = b"\x12"

_LENGTH_BYTES: Final = 4
# SEAL header: magic a15e, header size 16, then version 4.3.
_SEAL_HEADER: Final = b"\x5e\xa1\x10\x04\x03"
_SEAL_HEADER_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class FrameShape:
    """What every ciphertext of one parameter set looks like from outside, and what refuses the others."""

    slots: int
    head: bytes
    """Before the SEAL ciphertext's own field: the slot count."""
    tail: bytes
    """Behind the SEAL ciphertext: nothing, or the scale."""
    frame_bytes: int
    refused: type[ProtocolError]

    def framed(self, ciphertext: bytes) -> bytes:
        """`ciphertext` in its frame. Raises the shape's refusal for one that does not fit."""
        self.check_ciphertext(ciphertext)
        padding = self.frame_bytes - _LENGTH_BYTES - len(ciphertext)
        if padding < 0:
            raise self.refused(f"expected at most {self.frame_bytes} bytes a frame, got {len(ciphertext)}")
        return len(ciphertext).to_bytes(_LENGTH_BYTES, "little") + ciphertext + bytes(padding)

    def check_size(self, contribution: bytes, *, count: int) -> None:
        """Raise the shape's refusal unless `contribution` has the one size that `count` slots have."""
        expected = -(-count // self.slots) * self.frame_bytes
        if count < 1 or len(contribution) != expected:
            raise self.refused(f"expected {expected} bytes for {count} slots, got {len(contribution)}")

    def split(self, contribution: bytes, *, count: int) -> Iterator[bytes]:
        """The checked ciphertexts of a contribution, in slot order; nothing is parsed by SEAL yet."""
        self.check_size(contribution, count=count)
        for start in range(0, len(contribution), self.frame_bytes):
            frame = contribution[start : start + self.frame_bytes]
            end = _LENGTH_BYTES + int.from_bytes(frame[:_LENGTH_BYTES], "little")
            if end > self.frame_bytes or any(frame[end:]):
                raise self.refused("expected a ciphertext and zeros in a frame, got other bytes")
            ciphertext = bytes(frame[_LENGTH_BYTES:end])
            self.check_ciphertext(ciphertext)
            yield ciphertext

    def check_ciphertext(self, ciphertext: bytes) -> None:
        """One vector of `slots` slots whose SEAL body fills the rest exactly, by its own header."""
        if len(ciphertext) > MAX_CIPHERTEXT_BYTES:
            raise self.refused(
                f"expected at most {MAX_CIPHERTEXT_BYTES} bytes a ciphertext, got {len(ciphertext)}"
            )
        if not ciphertext.startswith(self.head + FIELD_2):
            raise self.refused(f"expected a vector of {self.slots} slots, got another shape")
        length, body = varint(ciphertext, len(self.head) + 1, refused=self.refused)
        if ciphertext[body + length :] != self.tail or len(ciphertext) < body + length:
            raise self.refused(f"expected {body + length + len(self.tail)} bytes, got {len(ciphertext)}")
        sealed = ciphertext[body : body + length]
        size = int.from_bytes(sealed[8:_SEAL_HEADER_BYTES], "little")
        if not sealed.startswith(_SEAL_HEADER) or size != len(sealed):
            raise self.refused("expected a whole SEAL 4.3 object, got another header")


def varint(data: bytes, position: int, *, refused: type[ProtocolError]) -> tuple[int, int]:
    """A protobuf length of at most four bytes, and the position after it."""
    value = 0
    for index in range(4):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise refused("expected a length of at most four bytes, got none")
