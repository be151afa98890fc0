"""Confined, for the gate: multiply foreign ciphertexts, decrypt the totals, round them; the only place where they are parsed.

The gate has verified every sender's signature and every vector's digest before. Order: a header {"parties", "slots",
"bound"} (the bound as text: it may exceed what JSON holds), the secret half, then for each chunk one frame per party. Emits
per chunk the totals in grid units, int64 little-endian: unrounded totals never leave the child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from enclaves.protocols.paillier.ciphertexts import Ciphertext, from_wire
from enclaves.protocols.paillier.keys import PublicKey, secret_from_wire
from enclaves.protocols.paillier.scoring import add_domains, open_totals
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import Header, chunks, next_frame
from policies import fixed_point
from policies.documents import strict_json
from policies.documents.authorization import Mode

MAX_PARTIES = 50


def order_frames(
    secret: bytes, vectors: Iterable[bytes], *, parties: int, slots: int, bound: int
) -> Iterator[bytes]:
    """The order of this target; `vectors` gives each chunk's contributions, party after party."""
    yield strict_json.canonical({"parties": parties, "slots": slots, "bound": str(bound)})
    yield secret
    yield from vectors


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    parties, slots, bound = _header(next_frame(frames))
    private = secret_from_wire(next_frame(frames))
    for _, count in chunks(slots, mode=Mode.PAILLIER):
        contributions = [_ciphertexts(private.public, next_frame(frames), count) for _ in range(parties)]
        totals = open_totals(private, add_domains(contributions), bound=bound)
        emit(fixed_point.rounded(totals).astype("<i8", copy=False).tobytes())
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the last contribution, got one")


def _ciphertexts(key: PublicKey, data: bytes, count: int) -> list[Ciphertext]:
    size = key.ciphertext_bytes
    if len(data) != count * size:
        raise OrderInvalid(f"expected {count} ciphertexts of {size} bytes, got {len(data)} bytes")
    return [from_wire(key, data[at : at + size]) for at in range(0, len(data), size)]


def _header(data: bytes) -> tuple[int, int, int]:
    header = Header(data)
    parties, slots, bound = header.integer("parties"), header.integer("slots"), header.text("bound")
    header.check_empty()
    if not 1 <= parties <= MAX_PARTIES or slots < 1 or not (bound.isascii() and bound.isdigit()):
        raise OrderInvalid("expected parties, slots and a bound, got others")
    return parties, slots, int(bound)
