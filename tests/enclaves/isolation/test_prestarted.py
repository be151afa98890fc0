"""Workers that wait: each gets one order, is confined as any other, and never outlives what it was started for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.isolation.confined import WaitingWorker, run_confined, start_waiting
from enclaves.isolation.errors import TargetRefused, WorkerKilled, WorkerTimeout
from enclaves.isolation.limits import Limits
from enclaves.isolation.prestarted import Edition, Started, WorkerPool

PROBES = Path(__file__).parent / "probes"
QUICK = Limits(wall_seconds=10.0, cpu_seconds=8)


class Bench:
    """A pool over one file, whose edition is a number, on a clock that the test moves."""

    def __init__(self, folder: Path, *, size: int = 2) -> None:
        self.file, self.number, self.now = folder / "data", 1, 0.0
        self.started: list[int] = []
        self.file.write_bytes(b"edition 1")
        self.pool = WorkerPool(
            size,
            names=["rows"],
            edition=lambda name: (name, self.number),
            start=self._start,
            idle_seconds=600,
            refill_seconds=0.5,
            clock=lambda: self.now,
        )

    def refresh(self) -> None:
        """Another file under the same name, as a refresh leaves it."""
        self.number += 1
        fresh = self.file.with_name("next")
        fresh.write_bytes(f"edition {self.number}".encode())
        fresh.rename(self.file)

    def take(self) -> WaitingWorker | None:
        return self.pool.take("rows", ("rows", self.number))

    def _start(self, name: str) -> Started:
        worker = waiting(files={"data": self.file})
        self.started.append(worker.pid)
        edition: Edition = (name, self.number)
        return edition, worker


def waiting(*, files: dict[str, Path] | None = None, limits: Limits = QUICK) -> WaitingWorker:
    return start_waiting(
        "probe", files=files or {}, limits=limits, extra_targets=("probe",), source_roots=(PROBES,)
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    with made.pool:
        yield made


def until(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_gets_exactly_one_order() -> None:
    worker = waiting()
    assert list(worker.give([b"echo", b"", b"one"])) == [b"", b"one"]
    with pytest.raises(TargetRefused, match="got one that had it"):
        worker.give([b"echo", b"", b"two"])
    assert not worker.alive


@pytest.mark.parametrize("act", ["environment", "limits", "hardening", "descriptors"])
def test_a_worker_that_waited_is_confined_as_one_that_did_not(act: str) -> None:
    order = [act.encode(), b""]
    fresh = run_confined(
        "probe", order, files={}, limits=QUICK, extra_targets=("probe",), source_roots=(PROBES,)
    )
    assert list(waiting().give(order)) == list(fresh)


@pytest.mark.parametrize("target", ["os", "enclaves.agent.agent", "probe; import os"])
def test_only_targets_of_the_allow_list_wait(target: str) -> None:
    with pytest.raises(TargetRefused):
        start_waiting(target, files={}, limits=QUICK)


def test_waiting_takes_nothing_of_the_wall_clock_and_the_order_all_of_it() -> None:
    short = Limits(wall_seconds=0.5, cpu_seconds=8)
    patient, slow = waiting(limits=short), waiting(limits=short)
    time.sleep(0.9)
    assert list(patient.give([b"echo", b"", b"in time"])) == [b"", b"in time"]
    with pytest.raises(WorkerTimeout):
        list(slow.give([b"sleep", b"5"]))


def test_a_worker_that_was_taken_is_nobody_elses_and_is_replaced_in_the_background(bench: Bench) -> None:
    bench.pool.tend()
    first, second = bench.take(), bench.take()
    assert first is not None
    assert second is not None
    assert first is not second
    assert bench.take() is None
    bench.pool.tend()
    # The run that took it has the processor first.
    assert bench.pool.waiting("rows") == 0
    bench.now += 0.5
    bench.pool.tend()
    assert bench.pool.waiting("rows") == 2
    assert len(set(bench.started)) == 4
    for worker in (first, second):
        assert list(worker.give([b"read", b"/data/data"])) == [b"edition 1"]


def test_a_dead_worker_is_not_handed_out_and_another_takes_its_place(bench: Bench) -> None:
    bench.pool.tend()
    for pid in bench.started:
        os.killpg(pid, signal.SIGKILL)
    until(lambda: bench.pool.waiting("rows") == 0)
    assert bench.take() is None
    bench.now += 1
    bench.pool.tend()
    worker = bench.take()
    assert worker is not None
    assert list(worker.give([b"echo", b"", b"alive"])) == [b"", b"alive"]


def test_a_worker_that_dies_with_its_order_is_a_failed_run_and_not_a_second_try(bench: Bench) -> None:
    bench.pool.tend()
    worker = bench.take()
    assert worker is not None
    os.killpg(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerKilled):
        list(worker.give([b"echo", b"", b"lost"]))


def test_a_worker_of_an_old_edition_is_never_used_for_a_new_one_and_ends(bench: Bench) -> None:
    bench.pool.tend()
    old = list(bench.started)
    bench.refresh()
    assert bench.take() is None
    bench.now += 1
    bench.pool.tend()
    assert bench.pool.waiting("rows") == 2
    for pid in old:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    worker = bench.take()
    assert worker is not None
    assert list(worker.give([b"read", b"/data/data"])) == [b"edition 2"]


def test_a_refresh_while_a_worker_starts_leaves_none_of_the_old_file(tmp_path: Path) -> None:
    made = Bench(tmp_path, size=1)
    start = made._start

    def overtaken(name: str) -> Started:
        began = start(name)
        made.refresh()
        return began

    with WorkerPool(1, names=["rows"], edition=lambda n: (n, made.number), start=overtaken) as pool:
        pool.tend()
        assert pool.waiting("rows") == 1
        assert pool.take("rows", ("rows", made.number)) is None


def test_a_worker_that_waited_too_long_makes_room_for_a_fresh_one(bench: Bench) -> None:
    bench.pool.tend()
    old = set(bench.started)
    bench.now += 601
    bench.pool.tend()
    assert bench.pool.waiting("rows") == 2
    assert old.isdisjoint(bench.started[2:])


def test_no_worker_outlives_the_pool(bench: Bench) -> None:
    bench.pool.tend()
    bench.pool.close()
    bench.now += 10
    bench.pool.tend()
    assert bench.pool.waiting("rows") == 0
    assert len(bench.started) == 2
    for pid in bench.started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_die_with_the_thread_that_keeps_them(bench: Bench) -> None:
    def keep() -> None:
        bench.pool.tend()
        # bubblewrap asks for its parent's thread soon after it has started, not at once.
        time.sleep(1)

    keeper = threading.Thread(target=keep)
    keeper.start()
    keeper.join()
    until(lambda: bench.pool.waiting("rows") == 0)
    # Nothing is left to be handed out: a run then starts its own.
    assert bench.take() is None


def test_the_keeper_fills_the_pool_by_itself(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    with WorkerPool(
        1, names=["rows"], edition=lambda n: (n, 1), start=made._start, refill_seconds=0.05
    ) as pool:
        pool.keep()
        until(lambda: pool.waiting("rows") == 1)
        worker = pool.take("rows", ("rows", 1))
        assert worker is not None
        assert list(worker.give([b"echo", b"", b"kept"])) == [b"", b"kept"]
        until(lambda: pool.waiting("rows") == 1)
