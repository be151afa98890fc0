"""Tasks for the executors under test; at module level, so that any process can import them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

HOLD_SECONDS = 0.3


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 2:
        raise ValueError("row 17 of a person")
    return number


def unreadable(number: int) -> object:
    return lambda: number


@dataclass(frozen=True)
class Trace:
    """Leaves a file per attempt, `<number>.<process>`, then holds on for a while; counts of attempts survive a kill."""

    folder: Path
    seconds: float = HOLD_SECONDS

    def __call__(self, number: int) -> int:
        (self.folder / f"{number}.{os.getpid()}").write_text(os.environ.get("RAY_NODE_ID", ""))
        time.sleep(self.seconds)
        return number * number

    def attempts(self, number: int) -> int:
        return len(list(self.folder.glob(f"{number}.*")))


@dataclass(frozen=True)
class Fatal:
    """Kills its own process on the partitions named: the first time, or every time."""

    folder: Path
    victims: tuple[int, ...]
    always: bool = False

    def __call__(self, number: int) -> int:
        tried = self.folder / str(number)
        if number in self.victims and (self.always or not tried.exists()):
            tried.touch()
            os.kill(os.getpid(), 9)
        return number * number


@dataclass(frozen=True)
class Where:
    """The Ray node a task ran on."""

    seconds: float = HOLD_SECONDS

    def __call__(self, _: int) -> str:
        import ray

        time.sleep(self.seconds)
        return str(ray.get_runtime_context().get_node_id())
