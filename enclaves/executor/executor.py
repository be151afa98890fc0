"""The interface of an executor: map one task over partitions, whichever machines it runs on.

Rules every implementation keeps (proved against both in the tests):
- A task is pure and picklable: what it returns depends on its payload and the immutable snapshot files alone. So a partition
  whose worker was lost is given to another one and the result has the same bits.
- A worker that dies is a loss and is retried up to the setting's number; a task that raises is not retried.
- Payloads are taken from their iterator only when there is room, results are handed on one at a time.
- Leaving the iterator early, by `close` or by an error, ends every task that still runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from enclaves.executor.setting import Setting

Payload = TypeVar("Payload")
Result = TypeVar("Result")
PayloadIn = TypeVar("PayloadIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)


class Task(Protocol[PayloadIn, ResultOut]):
    """A function or a frozen object that can be called; pickled once a partition."""

    def __call__(self, payload: PayloadIn, /) -> ResultOut: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: partitions taken up, finished, and workers lost so far."""

    started: int
    finished: int
    lost: int


def _unheard(_: Progress) -> None:
    """Nobody listens."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Watch:
    """What a caller hears of a run and how it calls it off: `canceled` is asked several times a second."""

    progress: Callable[[Progress], None] = _unheard
    canceled: Callable[[], bool] = _never


class Executor(Protocol):
    """Where heavy work runs. Get one from `choosing.executor_of`."""

    @property
    def setting(self) -> Setting:
        """The bounds it keeps."""
        ...

    def map(
        self,
        task: Task[Payload, Result],
        payloads: Iterable[Payload],
        *,
        ordered: bool = True,
        watch: Watch = ...,
    ) -> Generator[tuple[int, Result]]:
        """(partition, result) for each payload: in the order of the payloads, or as they come unless `ordered`.

        Raises PartitionLost, TaskFailed, Canceled, ExecutorUnavailable while iterating.
        """
        ...
