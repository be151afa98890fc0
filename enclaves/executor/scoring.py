"""A domain's masked vector over the partitions of its data: the frames of `enclaves.worker.score`, to the bit.

Each partition gives the masked words of its slots; here they are put in the order of the slots, chunk after chunk, and
committed to in a confined child that is fed each chunk as it leaves. No row's value is in the clear outside the children.
Ciphertexts hold thousands of slots each, so a run in mode bfv is refused: it stays with one store.

Memory here: 16 bytes a slot of plan and vector, besides the pids the caller holds and `in_flight` payloads and results.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from connectors.store import Lease
from enclaves.executor.confined_task import COMMIT, SCORE_PARTITION, TARGETS, Confined, Room
from enclaves.executor.errors import PartitionMismatch
from enclaves.executor.executor import Executor, Watch
from enclaves.executor.plan import PartitionPlan
from enclaves.executor.score_partition import slot_frames
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.worker.order import ScoreOrder, chunks
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.documents.authorization import Mode

SECONDS = 600.0


def score(
    executor: Executor,
    order: ScoreOrder,
    pids: NDArray[np.uint64],
    *,
    leases: Sequence[Lease],
    watch: Watch = Watch(),  # noqa: B008  # frozen, and the same nobody for everyone
) -> Generator[bytes]:
    """One masked vector a chunk, then the commitment. `leases` are those of all partitions, in their order.

    `pids` is uint64 [order.slots, 2]; a slot outside the effective set is sixteen zero bytes. Raises PartitionMismatch and
    the errors of `Executor.map` and `run_confined`.
    """
    if order.mode is not Mode.MASKED or len(pids) != order.slots or not leases:
        raise PartitionMismatch("expected mode masked, a pid for each slot and at least one partition")
    limits = score_limits(order.slots, memory_bytes=executor.setting.worker_memory_bytes)
    plan = PartitionPlan.of(pids, len(leases))
    words = np.empty(order.slots, dtype=np.uint64)
    rooms = (room_of(order, pids, plan, partition=number, lease=lease) for number, lease in enumerate(leases))
    for partition, frames in executor.map(
        Confined(SCORE_PARTITION, limits), rooms, ordered=False, watch=watch
    ):
        plan.put(partition, _words(frames), into=words)
    yield from _committed(order, words, limits)


def score_limits(slots: int, *, memory_bytes: int) -> Limits:
    """Limits of one confined worker of a run of `slots` slots."""
    return Limits(
        address_space_bytes=memory_bytes,
        cpu_seconds=int(SECONDS) * 2,
        wall_seconds=SECONDS,
        processes=128,
        input_bytes=(64 << 20) + 24 * slots,
        output_bytes=(64 << 20) + 24 * slots,
    )


def room_of(
    order: ScoreOrder, pids: NDArray[np.uint64], plan: PartitionPlan, *, partition: int, lease: Lease
) -> Room:
    """What the worker of `partition` is given: the order under the partition's own key, and its slots."""
    own = replace(order, snapshot_key=lease.key)
    slots = (
        frame
        for own_slots, places in plan.places(partition, chunks(order.slots, mode=order.mode))
        for frame in slot_frames(places, pids[own_slots])
    )
    return Room({SNAPSHOT_NAME: lease.path}, (*own.frames(), *slots))


def _words(frames: tuple[bytes, ...]) -> NDArray[np.uint64]:
    data = b"".join(frames)
    if len(data) % 8:
        raise PartitionMismatch("expected words of 8 bytes, got others")
    return np.frombuffer(data, dtype="<u8").astype(np.uint64, copy=False)


def _committed(order: ScoreOrder, words: NDArray[np.uint64], limits: Limits) -> Generator[bytes]:
    """The vector in chunks, each to the caller, and all of them to the child that commits to them."""
    vectors = [
        words[start : start + count].astype("<u8", copy=False).tobytes
        for start, count in chunks(order.slots, mode=order.mode)
    ]

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        for vector in vectors:
            yield vector()

    with run_confined(COMMIT, frames(), files={}, limits=limits, extra_targets=TARGETS) as run:
        for vector in vectors:
            yield vector()
        commitment = list(run)
    if len(commitment) != 1 or len(commitment[0]) != 32:
        raise PartitionMismatch("expected a commitment last, got something else")
    yield commitment[0]
