"""Counts and sums of a governed statement over the partitions of one data set, added: integers, so to the bit.

Every person is in one partition, so persons add up like rows do. That holds for one table; tables split each by its own
number of partitions could not be joined here. The sums are the domain's own and not yet judged: what may leave of them is
decided by the disclosure rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.store import Lease
from enclaves.executor.confined_task import SUM_CELLS, Confined, Room
from enclaves.executor.errors import PartitionMismatch
from enclaves.executor.executor import Executor, Watch
from enclaves.executor.sum_cells import LANES
from enclaves.isolation.limits import Limits
from enclaves.worker.arrays import read_arrays
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.question import QuestionOrder, TableOrder
from policies.documents.strict_json import Json, canonical

CellKey: TypeAlias = bytes
"""A cell's key in its one spelling: the canonical JSON of `policies.aggregate.keys.to_wire`."""


@dataclass(frozen=True, slots=True)
class CellSums:
    """Sums by cell: persons, then persons behind, rows, sum and squares of each measure; int64[1 + 4 x measures] each."""

    by_cell: Mapping[CellKey, NDArray[np.int64]]


def count(
    executor: Executor,
    order: QuestionOrder,
    *,
    leases: Sequence[Lease],
    watch: Watch = Watch(),  # noqa: B008  # frozen, and the same nobody for everyone
) -> CellSums:
    """The sums of `order` over the partitions leased. Raises PartitionMismatch and the errors of `Executor.map`."""
    if len(order.units) != 1:
        raise PartitionMismatch(f"expected one table over partitions, got {len(order.units)}")
    limits = Limits(
        address_space_bytes=executor.setting.worker_memory_bytes, cpu_seconds=600, wall_seconds=300.0
    )
    rooms = (_room(order, order.units[0], lease) for lease in leases)
    return sums_in(order, executor.map(Confined(SUM_CELLS, limits), rooms, ordered=False, watch=watch))


def sums_in(order: QuestionOrder, answers: Iterable[tuple[int, tuple[bytes, ...]]]) -> CellSums:
    """The sum of what the partitions emitted, each with its number. Raises PartitionMismatch."""
    width = 1 + LANES * len(order.layout.shape.measures)
    sums: dict[CellKey, NDArray[np.int64]] = {}
    for partition, frames in answers:
        for key, values in _read(partition, frames, width=width):
            sums[key] = sums[key] + values if key in sums else values
    return CellSums(dict(sorted(sums.items())))


def _room(order: QuestionOrder, table: str, lease: Lease) -> Room:
    own = replace(order, tables={table: TableOrder(lease.key, lease.pointer.snapshot)})
    return Room({table: lease.path}, tuple(own.frames()))


def _read(
    partition: int, frames: tuple[bytes, ...], *, width: int
) -> list[tuple[CellKey, NDArray[np.int64]]]:
    try:
        found = read_arrays(iter(frames))
        keys, sums = found.member("keys"), found.array("sums", np.int64)
    except OrderInvalid:
        raise PartitionMismatch(f"partition {partition}: expected sums by cell, got another form") from None
    if not isinstance(keys, list) or len(sums) != width * len(keys):
        raise PartitionMismatch(f"partition {partition}: expected {width} sums a cell, got others")
    matrix = sums.reshape(width, -1)
    return [(_spelled(key), matrix[:, at].copy()) for at, key in enumerate(keys)]


def _spelled(key: Json) -> CellKey:
    return canonical(key)
