"""What travels with a point to the joiner, wrapped once more by every department that shuffles it.

Rules:
- The origin encrypts each payload; every later department encrypts each entry again after its shuffle. Before and after
  one honest department nothing is equal, not even to the origin, which wrote the payload: only the joiner can unwrap.
- Each layer has a fresh content key, sealed once to the joiner (HPKE: X-Wing, `sealing`), and AES-256-GCM per entry with
  the entry's place in its layer's order as nonce. One HPKE per entry would cost more than all the points of the batch.
- The place travels in front of the entry, because the next department shuffles; that department sees the order anyway,
  and its own layer then covers it.
- A layer is bound to the scenario, the batch's origin, who added it and at which stage; one changed bit opens nothing.

An entry grows by 20 bytes a layer: u32 place, 16 bytes of tag. Follows protocols.md sections 5 and 9.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.roster import SID_BYTES, framed_name
from enclaves.protocols.errors import ProtocolError, SealBroken
from enclaves.protocols.labels import Label
from enclaves.protocols.sealing import (
    CONTENT_KEY_BYTES,
    OVERHEAD_BYTES,
    SealingKey,
    SealingPublicKey,
    open_sealed,
    seal,
)

PLACE_BYTES: Final = 4
TAG_BYTES: Final = 16
LAYER_BYTES: Final = PLACE_BYTES + TAG_BYTES
WRAPPED_BYTES: Final = CONTENT_KEY_BYTES + OVERHEAD_BYTES
_NONCE_PREFIX: Final = bytes(12 - PLACE_BYTES)


@dataclass(frozen=True, slots=True)
class LayerBinding:
    """What a layer is bound to: the scenario, whose batch it is, who wraps it, and as which of its departments."""

    sid: bytes
    origin: str
    adder: str
    stage: int

    def __post_init__(self) -> None:
        if len(self.sid) != SID_BYTES or not 1 <= self.stage <= 255:
            raise ProtocolError("expected a sid of 32 bytes and a stage of 1 to 255, got others")

    @property
    def info(self) -> bytes:
        """label || sid || stage || origin || adder, each name with its length."""
        names = framed_name(self.origin) + framed_name(self.adder)
        return Label.ALIGN_LAYER.value + self.sid + bytes([self.stage]) + names


@dataclass(frozen=True, slots=True)
class Layer:
    """Entries wrapped once more, packed in order, and the content key sealed to the joiner."""

    entries: bytes
    wrapped_key: bytes


def wrap(
    entries: bytes, joiner: SealingPublicKey, *, width: int, binding: LayerBinding, content_key: bytes
) -> Layer:
    """`entries` of `width` bytes wrapped under a fresh `content_key` of 32 bytes; each grows by 20."""
    if len(content_key) != CONTENT_KEY_BYTES or width < 1 or len(entries) % width:
        raise ProtocolError(f"expected a key of {CONTENT_KEY_BYTES} bytes and whole entries, got others")
    encrypt, aad = AESGCM(content_key).encrypt, binding.info
    pieces: list[bytes] = []
    for place, at in enumerate(range(0, len(entries), width)):
        number = place.to_bytes(PLACE_BYTES, "big")
        pieces += (number, encrypt(_NONCE_PREFIX + number, entries[at : at + width], aad))
    return Layer(b"".join(pieces), seal(joiner, content_key, info=aad))


def unwrap(layer: Layer, joiner: SealingKey, *, width: int, binding: LayerBinding) -> bytes:
    """The entries under a layer whose entries have `width` bytes, each 20 shorter, in the order received.

    Raises SealBroken for another key, binding or altered bytes, BatchInvalid for an entry that stands in it twice.
    """
    if width <= LAYER_BYTES or len(layer.entries) % width:
        raise BatchInvalid(f"expected whole entries of {width} bytes, got others")
    aad = binding.info
    content_key = open_sealed(joiner, layer.wrapped_key, info=aad)
    if len(content_key) != CONTENT_KEY_BYTES:
        raise SealBroken(f"expected a content key of {CONTENT_KEY_BYTES} bytes, got another")
    decrypt, entries = AESGCM(content_key).decrypt, layer.entries
    count, pieces, places = len(entries) // width, [], set()
    for at in range(0, len(entries), width):
        number = entries[at : at + PLACE_BYTES]
        places.add(number)
        try:
            pieces.append(decrypt(_NONCE_PREFIX + number, entries[at + PLACE_BYTES : at + width], aad))
        except InvalidTag:
            raise SealBroken("expected an entry wrapped under this layer, got another") from None
    if places != {struct.pack(">I", place) for place in range(count)}:
        raise BatchInvalid("expected each entry of a layer once, got one twice or none")
    return b"".join(pieces)
