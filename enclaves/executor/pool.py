"""The executor: `fanout`'s loop over whichever workers its setting names."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager

from enclaves.executor.executor import Payload, Result, Task, Watch
from enclaves.executor.fanout import Workers, fan_out
from enclaves.executor.setting import Setting

OpenWorkers = Callable[[Setting], AbstractContextManager[Workers]]
"""The workers of one run, gone when their context ends."""


class Pool:
    """An `Executor` whose workers are opened for each run and gone after it."""

    def __init__(self, setting: Setting, open_workers: OpenWorkers) -> None:
        self._setting = setting
        self._open_workers = open_workers

    @property
    def setting(self) -> Setting:
        return self._setting

    def map(
        self,
        task: Task[Payload, Result],
        payloads: Iterable[Payload],
        *,
        ordered: bool = True,
        watch: Watch = Watch(),  # noqa: B008  # frozen, and the same nobody for everyone
    ) -> Generator[tuple[int, Result]]:
        """See `Executor.map`."""
        workers = self._open_workers(self._setting)
        yield from fan_out(workers, task, payloads, setting=self._setting, ordered=ordered, watch=watch)
