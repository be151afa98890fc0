"""The one loop behind every executor: take up partitions while there is room, retry what was lost, hand results on.

The loop knows neither processes nor machines: `Workers` start a task and tell of its end. That both pools run this loop is
why they behave alike. It decides nothing about which worker or machine a task goes to.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from enclaves.executor.errors import Canceled, PartitionLost, TaskFailed
from enclaves.executor.executor import Payload, Progress, Result, Task, Watch
from enclaves.executor.outcome import Done, Failed, Lost, Outcome
from enclaves.executor.setting import Setting

WAIT_SECONDS: Final = 0.2


class Workers(Protocol):
    """Tasks under way, each known by its partition's number."""

    def start(self, number: int, task: Task[Any, Any], payload: Any) -> None:
        """Begin, or begin again; the number is not under way."""
        ...

    def ended(self, seconds: float) -> list[tuple[int, Outcome]]:
        """What has ended, waiting at most `seconds` for the first."""
        ...


def fan_out(
    workers: AbstractContextManager[Workers],
    task: Task[Payload, Result],
    payloads: Iterable[Payload],
    *,
    setting: Setting,
    ordered: bool,
    watch: Watch,
) -> Generator[tuple[int, Result]]:
    """The results of `task` over `payloads`. Leaving `workers` ends whatever still runs."""
    with workers as started:
        yield from _Run(started, task, payloads, setting=setting, ordered=ordered, watch=watch).results()


class _Run:
    """One run of the loop. INVARIANT: a partition is in `_running` or in `_ready`, and both hold `in_flight` at most."""

    def __init__(
        self,
        workers: Workers,
        task: Task[Any, Any],
        payloads: Iterable[Any],
        *,
        setting: Setting,
        ordered: bool,
        watch: Watch,
    ) -> None:
        self._workers, self._task, self._payloads = workers, task, enumerate(payloads)
        self._setting, self._ordered, self._watch = setting, ordered, watch
        self._running: dict[int, Any] = {}
        self._losses: dict[int, int] = {}
        self._ready: dict[int, Any] = {}
        self._next = self._started = self._finished = self._lost = 0
        self._exhausted = False

    def results(self) -> Generator[tuple[int, Any]]:
        """Every partition's result, once."""
        while True:
            if self._watch.canceled():
                raise Canceled("expected the run to go on, got called off")
            self._take_up()
            while (number := self._handed_on()) is not None:
                result = self._ready.pop(number)
                self._next += 1
                yield number, result
                # What the caller has now is no longer held here.
                del result
                self._take_up()
            if not self._running:
                return
            for number, outcome in self._workers.ended(WAIT_SECONDS):
                self._settle(number, outcome)

    def _take_up(self) -> None:
        """Start partitions while there is room. In order, the next to hand on is always one of those under way."""
        while not self._exhausted and len(self._running) + len(self._ready) < self._setting.in_flight:
            number, payload = next(self._payloads, (None, None))
            if number is None:
                self._exhausted = True
                return
            self._running[number] = payload
            self._workers.start(number, self._task, payload)
            self._started += 1
            self._tell()

    def _handed_on(self) -> int | None:
        if self._ordered:
            return self._next if self._next in self._ready else None
        return next(iter(self._ready), None)

    def _settle(self, number: int, outcome: Outcome) -> None:
        match outcome:
            case Done(result):
                del self._running[number]
                self._ready[number] = result
                self._finished += 1
            case Failed(error_class):
                raise TaskFailed(number, error_class)
            case Lost():
                self._lost += 1
                self._losses[number] = self._losses.get(number, 0) + 1
                if self._losses[number] > self._setting.retries:
                    raise PartitionLost(number, self._losses[number])
                self._workers.start(number, self._task, self._running[number])
        self._tell()

    def _tell(self) -> None:
        self._watch.progress(Progress(self._started, self._finished, self._lost))
