"""The far side of a fan-out: run the task on one payload and say how it ended, in a form that every transport can carry.

An exception does not travel: its text may quote rows and its class may be unknown to the reader. A confined child that was
killed is the loss of a worker, as the kernel kills by SIGKILL what it has no memory for.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, TypeAlias

from enclaves.executor.executor import Task
from enclaves.isolation.errors import WorkerFailed, WorkerKilled


@dataclass(frozen=True, slots=True)
class Done:
    """The task returned."""

    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The task raised an error of this class."""

    error_class: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker, or the confined child it had started, is gone."""


Outcome: TypeAlias = Done | Failed | Lost


def execute(task: Task[Any, Any], payload: Any) -> Outcome:
    """Run `task` in this process."""
    try:
        return Done(task(payload))
    except WorkerKilled as error:
        return Lost() if error.signal == signal.SIGKILL else failure(error)
    except Exception as error:  # noqa: BLE001  # whatever it was, only its class name may leave
        return failure(error)


def failure(error: BaseException) -> Failed:
    """The name of the error's class; of a confined worker's failure, the class it failed with inside."""
    return Failed(error.error_class if isinstance(error, WorkerFailed) else type(error).__name__)
