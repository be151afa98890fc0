"""Confined, for the gate: add foreign ciphertexts and decrypt the sum; the only place where they are parsed.

The gate has verified every sender's signature before; a child is used because SEAL's parser is not trusted with bytes
of others all the same (protocols.md rule 3). Order: a header {"parties", "slots"}, the secret context, then for each
chunk one frame per party. Emits per chunk the centered sums, int64 little-endian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from enclaves.protocols import bfv
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import chunks
from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.errors import PolicyError


def order_frames(
    secret: bytes, chunk_frames: Iterable[bytes], *, parties: int, slots: int
) -> Iterator[bytes]:
    """The order of this target; `chunk_frames` gives each chunk's contributions, party after party."""
    yield strict_json.canonical({"parties": parties, "slots": slots})
    yield secret
    yield from chunk_frames


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    parties, slots = _header(next(frames, b""))
    secret = next(frames, b"")
    for _, count in chunks(slots, mode=Mode.BFV):
        contributions = [next(frames, b"") for _ in range(parties)]
        totals = bfv.add_and_decrypt(secret, contributions, count=count)
        emit(totals.astype("<i8", copy=False).tobytes())
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the last contribution, got one")


def _header(data: bytes) -> tuple[int, int]:
    try:
        header = strict_json.parse_object(data)
    except PolicyError as error:
        raise OrderInvalid(f"expected a header in strict JSON: {error.code}") from None
    parties, slots = header.get("parties"), header.get("slots")
    if set(header) != {"parties", "slots"} or type(parties) is not int or type(slots) is not int:
        raise OrderInvalid("expected the numbers of parties and slots, got others")
    if not 1 <= parties <= bfv.MAX_PARTIES or slots < 1:
        raise OrderInvalid("expected at least one party and one slot, got others")
    return parties, slots
