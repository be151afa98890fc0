"""Confined: the commitment to a vector that was put together from partitions.

The commitment covers the encoding in the order of the slots (protocols.md section 2.3, C_i), which no partition knows. The
masks are taken off here, in a confined child, and nothing but the 32 bytes leaves.

Frames: those of the score order; then the masked vector, 8 bytes a slot, a frame a chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from enclaves.executor.score_partition import masks_of
from enclaves.protocols import ring
from enclaves.protocols.ring import Encoded
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import ScoreOrder, chunks


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = ScoreOrder.read(frames)
    masks, commitment = masks_of(order), hashlib.sha256(order.masks.opening_key)
    for _, count in chunks(order.slots, mode=order.mode):
        masked = ring.masked_from_wire(next(frames, b""), slots=count)
        # The mask of zeros is the mask.
        mask = masks.mask(ring.encode(np.zeros(count, dtype=np.int64)))
        commitment.update(ring.to_wire(Encoded(masked - mask)))
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the last vector, got one")
    emit(commitment.digest())
