"""`domicile bench scale`: growth of a partitioned score job, seconds and memory from 10^5 to 10^7 subjects, real workers.

The way measured is `enclaves.executor.scoring.score` over one domain of the benches, split into partitions of a fixed number
of persons: masked words of every partition, put in the order of the slots, committed to. Generating people, writing the store
and splitting it are before the clock; splitting has a clock of its own. Beside it stands the undivided store's one worker on
the same rows, and one worker at a time in place of two. All must give the same bits: a figure of a wrong result is no figure.

Memory: `worker_peak_mb` is the largest proportional set of any one process below this one; it is what must stay flat, as a
worker holds one partition and one chunk. `peak_mb` sums this process and all below it; it grows by what the enclave itself
holds of every slot: 16 bytes of pid, 8 of place, 8 of masked word.

Every size has a new store, removed before the next: the largest takes a few gigabytes of disk for a while.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from connectors.store.partition import PartitionedStore
from enclaves.bench.domains import GRID, Domain, make_domains
from enclaves.bench.machine import machine
from enclaves.bench.score import Figure
from enclaves.executor.choosing import executor_of
from enclaves.executor.scoring import score, score_limits
from enclaves.executor.setting import Setting
from enclaves.isolation.confined import run_confined
from enclaves.isolation.memory import MemoryWatch
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.documents.authorization import Mode

SIZES: Final = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
COMPARED: Final = 1_000_000
FLAT_AT: Final = 3_000_000
FLAT: Final = 1.1
PERSONS: Final = 250_000
PEERS: Final = 2

MEANING: Final[dict[str, Figure]] = {
    "seconds": "masked vector of one domain, 8 features, over partitions: confined workers from start to end, and commitment",
    "one_worker_seconds": "the same with one worker at a time",
    "whole_seconds": "one worker over the undivided store, the same bits",
    "worker_peak_mb": "largest PSS of any one process below this one",
    "peak_mb": "PSS of this process and all below it; it holds 32 bytes a slot, and what it generated",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """One size; medians of the rounds, the highest of all peaks."""

    subjects: int
    partitions: int
    workers: int
    split_seconds: float
    seconds: float
    subjects_per_second: int
    worker_peak_mb: float
    peak_mb: float
    one_worker_seconds: float
    whole_seconds: float
    whole_worker_peak_mb: float


@dataclass(frozen=True, slots=True)
class Growing:
    """What grows and by which steps; `persons` is about what one partition holds."""

    sizes: Sequence[int] = SIZES
    persons: int = PERSONS
    rounds: int = 3
    setting: Setting = field(default_factory=Setting)
    seed: int = 20261124


def bench(growing: Growing, directory: Path, *, progress: Callable[[str], None]) -> dict[str, Figure]:
    """All figures. Raises ArithmeticError where two ways gave different bits."""
    first = machine()
    sizes = measure(growing, directory, progress=progress)
    return {
        "machine": first,
        "rounds": growing.rounds,
        "persons_a_partition": growing.persons,
        "sizes": {str(size.subjects): dict(asdict(size)) for size in sizes},
        "flat": _flat(sizes),
        "load_after": round(os.getloadavg()[0], 2),
        "meaning": MEANING,
    }


def measure(
    growing: Growing, directory: Path, *, progress: Callable[[str], None] = lambda _: None
) -> list[Scale]:
    """One figure a size, smallest first."""
    found = []
    for subjects in sorted(growing.sizes):
        place = directory / str(subjects)
        (domain,) = make_domains(place, domains=1, subjects=subjects, seed=growing.seed, progress=progress)
        progress(f"{subjects:,} people: split, then scored")
        found.append(_measure(growing, place, domain))
        shutil.rmtree(place)
    return found


def _flat(sizes: Sequence[Scale]) -> Figure:
    """How the memory of one worker grows from `COMPARED` subjects on; None without both sizes."""
    peaks = {size.subjects: size.worker_peak_mb for size in sizes}
    if COMPARED not in peaks or FLAT_AT not in peaks:
        return None
    ratio = peaks[FLAT_AT] / peaks[COMPARED]
    return {
        "subjects": FLAT_AT,
        "worker_peak_mb": peaks[FLAT_AT],
        f"times_of_{COMPARED}": round(ratio, 3),
        "times_of_largest": round(max(peaks.values()) / peaks[COMPARED], 3),
        "target": f"at most {FLAT} times the peak of a worker at {COMPARED:,} subjects",
        "reached": ratio <= FLAT,
    }


def _measure(growing: Growing, directory: Path, domain: Domain) -> Scale:
    setting, subjects = growing.setting, len(domain.pids)
    parted = PartitionedStore.of(
        domain.store, directory / "parts", partitions=max(setting.workers, -(-subjects // growing.persons))
    )
    order = _order(domain)
    split_seconds, snapshot = _split(domain, parted)
    with parted.lease_all(snapshot, domain.part.dataset) as leases:

        def over_partitions(setting: Setting) -> _Run:
            frames = score(executor_of(setting), order, domain.pids, leases=leases)
            return _run(frames)

        runs = [over_partitions(setting) for _ in range(growing.rounds)]
        alone = [over_partitions(replace(setting, workers=1, in_flight=1)) for _ in range(growing.rounds)]
    whole = [_run(_whole(domain, order)) for _ in range(growing.rounds)]
    if len({run.digest for run in (*runs, *alone, *whole)}) != 1:
        raise ArithmeticError("expected the bits of the undivided store, got others")
    seconds = median(run.seconds for run in runs)
    return Scale(
        subjects=subjects,
        partitions=parted.partitions,
        workers=setting.workers,
        split_seconds=round(split_seconds, 3),
        seconds=round(seconds, 3),
        subjects_per_second=round(subjects / seconds),
        worker_peak_mb=max(run.worker_peak_mb for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        one_worker_seconds=round(median(run.seconds for run in alone), 3),
        whole_seconds=round(median(run.seconds for run in whole), 3),
        whole_worker_peak_mb=max(run.worker_peak_mb for run in whole),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One run to its end."""

    digest: str
    seconds: float
    worker_peak_mb: float
    peak_mb: float


def _run(frames: Iterator[bytes]) -> _Run:
    digest = hashlib.sha256()
    with MemoryWatch() as memory:
        before = time.perf_counter()
        for frame in frames:
            digest.update(frame)
        seconds = time.perf_counter() - before
    return _Run(digest.hexdigest(), seconds, round(memory.largest_below_mb, 1), round(memory.peak_mb, 1))


def _split(domain: Domain, parted: PartitionedStore) -> tuple[float, str]:
    """Seconds of the split, and the snapshot that was split."""
    with domain.store.lease(domain.part.dataset) as whole:
        before = time.perf_counter()
        parted.split(whole, now=datetime.now(UTC))
        return time.perf_counter() - before, whole.pointer.snapshot


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


def _whole(domain: Domain, order: ScoreOrder) -> Iterator[bytes]:
    """What the undivided store's one worker emits."""
    limits = score_limits(order.slots, memory_bytes=8 << 30)

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        yield from pid_frames(domain.pids, sizes=chunks(order.slots, mode=order.mode))

    with (
        domain.store.lease(domain.part.dataset) as lease,
        run_confined(
            "enclaves.worker.score", frames(), files={SNAPSHOT_NAME: lease.path}, limits=limits
        ) as run,
    ):
        yield from run
