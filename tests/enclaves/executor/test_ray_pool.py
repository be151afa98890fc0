"""A real Ray cluster of two nodes on this machine: tasks on both, a worker killed with SIGKILL in the middle of a job.

Both nodes are processes of their own, joined over loopback; no dashboard, no usage statistics, a small object store.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from enclaves.agent.execution import Execution
from enclaves.agent.vectors import vectors_of
from enclaves.agent.workers import ScoreWorkers
from enclaves.executor.choosing import executor_of
from enclaves.executor.counting import count
from enclaves.executor.errors import Canceled, ExecutorUnavailable, PartitionLost, TaskFailed
from enclaves.executor.executor import Executor, Progress, Watch
from enclaves.executor.setting import Kind, Setting
from tests.enclaves.executor.kit import (
    PARTITIONS,
    counted_whole,
    make,
    question,
    score_order,
    scored_whole,
    slots,
)
from tests.enclaves.executor.tasks import Fatal, Trace, Where, refuse, square

ROOT = Path(__file__).resolve().parents[3]
OBJECT_STORE_BYTES = 80_000_000

# Ray leaves files and sockets of its own start-up to the collector; nothing of ours is excused.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
]


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes of two processors each, as `ray.cluster_utils.Cluster`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # Ray takes a loopback address for the machine's outer one unless told, when it is loaded, that it has only this.
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("PYTHONPATH", str(ROOT))
        pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        node = {
            "num_cpus": 2,
            "object_store_memory": OBJECT_STORE_BYTES,
            "node_ip_address": "127.0.0.1",
        }
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            cluster.add_node(**node)
            cluster.wait_for_nodes(timeout=60)
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the module's cluster is."""
    with two_nodes() as cluster:
        yield str(cluster.address)
    assert not _raylets()


def pool(address: str, **bounds: int) -> Executor:
    memory = {"worker_memory_bytes": 6 << 30}
    return executor_of(Setting(Kind.RAY, address=address, **memory | {"workers": 4, "in_flight": 8} | bounds))


@pytest.fixture
def connected(address: str) -> Iterator[str]:
    """This process connected already, as an enclave with much to do would be: a run leaves that connection as it is."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    yield address
    assert ray.is_initialized()
    ray.shutdown()


def test_jobs_over_two_nodes_outlive_a_killed_worker_with_the_same_bits(
    connected: str, tmp_path: Path
) -> None:
    nodes = {node for _, node in pool(connected).map(Where(), range(6))}
    assert len(nodes) == 2
    domain = make(tmp_path)
    pids = slots(domain)
    order = score_order(domain, len(pids))
    # A Ray worker is killed while its confined child holds a snapshot.
    heard, hunter = list[Progress](), Hunter()
    ray = Execution(pool(connected), domain.parted, Watch(heard.append, hunter))
    # The way an enclave takes.
    with vectors_of(domain.store, order, pids, workers=ScoreWorkers(), execution=ray) as frames:
        vector = list(frames)
    with domain.leases() as leases:
        sums = count(pool(connected), question(domain), leases=leases)
    assert hunter.killed
    assert heard[-1] == Progress(started=PARTITIONS, finished=PARTITIONS, lost=1)
    assert vector == scored_whole(domain, order, pids)
    whole = counted_whole(domain)
    assert list(sums.by_cell) == list(whole.by_cell)
    assert all(np.array_equal(sums.by_cell[key], whole.by_cell[key]) for key in sums.by_cell)


@pytest.mark.long
def test_only_the_killed_workers_partition_is_done_again(address: str, tmp_path: Path) -> None:
    trace, heard = Trace(tmp_path, seconds=1.5), list[Progress]()
    killer = threading.Thread(target=_kill, args=(tmp_path, 3))
    killer.start()
    found = list(pool(address).map(trace, range(6), watch=Watch(heard.append)))
    killer.join()
    assert found == list(executor_of(Setting()).map(square, range(6)))
    assert [trace.attempts(number) for number in range(6)] == [1, 1, 1, 2, 1, 1]
    assert heard[-1] == Progress(started=6, finished=6, lost=1)


@pytest.mark.long
def test_losses_failures_and_calling_off_are_those_of_the_local_pool(address: str, tmp_path: Path) -> None:
    for folder in ("always", "once", "trace"):
        (tmp_path / folder).mkdir()
    with pytest.raises(PartitionLost, match=r"partition 2: .* got 2 lost"):
        list(pool(address, retries=1).map(Fatal(tmp_path / "always", (2,), always=True), range(4)))
    found = list(pool(address, retries=1).map(Fatal(tmp_path / "once", (0, 1)), range(4)))
    assert found == [(n, n * n) for n in range(4)]
    with pytest.raises(TaskFailed) as caught:
        list(pool(address).map(refuse, range(4)))
    assert (caught.value.partition, caught.value.error_class) == (2, "ValueError")
    assert "17" not in str(caught.value)
    before = time.monotonic()
    canceled = Watch(canceled=lambda: any((tmp_path / "trace").iterdir()))
    with pytest.raises(Canceled):
        list(pool(address).map(Trace(tmp_path / "trace", seconds=120.0), range(4), watch=canceled))
    assert time.monotonic() - before < 60
    assert sorted(pool(address).map(square, range(9), ordered=False)) == [(n, n * n) for n in range(9)]


@pytest.mark.long
def test_a_node_that_dies_loses_its_partitions_and_no_more(tmp_path: Path) -> None:
    heard = list[Progress]()
    trace = Trace(tmp_path, seconds=4.0)
    with two_nodes() as cluster:
        removed = threading.Thread(target=_remove_second_node, args=(cluster, tmp_path))
        removed.start()
        found = list(pool(str(cluster.address), retries=3).map(trace, range(6), watch=Watch(heard.append)))
        removed.join()
    assert found == [(n, n * n) for n in range(6)]
    assert heard[-1].finished == 6
    assert 1 <= heard[-1].lost <= 4


@pytest.mark.long
def test_without_an_address_a_cluster_is_started_here_and_gone_after_the_run() -> None:
    setting = Setting(Kind.RAY, object_store_bytes=OBJECT_STORE_BYTES)
    before = _raylets()
    run = executor_of(setting).map(square, range(5))
    assert next(run) == (0, 0)
    assert len(_raylets() - before) == 1
    # Left to itself Ray listens on the machine's outer address, and runs what it is sent there.
    assert {str(IPv6Address(ip).ipv4_mapped) for ip in _listening()} == {"127.0.0.1"}
    assert list(run) == [(n, n * n) for n in range(1, 5)]
    assert _raylets() <= before


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorUnavailable, match="extra `cluster`"):
        list(executor_of(Setting(Kind.RAY)).map(square, range(2)))


def test_an_address_where_nobody_answers_is_an_error_at_once() -> None:
    before = time.monotonic()
    with pytest.raises(ExecutorUnavailable, match="expected a Ray cluster"):
        list(executor_of(Setting(Kind.RAY, address="127.0.0.1:9")).map(square, range(2)))
    assert time.monotonic() - before < 20


class Hunter:
    """Kills the Ray worker above the first confined child that holds a snapshot, once."""

    def __init__(self) -> None:
        self.killed = 0

    def __call__(self) -> bool:
        for process in [] if self.killed else psutil.Process().children(recursive=True):
            try:
                if "/data/snapshot" in process.cmdline() and "ray::" in (above := _above(process)).name():
                    self.killed = above.pid
                    above.kill()
                    break
            except psutil.Error:
                continue
        return False


def _above(process: psutil.Process) -> psutil.Process:
    parent = process.parent()
    while parent is not None and parent.name() == "bwrap":
        parent = parent.parent()
    if parent is None:
        raise psutil.NoSuchProcess(process.pid)
    return parent


def _remove_second_node(cluster: Any, folder: Path) -> None:
    """Kill the second node's processes once four tasks run, two on each."""
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)


def _raylets() -> set[int]:
    """The nodes this process has started."""
    return {p.pid for p in psutil.Process().children(recursive=True) if p.name() == "raylet"}


def _listening() -> set[str]:
    """Addresses, as IPv6, on which this process and all below it listen."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = [line for process in processes for line in process.net_connections("tcp")]
    ips = [line.laddr.ip for line in found if line.status == psutil.CONN_LISTEN]
    return {ip if ":" in ip else f"::ffff:{ip}" for ip in ips}


def _kill(folder: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while not (victims := list(folder.glob(f"{number}.*"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(int(victims[0].suffix[1:]), signal.SIGKILL)
