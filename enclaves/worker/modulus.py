"""Confined: verify that a gate's modulus is proven to be a Paillier-Blum modulus, before anything is computed under it.

Order: the modulus, the proof, the context. Emits the key's digest. The gate signed all three; they are bytes of somebody
else all the same, and are parsed here alone (protocols.md rule 3 and section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from enclaves.protocols.paillier.modulus_proof import receive_key
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import next_frame


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    modulus, proof, context = (next_frame(frames) for _ in range(3))
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the context, got one")
    emit(receive_key(modulus, proof, context=context).digest)
