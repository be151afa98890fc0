"""A small real domain, whole and in partitions, and the jobs the executors are compared on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.store import DomainStore, Lease
from connectors.store.partition import PartitionedStore
from enclaves.executor.confined_task import SUM_CELLS, TARGETS
from enclaves.executor.counting import CellSums, sums_in
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from enclaves.worker.question import QuestionOrder, TableOrder
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.aggregate.layout import Layout
from policies.disclosure import limits as disclosure
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.documents.authorization import Mode
from policies.sql.row_statement import AMOUNT, BEHIND, KEY, PERSON, row_of
from tests.enclaves.worker.domain import (
    GRID,
    NOW,
    PID_KEY,
    STORE_KEY,
    build,
    dataset,
    head,
    part,
    resident,
    rows,
)

ID = "hospital-rows"
PEOPLE = 200
PARTITIONS = 3
PART = part("hospital")
LIMITS = Limits(address_space_bytes=6 << 30)
MASKS = Masks("b", {"a": b"1" * 32, "c": b"2" * 32}, b"r" * 32, b"o" * 32)
SHAPE = Shape(
    ("sex",), (Measure("n", Kind.COUNT), Measure("spent", Kind.VARIANCE, Coverage.PRESENT, scale=2))
)
STATEMENT = (
    f"SELECT __row AS {row_of(0)}, person AS {PERSON}, sex AS {KEY}0,"
    f' amount IS NOT NULL AS {BEHIND}1, amount AS {AMOUNT}1 FROM "{ID}" WHERE year >= 2024'
)


@dataclass(frozen=True)
class Domain:
    """One data set, undivided and split."""

    store: DomainStore
    parted: PartitionedStore
    snapshot: str

    @contextmanager
    def leases(self) -> Iterator[list[Lease]]:
        with ExitStack() as held:
            yield [
                held.enter_context(self.parted.lease(self.snapshot, ID, number))
                for number in range(self.parted.partitions)
            ]


def make(directory: Path) -> Domain:
    store = build(directory / "whole", dataset("hospital"), rows(range(PEOPLE), "hospital"))
    parted = PartitionedStore(directory / "parts", PARTITIONS, STORE_KEY, PID_KEY)
    with store.lease(ID) as lease:
        parted.split(lease, now=NOW)
        return Domain(store, parted, lease.pointer.snapshot)


def slots(domain: Domain, count: int = 300) -> NDArray[np.uint64]:
    """Known, unknown and not effective ones."""
    pids = domain.store.pids([resident(number) for number in range(count)])
    pids[::7] = 0
    return pids


def score_order(domain: Domain, count: int, mode: Mode = Mode.MASKED) -> ScoreOrder:
    return ScoreOrder(
        permit="0" * 64,
        snapshot_key=domain.store.snapshot_key(ID),
        part=PART,
        head=head(PART),
        grid=GRID,
        mode=mode,
        masks=MASKS,
        slots=count,
    )


def scored_whole(domain: Domain, order: ScoreOrder, pids: NDArray[np.uint64]) -> list[bytes]:
    """The frames of the worker of the undivided store."""
    frames = [*order.frames(), *pid_frames(pids, sizes=chunks(order.slots, mode=order.mode))]
    with domain.store.lease(ID) as lease:
        files = {SNAPSHOT_NAME: lease.path}
        return list(run_confined("enclaves.worker.score", frames, files=files, limits=LIMITS))


def question(domain: Domain) -> QuestionOrder:
    return QuestionOrder(
        permit="0" * 64,
        tables={ID: TableOrder(domain.store.snapshot_key(ID), domain.snapshot)},
        units=(ID,),
        statement=STATEMENT,
        apart=None,
        layout=Layout(SHAPE, None),
        bounds=(None, None),
        limits=disclosure.Limits(),
        one_domain=True,
        masks=MASKS,
        lineages=(Lineage(),),
    )


def counted_whole(domain: Domain) -> CellSums:
    """The sums of the undivided store."""
    order = question(domain)
    with domain.store.lease(ID) as lease:
        frames = run_confined(
            SUM_CELLS, order.frames(), files={ID: lease.path}, limits=LIMITS, extra_targets=TARGETS
        )
        return sums_in(order, [(0, tuple(frames))])
