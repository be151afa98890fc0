"""The one-use message that turns a permit into work: what a worker reads, and all that it reads.

An order is a sequence of frames. Frame 0 is the header, canonical JSON; then, as the header says, the part (canonical
JSON), the ONNX graph, the public context; then the slots' pids, 16 bytes each, `CHUNK_SLOTS` slots a frame at most. A slot
outside the effective set travels as sixteen zero bytes, which no person has, and follows the path of an unknown person.

Rules:
- Strict: unknown members, other types, keys of a wrong length are refused (`OrderInvalid`).
- An order carries keys, so it is neither stored nor logged, and its text form shows none of them.

The permit is bound to the job in `policies.decision`; here its digest only travels along (design.md section 3, step 4).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from enclaves.protocols.one_use import OneUse
from enclaves.protocols.secagg import PairKey, ReceiverKey
from enclaves.worker.errors import OrderInvalid
from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.documents.model import LinearPart, OnnxPart, Part, PartHead
from policies.documents.run import CHUNK_SLOTS
from policies.documents.strict_json import Json
from policies.errors import PolicyError

PID_BYTES: Final = 16
MAX_ORDER_BYTES: Final = 256 * 1024
FORMS: Final[Mapping[str, type[Part]]] = {"linear": LinearPart, "onnx": OnnxPart}
# A ciphertext holds 4096 slots in 88.6 kB: a whole number of them, in a vector that fits an attachment of 16 MiB.
BFV_CHUNK_SLOTS: Final = 180 * 4096
# One ciphertext of 768 bytes a slot: 15.4 MB.
PAILLIER_CHUNK_SLOTS: Final = 20_000
SLOTS_OF_A_CHUNK: Final[dict[Mode, int]] = {
    Mode.MASKED: CHUNK_SLOTS,
    Mode.BFV: BFV_CHUNK_SLOTS,
    Mode.PAILLIER: PAILLIER_CHUNK_SLOTS,
}


def chunk_slots(mode: Mode) -> int:
    """Slots of one vector, the last one excepted: what fits an attachment in this mode."""
    return SLOTS_OF_A_CHUNK[mode]


def chunks(slots: int, *, mode: Mode) -> Iterator[tuple[int, int]]:
    """(start, count) of each vector of `slots` slots, in order."""
    size = chunk_slots(mode)
    for start in range(0, slots, size):
        yield start, min(size, slots - start)


@dataclass(frozen=True, slots=True)
class Masks:
    """Mask keys of one party in one run: 32 bytes each; a receiver key in mode masked alone, a self mask where it recovers."""

    party: str
    pair_keys: Mapping[str, bytes] = field(repr=False)
    receiver_key: bytes | None = field(repr=False)
    opening_key: bytes = field(repr=False)
    self_mask: bytes | None = field(default=None, repr=False)

    def one_use(self, slots: int) -> OneUse:
        """The keys, to be spent on `slots` slots once. Raises ProtocolError for keys that do not fit."""
        return OneUse(
            self.party,
            pair_keys={peer: PairKey(key) for peer, key in self.pair_keys.items()},
            receiver_key=None if self.receiver_key is None else ReceiverKey(self.receiver_key),
            self_mask=self.self_mask,
            slots=slots,
        )

    def to_json(self) -> dict[str, Json]:
        """The members of an order's header."""
        return {
            "party": self.party,
            "pair_keys": {peer: key_text(key) for peer, key in self.pair_keys.items()},
            "receiver_key": None if self.receiver_key is None else key_text(self.receiver_key),
            "opening_key": key_text(self.opening_key),
            "self_mask": None if self.self_mask is None else key_text(self.self_mask),
        }

    @classmethod
    def from_json(cls, members: Mapping[str, Json]) -> Self:
        """The inverse of `to_json`. Raises OrderInvalid."""
        party, pair_keys = members["party"], members["pair_keys"]
        if not isinstance(party, str) or not isinstance(pair_keys, dict):
            raise OrderInvalid("expected a party and pair keys by peer, got another form")
        return cls(
            party=party,
            pair_keys={peer: key_bytes(value) for peer, value in pair_keys.items()},
            receiver_key=_optional_key(members["receiver_key"]),
            opening_key=key_bytes(members["opening_key"]),
            self_mask=_optional_key(members["self_mask"]),
        )


MASK_MEMBERS: Final = ("party", "pair_keys", "receiver_key", "opening_key", "self_mask")


@dataclass(frozen=True, slots=True)
class ScoreOrder:
    """Everything a score worker is told, besides pids and the snapshot file bound into its room."""

    permit: str
    snapshot_key: bytes = field(repr=False)
    part: Part
    head: PartHead
    grid: str
    mode: Mode
    masks: Masks
    slots: int
    graph: bytes | None = field(default=None, repr=False)
    context: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.mode is Mode.PAILLIER:
            raise OrderInvalid("expected mode masked or bfv for a part with its weights, got paillier")
        if (self.mode is Mode.BFV) != (self.context is not None):
            raise OrderInvalid("expected a public context exactly in mode bfv")
        if (self.mode is Mode.MASKED) != (self.masks.receiver_key is not None):
            raise OrderInvalid("expected a receiver key exactly in mode masked")
        if isinstance(self.part, OnnxPart) != (self.graph is not None):
            raise OrderInvalid("expected a graph exactly with an ONNX part")
        if self.slots < 1 or not float(self.grid) > 0:
            raise OrderInvalid("expected at least one slot and a positive grid")

    def frames(self) -> Iterator[bytes]:
        """The order's frames, without the pids that follow them."""
        header: dict[str, Json] = {
            "permit": self.permit,
            "snapshot_key": key_text(self.snapshot_key),
            "form": self.part.form,
            "head": self.head.model_dump(mode="json"),
            "grid": self.grid,
            "mode": self.mode.value,
            **self.masks.to_json(),
            "slots": self.slots,
        }
        yield strict_json.canonical(header)
        yield strict_json.canonical(self.part.to_body())
        yield from (frame for frame in (self.graph, self.context) if frame is not None)

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Self:
        """The order at the head of `frames`, which are left at the first frame of pids."""
        header = Header(next_frame(frames))
        form, mode = header.text("form"), header.text("mode")
        if mode not in set(Mode):
            raise OrderInvalid("expected a known mode, got another")
        part = _part(form, next_frame(frames))
        order = cls(
            permit=header.text("permit"),
            snapshot_key=header.key("snapshot_key"),
            part=part,
            head=_head(header.take("head")),
            grid=header.decimal("grid"),
            mode=Mode(mode),
            masks=Masks.from_json({name: header.take(name) for name in MASK_MEMBERS}),
            slots=header.integer("slots"),
            graph=next_frame(frames) if isinstance(part, OnnxPart) else None,
            context=next_frame(frames) if mode == Mode.BFV else None,
        )
        header.check_empty()
        return order


@dataclass(frozen=True, slots=True)
class StatisticsOrder:
    """What a statistics worker is told: the part it describes over the whole population, and what is public of the part."""

    permit: str
    snapshot_key: bytes = field(repr=False)
    part: Part
    head: PartHead
    grid: str
    bands: int
    graph: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.part, OnnxPart) != (self.graph is not None):
            raise OrderInvalid("expected a graph exactly with an ONNX part")
        if self.bands < 2 or not float(self.grid) > 0:
            raise OrderInvalid("expected at least two bands and a positive grid")

    def frames(self) -> Iterator[bytes]:
        """Header, part, and the graph of an ONNX part."""
        header: dict[str, Json] = {
            "permit": self.permit,
            "snapshot_key": key_text(self.snapshot_key),
            "form": self.part.form,
            "head": self.head.model_dump(mode="json"),
            "grid": self.grid,
            "bands": self.bands,
        }
        yield strict_json.canonical(header)
        yield strict_json.canonical(self.part.to_body())
        yield from (frame for frame in (self.graph,) if frame is not None)

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Self:
        """The order at the head of `frames`."""
        header = Header(next_frame(frames))
        part = _part(header.text("form"), next_frame(frames))
        order = cls(
            permit=header.text("permit"),
            snapshot_key=header.key("snapshot_key"),
            part=part,
            head=_head(header.take("head")),
            grid=header.decimal("grid"),
            bands=header.integer("bands"),
            graph=next_frame(frames) if isinstance(part, OnnxPart) else None,
        )
        header.check_empty()
        return order


def pid_frames(pids: NDArray[np.uint64], *, sizes: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The pids (uint64 [slots, 2]) as frames of the sizes (start, count)."""
    for start, count in sizes:
        yield pids[start : start + count].astype("<u8", copy=False).tobytes()


def read_pids(frames: Iterable[bytes], *, sizes: Iterable[tuple[int, int]]) -> Iterator[NDArray[np.uint64]]:
    """The inverse of `pid_frames`: each frame of exactly the size asked for, and none behind them."""
    rest = iter(frames)
    for _, count in sizes:
        frame = next_frame(rest)
        if len(frame) != count * PID_BYTES:
            raise OrderInvalid(f"expected {count} pids, got {len(frame)} bytes")
        yield np.frombuffer(frame, dtype="<u8").reshape(-1, 2).astype(np.uint64, copy=False)
    if next(rest, None) is not None:
        raise OrderInvalid("expected no frame behind the last pids, got one")


class Header:
    """The members of a header, each taken once and with its type."""

    def __init__(self, data: bytes) -> None:
        try:
            self._members = dict(strict_json.parse_object(data, max_bytes=MAX_ORDER_BYTES))
        except PolicyError as error:
            raise OrderInvalid(f"expected a header in strict JSON: {error.code}") from None

    def take(self, name: str) -> Json:
        if name not in self._members:
            raise OrderInvalid(f"expected a member `{name}`, got none")
        return self._members.pop(name)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise OrderInvalid(f"expected text in `{name}`")
        return value

    def integer(self, name: str) -> int:
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise OrderInvalid(f"expected an integer in `{name}`")
        return value

    def decimal(self, name: str) -> str:
        value = self.text(name)
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise OrderInvalid(f"expected a decimal in `{name}`")
        return value

    def key(self, name: str) -> bytes:
        return key_bytes(self.take(name))

    def check_empty(self) -> None:
        if self._members:
            raise OrderInvalid("expected no further member, got one")


def _part(form: str, data: bytes) -> Part:
    kind = FORMS.get(form)
    if kind is None:
        raise OrderInvalid("expected a known form of part, got another")
    try:
        return kind.from_body(strict_json.parse_object(data))
    except PolicyError as error:
        raise OrderInvalid(f"expected a part of form `{form}`: {error.code}") from None


def _head(value: Json) -> PartHead:
    try:
        return PartHead.model_validate_json(strict_json.canonical(value))
    except (ValidationError, PolicyError):
        raise OrderInvalid("expected a part's public head, got another form") from None


def next_frame(frames: Iterator[bytes]) -> bytes:
    """The next frame. Raises OrderInvalid at the end."""
    frame = next(frames, None)
    if frame is None:
        raise OrderInvalid("expected another frame, got the end")
    return frame


def _optional_key(value: Json) -> bytes | None:
    return None if value is None else key_bytes(value)


def key_text(key: bytes) -> str:
    """A key as an order writes it."""
    return base64.b64encode(key).decode()


def key_bytes(value: Json) -> bytes:
    """The inverse of `key_text`, 32 bytes. Raises OrderInvalid."""
    try:
        key = base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise OrderInvalid("expected a key of 32 bytes in base64, got another")
    return key
