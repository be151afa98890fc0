"""The local pool: order, bounds, losses, failures, calling off. Every process is real."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.executor.choosing import executor_of
from enclaves.executor.errors import Canceled, PartitionLost, TaskFailed
from enclaves.executor.executor import Executor, Progress, Watch
from enclaves.executor.setting import Setting
from tests.enclaves.executor.tasks import Fatal, Trace, refuse, square, unreadable


def pool(**bounds: int) -> Executor:
    return executor_of(Setting(**bounds))  # type: ignore[arg-type]  # bounds are all integers here


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def test_results_come_in_the_order_of_the_payloads() -> None:
    assert list(pool().map(square, range(20))) == [(n, n * n) for n in range(20)]


def test_results_as_they_come_are_all_there() -> None:
    assert sorted(pool().map(square, iter(range(20)), ordered=False)) == [(n, n * n) for n in range(20)]


def test_no_payload_is_no_result() -> None:
    assert list(pool().map(square, [])) == []


def test_no_more_payloads_are_taken_than_are_in_flight() -> None:
    taken: list[int] = []

    def payloads() -> Iterator[int]:
        for number in range(12):
            taken.append(number)
            yield number

    for number, _ in pool(in_flight=3).map(square, payloads()):
        # One is in the caller's hands, three are in flight.
        assert len(taken) <= number + 1 + 3
    assert len(taken) == 12


def test_a_killed_worker_is_replaced_and_its_partition_done_again(tmp_path: Path) -> None:
    heard: list[Progress] = []
    trace = Trace(tmp_path)

    def kill_the_third() -> None:
        deadline = time.monotonic() + 20
        while not (victims := list(tmp_path.glob("3.*"))) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(int(victims[0].suffix[1:]), signal.SIGKILL)

    killer = threading.Thread(target=kill_the_third)
    killer.start()
    found = list(pool().map(trace, range(6), watch=Watch(heard.append)))
    killer.join()
    assert found == [(n, n * n) for n in range(6)]
    assert [trace.attempts(number) for number in range(6)] == [1, 1, 1, 2, 1, 1]
    assert heard[-1] == Progress(started=6, finished=6, lost=1)


def test_a_partition_lost_too_often_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartitionLost, match=r"partition 2: .* got 3 lost") as caught:
        list(pool(retries=2).map(Fatal(tmp_path, (2,), always=True), range(4)))
    assert caught.value.partition == 2


def test_each_partition_has_its_own_count_of_losses(tmp_path: Path) -> None:
    found = list(pool(retries=1).map(Fatal(tmp_path, (0, 1, 2, 3)), range(4)))
    assert found == [(n, n * n) for n in range(4)]


def test_what_a_task_raises_is_not_retried_and_its_text_does_not_travel() -> None:
    heard: list[Progress] = []
    with pytest.raises(TaskFailed) as caught:
        list(pool().map(refuse, range(4), watch=Watch(heard.append)))
    assert (caught.value.partition, caught.value.error_class) == (2, "ValueError")
    assert "17" not in str(caught.value)
    assert heard[-1].lost == 0


def test_a_result_that_cannot_travel_is_a_failure_and_no_loss() -> None:
    with pytest.raises(TaskFailed):
        list(pool().map(unreadable, range(2)))


def test_a_run_that_is_called_off_ends_its_tasks(tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(Canceled):
        list(
            pool().map(
                Trace(tmp_path, seconds=60.0),
                range(4),
                watch=Watch(canceled=lambda: any(tmp_path.iterdir())),
            )
        )
    assert time.monotonic() - before < 30


def test_leaving_the_iterator_ends_its_tasks(tmp_path: Path) -> None:
    run = pool().map(square, range(50))
    assert next(run) == (0, 0)
    run.close()
