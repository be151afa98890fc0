"""A Ray cluster: the same loop as the local pool, each partition one Ray task on whichever machine has room.

Ray is the extra `cluster` and is imported here alone, when a run begins. Rules:
- Ray does not retry by itself (`max_retries=0`): losses are counted here, so that both pools behave alike.
- Losses are: a worker process that crashed, a node that died, an object that went with it, a worker killed for memory.
- A cluster that this process is connected to already is used and left alone; one started here is shut down after the run.
- No dashboard, no usage statistics, no log lines of workers on this terminal: they might quote what they work on.

A cluster belongs to one domain: a task carries the key of its partition. Beyond loopback it must speak TLS (`cluster`). Every
machine needs the project installed and the partitions' directory under the same path.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from collections import deque
from types import TracebackType
from typing import Any, Final, Self

from enclaves.executor.cluster import LOOPBACK, check_answering, check_private, host_and_port, is_loopback
from enclaves.executor.errors import ClusterExposed, ExecutorUnavailable
from enclaves.executor.executor import Task
from enclaves.executor.outcome import Failed, Lost, Outcome, execute
from enclaves.executor.setting import Setting

_LOSSES: Final = (
    "WorkerCrashedError",
    "NodeDiedError",
    "OutOfMemoryError",
    "LocalRayletDiedError",
    "ObjectLostError",
)
_MISSING: Final = "expected Ray for executor `ray`, got none: install domicile with the extra `cluster`"


class RayWorkers:
    """The tasks of one run that the cluster has, and those that wait until fewer than `workers` are there."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._ray = _ray(setting)
        self._losses = tuple(getattr(self._ray.exceptions, name) for name in _LOSSES)
        self._owned = False
        self._numbers: dict[Any, int] = {}
        self._waiting: deque[tuple[int, Task[Any, Any], Any]] = deque()

    def __enter__(self) -> Self:
        if not self._ray.is_initialized():
            self._connect()
            self._owned = True
        try:
            check_private(_hosts(self._ray), os.environ)
        except ClusterExposed:
            self.__exit__(None, None, None)
            raise
        # Spread: partitions are alike, and a machine that fails then takes few of them along.
        self._remote = self._ray.remote(max_retries=0, num_cpus=1, scheduling_strategy="SPREAD")(execute)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._numbers:
            self._ray.cancel(reference, force=True)
        self._numbers.clear()
        if self._owned:
            self._ray.shutdown()

    def start(self, number: int, task: Task[Any, Any], payload: Any) -> None:
        self._waiting.append((number, task, payload))
        self._submit()

    def ended(self, seconds: float) -> list[tuple[int, Outcome]]:
        references = list(self._numbers)
        ready, _ = self._ray.wait(references, num_returns=1, timeout=seconds)
        found = [(self._numbers.pop(reference), self._outcome(reference)) for reference in ready]
        self._submit()
        return found

    def _submit(self) -> None:
        while self._waiting and len(self._numbers) < self._setting.workers:
            number, task, payload = self._waiting.popleft()
            self._numbers[self._remote.remote(task, payload)] = number

    def _outcome(self, reference: Any) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._losses:
            return Lost()
        except self._ray.exceptions.RayTaskError as error:
            # `execute` lets nothing through; this is a task or a result that could not be pickled.
            return Failed(type(error.cause).__name__)
        return outcome

    def _connect(self) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._setting.address is None:
            options |= {
                "num_cpus": self._setting.workers,
                "object_store_memory": self._setting.object_store_bytes,
                "include_dashboard": False,
                "_node_ip_address": LOOPBACK,
            }
        else:
            check_private([host_and_port(self._setting.address)[0]], os.environ)
            check_answering(self._setting.address)
        try:
            self._ray.init(address=self._setting.address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError):
            raise ExecutorUnavailable("expected a Ray cluster at the address, got none") from None


def _hosts(ray: Any) -> list[str]:
    """Addresses of the cluster's living nodes."""
    return [str(node["NodeManagerAddress"]) for node in ray.nodes() if node["Alive"]]


def check_installed() -> None:
    """Raise ExecutorUnavailable, naming the extra, unless Ray can be imported; it is not loaded yet."""
    if importlib.util.find_spec("ray") is None:
        raise ExecutorUnavailable(_MISSING)


def _ray(setting: Setting) -> Any:
    """The module, loaded on first use. Raises ExecutorUnavailable."""
    # Ray reads these when it is loaded or started, and offers no other way to say so.
    if setting.address is None or is_loopback(host_and_port(setting.address)[0]):
        # Else it takes a loopback address for this machine's outer one, and would listen there.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise ExecutorUnavailable(_MISSING) from None
