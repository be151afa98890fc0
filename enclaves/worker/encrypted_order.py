"""The one-use orders of mode paillier: what a worker is told that computes with weights it cannot read.

Frame 0 is a header, canonical JSON, frame 1 the examiner's `encrypted-weights` document. Of a score order the modulus and
the ciphertexts follow, both unparsed, then pids as in `order`. Rules as there: strict, one use, never stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import MASK_MEMBERS, Header, Masks, key_text, next_frame
from policies.documents import strict_json
from policies.documents.encrypted import EncryptedWeights
from policies.documents.strict_json import Json
from policies.errors import PolicyError


@dataclass(frozen=True, slots=True)
class EncryptedOrder:
    """Everything a score worker is told, besides pids and the snapshot. Modulus and weights were verified as signed."""

    permit: str
    snapshot_key: bytes = field(repr=False)
    weights: EncryptedWeights
    modulus: bytes
    ciphertexts: bytes = field(repr=False)
    masks: Masks
    slots: int

    def __post_init__(self) -> None:
        if self.masks.receiver_key is not None or self.masks.self_mask is not None or self.slots < 1:
            raise OrderInvalid("expected at least one slot, and pair keys alone, in mode paillier")

    def frames(self) -> Iterator[bytes]:
        """The order's frames, without the pids that follow them."""
        header: dict[str, Json] = {
            "permit": self.permit,
            "snapshot_key": key_text(self.snapshot_key),
            **self.masks.to_json(),
            "slots": self.slots,
        }
        yield strict_json.canonical(header)
        yield strict_json.canonical(self.weights.to_body())
        yield self.modulus
        yield self.ciphertexts

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Self:
        """The order at the head of `frames`, which are left at the first frame of pids. Raises OrderInvalid."""
        header = Header(next_frame(frames))
        order = cls(
            permit=header.text("permit"),
            snapshot_key=header.key("snapshot_key"),
            weights=_weights(next_frame(frames)),
            modulus=next_frame(frames),
            ciphertexts=next_frame(frames),
            masks=Masks.from_json({name: header.take(name) for name in MASK_MEMBERS}),
            slots=header.integer("slots"),
        )
        header.check_empty()
        return order


@dataclass(frozen=True, slots=True)
class FeaturesOrder:
    """What a worker is told that describes the features alone, for vetting."""

    permit: str
    snapshot_key: bytes = field(repr=False)
    weights: EncryptedWeights

    def frames(self) -> Iterator[bytes]:
        """Header and document."""
        yield strict_json.canonical({"permit": self.permit, "snapshot_key": key_text(self.snapshot_key)})
        yield strict_json.canonical(self.weights.to_body())

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Self:
        """The order in `frames`, nothing behind it. Raises OrderInvalid."""
        header = Header(next_frame(frames))
        order = cls(
            permit=header.text("permit"),
            snapshot_key=header.key("snapshot_key"),
            weights=_weights(next_frame(frames)),
        )
        header.check_empty()
        if next(frames, None) is not None:
            raise OrderInvalid("expected no frame behind the order, got one")
        return order


def _weights(data: bytes) -> EncryptedWeights:
    try:
        return EncryptedWeights.from_body(strict_json.parse_object(data))
    except PolicyError as error:
        raise OrderInvalid(f"expected encrypted weights: {error.code}") from None
