"""Growth of a partitioned score job: seconds and memory from 10^5 subjects on, through real confined workers.

The way measured is `enclaves.executor.scoring.score` over one domain of the benches, split into partitions of a fixed number
of persons: masked words of every partition, put in the order of the slots, committed to. Generating people, writing the store
and splitting it are before the clock; splitting has a clock of its own. The result is compared with that of the undivided
store wherever `against_whole` is set: a figure of a wrong result is no figure.

Memory: `worker_peak_mb` is the largest proportional set of any one process below this one; it is what must stay flat, as a
worker holds one partition and one chunk. `peak_mb` sums this process and all below it; it grows by what the enclave itself
holds of every slot: 16 bytes of pid, 8 of place, 8 of masked word.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.store.partition import PartitionedStore
from enclaves.bench.domains import GRID, Domain, make_domains
from enclaves.executor.choosing import executor_of
from enclaves.executor.executor import Executor
from enclaves.executor.scoring import score, score_limits
from enclaves.executor.setting import Setting
from enclaves.isolation.confined import run_confined
from enclaves.isolation.memory import MemoryWatch
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.documents.authorization import Mode

SIZES: Final = (100_000, 1_000_000)
LARGEST: Final = 10_000_000
PERSONS: Final = 250_000
PEERS: Final = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """One size. `whole_seconds` is the undivided store's worker on the same rows, None where it was not run."""

    subjects: int
    partitions: int
    workers: int
    split_seconds: float
    seconds: float
    subjects_per_second: int
    worker_peak_mb: float
    peak_mb: float
    whole_seconds: float | None


def measure(
    directory: Path,
    *,
    sizes: Sequence[int] = SIZES,
    persons: int = PERSONS,
    setting: Setting = Setting(),  # noqa: B008  # frozen
    against_whole: bool = True,
    seed: int = 20261124,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Scale]:
    """One figure a size, smallest first; partitions of about `persons` persons. Every size has a new store."""
    return [
        _measure(
            directory / str(subjects),
            _domain(directory / str(subjects), subjects, seed=seed, progress=progress),
            partitions=max(setting.workers, -(-subjects // persons)),
            executor=executor_of(setting),
            against_whole=against_whole,
        )
        for subjects in sorted(sizes)
    ]


def _domain(directory: Path, subjects: int, *, seed: int, progress: Callable[[str], None]) -> Domain:
    (domain,) = make_domains(directory, domains=1, subjects=subjects, seed=seed, progress=progress)
    return domain


def _measure(
    directory: Path, domain: Domain, *, partitions: int, executor: Executor, against_whole: bool
) -> Scale:
    parted = PartitionedStore.of(domain.store, directory / "parts", partitions=partitions)
    dataset, subjects = domain.part.dataset, len(domain.pids)
    order = _order(domain)
    with ExitStack() as held:
        whole = held.enter_context(domain.store.lease(dataset))
        before = time.perf_counter()
        parted.split(whole, now=datetime.now(UTC))
        split_seconds = time.perf_counter() - before
        leases = [
            held.enter_context(parted.lease(whole.pointer.snapshot, dataset, number))
            for number in range(partitions)
        ]
        with MemoryWatch() as memory:
            before = time.perf_counter()
            digest = _digest(score(executor, order, domain.pids, leases=leases))
            seconds = time.perf_counter() - before
    whole_seconds = _against_whole(domain, order, digest) if against_whole else None
    return Scale(
        subjects=subjects,
        partitions=partitions,
        workers=executor.setting.workers,
        split_seconds=round(split_seconds, 3),
        seconds=round(seconds, 3),
        subjects_per_second=round(subjects / seconds),
        worker_peak_mb=round(memory.largest_below_mb, 1),
        peak_mb=round(memory.peak_mb, 1),
        whole_seconds=None if whole_seconds is None else round(whole_seconds, 3),
    )


def _order(domain: Domain) -> ScoreOrder:
    """A masked run of three parties."""
    return ScoreOrder(
        permit=hashlib.sha256(b"bench").hexdigest(),
        snapshot_key=domain.store.snapshot_key(domain.part.dataset),
        part=domain.part,
        head=domain.head,
        grid=GRID,
        mode=Mode.MASKED,
        masks=Masks(
            party=domain.party,
            pair_keys={f"peer-{number}": secrets.token_bytes(32) for number in range(PEERS)},
            receiver_key=secrets.token_bytes(32),
            opening_key=secrets.token_bytes(32),
        ),
        slots=len(domain.pids),
    )


def _against_whole(domain: Domain, order: ScoreOrder, digest: str) -> float:
    """Seconds of the undivided store's worker. Raises ArithmeticError if it gives other bits."""
    limits = score_limits(order.slots, memory_bytes=8 << 30)

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        yield from pid_frames(domain.pids, sizes=chunks(order.slots, mode=order.mode))

    before = time.perf_counter()
    with (
        domain.store.lease(domain.part.dataset) as lease,
        run_confined(
            "enclaves.worker.score", frames(), files={SNAPSHOT_NAME: lease.path}, limits=limits
        ) as run,
    ):
        expected = _digest(run)
    seconds = time.perf_counter() - before
    if digest != expected:
        raise ArithmeticError("expected the bits of the undivided store, got others")
    return seconds


def _digest(frames: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame)
    return digest.hexdigest()
