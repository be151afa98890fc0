"""Which slots belong to which partition, and back: scattered results in the order of the slots again.

A slot of nobody (sixteen zero bytes) is unknown in every partition, so it may go to any; those are dealt out in turn, lest one
partition get them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.store.partition import partition_of
from enclaves.executor.errors import PartitionMismatch


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """Every slot in exactly one partition. `order` lists the slots by partition, ascending within; int64 [slots]."""

    partitions: int
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    """Where each partition begins in `order`, and the end; int64 [partitions + 1]."""

    @classmethod
    def of(cls, pids: NDArray[np.uint64], partitions: int) -> PartitionPlan:
        """The plan for the slots' pids, uint64 [slots, 2]."""
        nobody = ~pids.any(axis=1)
        place = np.where(nobody, np.arange(len(pids)) % partitions, partition_of(pids, partitions))
        # Of 16 bits, NumPy's stable sort is a radix sort: linear in the slots.
        order = np.argsort(place.astype(np.uint16), kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=partitions))])
        return cls(partitions, order.astype(np.int64, copy=False), starts.astype(np.int64))

    @property
    def slots(self) -> int:
        return len(self.order)

    def slots_of(self, partition: int) -> NDArray[np.int64]:
        """The slots of `partition`, ascending; a view."""
        return self.order[self.starts[partition] : self.starts[partition + 1]]

    def places(
        self, partition: int, sizes: Iterator[tuple[int, int]]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each chunk (start, count): the partition's slots in it, and their places from the chunk's start."""
        slots = self.slots_of(partition)
        for start, count in sizes:
            low, high = np.searchsorted(slots, (start, start + count))
            own = slots[low:high]
            yield own, own - start

    def put(self, partition: int, values: NDArray[np.uint64], *, into: NDArray[np.uint64]) -> None:
        """Write the partition's values, in the order of its slots, to their slots. Raises PartitionMismatch."""
        slots = self.slots_of(partition)
        if len(values) != len(slots):
            raise PartitionMismatch(f"partition {partition}: expected {len(slots)} values, got {len(values)}")
        into[slots] = values
