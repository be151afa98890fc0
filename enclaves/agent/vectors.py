"""The vectors of a run and the commitment to them: from one confined worker, or from the executor over partitions.

Both ways give the same bytes: a slot's mask follows from its place in the run. A partition that is done again after its
worker was lost gives the masked words it gave, so nothing is ever masked twice with the same keystream.

Over partitions runs mode masked, small jobs excepted for which workers wait (`workers`). In mode bfv a ciphertext holds
thousands of slots, whichever partition their persons are in, so one worker encrypts them over the undivided store, which is
always there. The same is true of encrypted weights, of what vetting measures and of what an aggregate asks: that needs all
rows in one place to judge what may leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import numpy as np
from numpy.typing import NDArray

from connectors.store import DomainStore, Lease
from enclaves.agent.execution import Execution
from enclaves.agent.workers import ScoreWorkers
from enclaves.executor.scoring import score
from enclaves.worker.order import ScoreOrder, chunks, pid_frames
from policies.documents.authorization import Mode


@contextmanager
def vectors_of(
    store: DomainStore,
    order: ScoreOrder,
    pids: NDArray[np.uint64],
    *,
    workers: ScoreWorkers,
    execution: Execution | None,
) -> Iterator[Iterator[bytes]]:
    """One vector a chunk, then the commitment; `pids` is uint64 [order.slots, 2], zeros for nobody.

    Raises the errors of `run_confined`, of `Executor.map`, and PartitionsDiffer.
    """
    dataset, small = order.part.dataset, workers.wait_for(order.slots)
    with store.lease(dataset) as lease:
        way: AbstractContextManager[Iterator[bytes]]
        if execution is None or order.mode is not Mode.MASKED or small:
            way = workers.run(lease, _frames(order, pids), dataset=dataset, slots=order.slots)
        else:
            way = _over_partitions(execution, lease, order, pids=pids)
        with way as run:
            yield run


@contextmanager
def _over_partitions(
    execution: Execution, whole: Lease, order: ScoreOrder, *, pids: NDArray[np.uint64]
) -> Iterator[Iterator[bytes]]:
    """While the undivided snapshot is leased its partitions stay, and none of another snapshot is met."""
    snapshot, dataset = whole.pointer.snapshot, order.part.dataset
    execution.check_snapshot(snapshot, dataset)
    with (
        execution.parted.lease_all(snapshot, dataset) as leases,
        closing(score(execution.executor, order, pids, leases=leases, watch=execution.watch)) as frames,
    ):
        yield frames


def _frames(order: ScoreOrder, pids: NDArray[np.uint64]) -> Iterator[bytes]:
    yield from order.frames()
    yield from pid_frames(pids, sizes=chunks(order.slots, mode=order.mode))
