"""Confined: read a score order, emit one masked or encrypted vector per chunk, then the commitment.

The chunks are those of `order.chunks`; memory is bounded by one of them, whatever the job's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.store import rehearse
from enclaves.worker.order import ScoreOrder, chunks, read_pids
from enclaves.worker.rows import columns_of, open_bound
from enclaves.worker.vector import Contribution


def prepare() -> None:
    """Load ahead of the order what its reading will use; there is nothing to read yet."""
    rehearse()


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = ScoreOrder.read(frames)
    contribution = Contribution(order)
    with open_bound(order.snapshot_key, order.part) as snapshot:
        for pids in read_pids(frames, sizes=chunks(order.slots, mode=order.mode)):
            columns, known = columns_of(snapshot, order.part, pids)
            emit(contribution.vector(columns, known))
    emit(contribution.commitment)
