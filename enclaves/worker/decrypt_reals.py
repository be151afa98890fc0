"""Confined, for the gate: add foreign CKKS ciphertexts and open their sum, flooded and rounded; nothing else leaves.

As `decrypt` does for whole numbers: signatures were verified before, and a child parses all the same (protocols.md rule 3).
Order: the release in strict JSON, the secret context, then one frame for each piece of each party's contribution, party
after party (`pieces`; a whole contribution may be larger than a frame of the pipe). Emits the sums in grid units, int64
little-endian, in one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from enclaves.protocols import ckks
from enclaves.protocols.ckks import Release
from enclaves.worker.errors import OrderInvalid
from policies.documents import strict_json
from policies.errors import PolicyError

# 128 frames of a contribution, 8.2 MB: below the 16 MiB of the pipe.
PIECE_BYTES: Final = 128 * ckks.FRAME_BYTES


def order_frames(secret: bytes, contributions: Sequence[bytes], *, release: Release) -> Iterator[bytes]:
    """The order of this target."""
    yield strict_json.canonical(
        {
            "parties": release.parties,
            "slots": release.slots,
            "bound": str(Decimal(release.bound)),
            "grid_bits": release.grid_bits,
        }
    )
    yield secret
    for contribution in contributions:
        for start in range(0, len(contribution), PIECE_BYTES):
            yield contribution[start : start + PIECE_BYTES]


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    release = _release(next(frames, b""))
    secret = next(frames, b"")
    size = -(-release.slots // ckks.SLOTS) * ckks.FRAME_BYTES
    contributions = [_contribution(frames, size=size) for _ in range(release.parties)]
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the last contribution, got one")
    sums = ckks.open_sum(secret, contributions, release=release)
    emit(sums.astype("<i8", copy=False).tobytes())


def _contribution(frames: Iterator[bytes], *, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = next(frames, b"")
        if not piece:
            break
        pieces += piece
    if len(pieces) != size:
        raise OrderInvalid(f"expected a contribution of {size} bytes, got {len(pieces)}")
    return bytes(pieces)


def _release(data: bytes) -> Release:
    try:
        header = strict_json.parse_object(data)
    except PolicyError as error:
        raise OrderInvalid(f"expected a release in strict JSON: {error.code}") from None
    parties, slots, bits = header.get("parties"), header.get("slots"), header.get("grid_bits")
    if set(header) != {"parties", "slots", "bound", "grid_bits"}:
        raise OrderInvalid("expected parties, slots, bound and grid, got other members")
    if type(parties) is not int or type(slots) is not int or type(bits) is not int:
        raise OrderInvalid("expected whole numbers of parties, slots and grid bits, got others")
    try:
        bound = float(Decimal(str(header["bound"])))
    except (InvalidOperation, OverflowError, ValueError):
        raise OrderInvalid("expected a bound as a decimal, got another text") from None
    return Release(parties=parties, slots=slots, bound=bound, grid_bits=bits)
