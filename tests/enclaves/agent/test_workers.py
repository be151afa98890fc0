"""Score workers that wait: the same vectors as of fresh ones, and only ever over the file that is leased now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from connectors.store import DomainStore
from enclaves.agent import workers
from enclaves.agent.workers import ScoreWorkers, edition_of, pool_of
from enclaves.isolation.errors import IsolationUnavailable
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from policies.documents.authorization import Mode
from tests.enclaves.worker.domain import GRID, build, dataset, head, part, resident, rows

DATASET = "hospital-rows"
PART = part("hospital")


@pytest.fixture
def store(tmp_path: Path) -> DomainStore:
    return build(tmp_path / "store", dataset("hospital"), rows(range(40), "first"))


def order_of(store: DomainStore, slots: int) -> Iterator[bytes]:
    given = ScoreOrder(
        permit="0" * 64,
        snapshot_key=store.snapshot_key(DATASET),
        part=PART,
        head=head(PART),
        grid=GRID,
        mode=Mode.MASKED,
        masks=Masks("enclave-a", {}, bytes(32), bytes(32)),
        slots=slots,
    )
    yield from given.frames()
    pids = store.pids([resident(number) for number in range(slots)])
    yield from pid_frames(pids, sizes=chunks(slots, mode=Mode.MASKED))


def scored(through: ScoreWorkers, store: DomainStore, slots: int = 5) -> list[bytes]:
    with (
        store.lease(DATASET) as lease,
        through.run(lease, order_of(store, slots), dataset=DATASET, slots=slots) as run,
    ):
        return list(run)


def test_a_worker_that_waited_gives_the_vector_of_a_fresh_one(store: DomainStore) -> None:
    with pool_of(store, [DATASET], size=1) as pool:
        pool.tend()
        assert pool.waiting(DATASET) == 1
        assert scored(ScoreWorkers(pool), store) == scored(ScoreWorkers(), store)
        assert pool.waiting(DATASET) == 0
        # None waits now, and the same comes of a worker started for the order.
        assert scored(ScoreWorkers(pool), store) == scored(ScoreWorkers(), store)


def test_a_refresh_ends_the_use_of_workers_that_wait_and_its_old_file_is_removed(store: DomainStore) -> None:
    with pool_of(store, [DATASET], size=1) as pool:
        pool.tend()
        with store.lease(DATASET) as lease:
            old = lease.path
        other = rows(range(40), "second")
        build(store._directory, dataset("hospital"), other)
        # A waiting worker holds no lease, so the refresh could remove what it replaced.
        assert not old.exists()
        fresh = scored(ScoreWorkers(), store)
        assert scored(ScoreWorkers(pool), store) == fresh
        with store.lease(DATASET) as lease:
            assert pool.take(DATASET, edition_of(lease)) is None
        time.sleep(0.6)
        pool.tend()
        assert pool.waiting(DATASET) == 1
        assert scored(ScoreWorkers(pool), store) == fresh


def test_a_job_larger_than_the_limits_of_a_waiting_worker_gets_one_of_its_own(
    store: DomainStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WAITING_SLOTS", 4)
    with pool_of(store, [DATASET], size=1) as pool:
        pool.tend()
        vector, _ = scored(ScoreWorkers(pool), store, slots=5)
        assert np.frombuffer(vector, dtype="<u8").size == 5
        assert pool.waiting(DATASET) == 1


def test_a_data_set_without_a_snapshot_keeps_nobody_waiting(store: DomainStore) -> None:
    with pool_of(store, [DATASET, "not-refreshed"], size=1) as pool:
        pool.tend()
        assert pool.waiting("not-refreshed") == 0
        assert pool.waiting(DATASET) == 1


def test_without_isolation_nothing_waits_and_nothing_runs(
    store: DomainStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise IsolationUnavailable("expected bubblewrap, got none")

    monkeypatch.setattr("enclaves.isolation.bubblewrap.bwrap_path", missing)
    with pool_of(store, [DATASET], size=1) as pool:
        with pytest.raises(IsolationUnavailable):
            pool.tend()
        with pytest.raises(IsolationUnavailable):
            scored(ScoreWorkers(pool), store)
