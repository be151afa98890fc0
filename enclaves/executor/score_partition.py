"""Confined: the masked words of the slots that belong to one partition, chunk after chunk.

A slot's mask is fixed by its place in the run, so every partition runs the whole keystream and keeps the words of its own
slots: each masked word has the bits it has in the vector of the undivided store (protocols.md section 2.3, R3). The rest of
the keystream never leaves: together with another partition's word it would show that slot's value.

Frames: those of a score order over all slots of the run; then, for each chunk of `order.chunks`, the places of the
partition's slots from the chunk's start (u32, little-endian, ascending) and their pids. Emits 8 bytes a slot, a frame a chunk.
Memory is bounded by the partition's persons and one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from connectors.store import LockedSnapshot
from enclaves.model.partial import grid_units
from enclaves.protocols import ring
from enclaves.protocols.one_use import OneUse
from enclaves.protocols.ring import Masked
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.order import PID_BYTES, ScoreOrder, chunks
from enclaves.worker.rows import columns_of, open_bound
from enclaves.worker.vector import Evaluate, evaluator
from policies.documents.authorization import Mode

PLACE_BYTES = 4


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = ScoreOrder.read(frames)
    masks, evaluate = masks_of(order), evaluator(order.part, order.graph)
    with open_bound(order.snapshot_key, order.part) as snapshot:
        for _, count in chunks(order.slots, mode=order.mode):
            places, pids = _read_slots(frames, count)
            units = np.zeros(count, dtype=np.int64)
            if len(places):
                units[places] = _units(order, evaluate, snapshot, pids=pids)
            masked = masks.mask(ring.encode(units))
            emit(ring.to_wire(Masked(masked[places])))
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the last pids, got one")


def masks_of(order: ScoreOrder) -> OneUse:
    """The run's mask keys. Raises OrderInvalid for a run in mode bfv, whose ciphertexts hold many slots each."""
    if order.mode is not Mode.MASKED or order.masks.receiver_key is None:
        raise OrderInvalid("expected mode masked over partitions, got another")
    return order.masks.one_use(order.slots)


def slot_frames(places: NDArray[np.int64], pids: NDArray[np.uint64]) -> tuple[bytes, bytes]:
    """The two frames of one chunk."""
    return places.astype("<u4").tobytes(), pids.astype("<u8", copy=False).tobytes()


def _units(
    order: ScoreOrder, evaluate: Evaluate, snapshot: LockedSnapshot, *, pids: NDArray[np.uint64]
) -> NDArray[np.int64]:
    columns, known = columns_of(snapshot, order.part, pids)
    return grid_units(evaluate(columns, len(known)), known, head=order.head, grid=float(order.grid))


def _read_slots(frames: Iterator[bytes], count: int) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    first, second = next(frames, None), next(frames, None)
    if first is None or second is None:
        raise OrderInvalid("expected places and pids, got the end")
    if len(first) % PLACE_BYTES or len(second) * PLACE_BYTES != len(first) * PID_BYTES:
        raise OrderInvalid("expected a pid for each place, got others")
    places = np.frombuffer(first, dtype="<u4").astype(np.intp)
    if len(places) and (int(places[-1]) >= count or not (np.diff(places) > 0).all()):
        raise OrderInvalid("expected ascending places within the chunk, got others")
    return places, np.frombuffer(second, dtype="<u8").reshape(-1, 2).astype(np.uint64, copy=False)
