"""Processes of this machine: each runs one task at a time and its death loses that task alone.

Why not `concurrent.futures`: there one killed worker breaks the whole pool and every task in it, and nothing tells which
task was lost. Here each worker has a pipe of its own; a pipe that ends is the loss of the one task it was given.

Workers are spawned, not forked: a fork would carry the enclave's keys and open files along. A worker sees the end of its
pipe when the enclave dies, and ends.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import pickle
import signal
from collections import deque
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from enclaves.executor.executor import Task
from enclaves.executor.outcome import Lost, Outcome, execute, failure
from enclaves.executor.setting import Setting


class _Worker:
    """One process and this side of its pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.number = -1

    def give(self, number: int, task: Task[Any, Any], payload: Any) -> None:
        self.number = number
        data = pickle.dumps((task, payload), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self.pipe.send_bytes(data)
        except OSError:
            # It died idle: the end of the pipe tells so, and the task is begun again.
            return

    def take(self) -> Outcome:
        """How the task ended; `Lost` at the end of the pipe, wherever it comes."""
        try:
            outcome: Outcome = self.pipe.recv()
        except (EOFError, OSError):
            return Lost()
        return outcome

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self.pipe.close()


class LocalWorkers:
    """The `setting.workers` processes of one run and the tasks that wait for one."""

    def __init__(self, setting: Setting) -> None:
        self._count = setting.workers
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}
        self._waiting: deque[tuple[int, Task[Any, Any], Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in (*self._idle, *self._busy.values()):
            worker.end()
        self._idle, self._busy = [], {}

    def start(self, number: int, task: Task[Any, Any], payload: Any) -> None:
        self._waiting.append((number, task, payload))
        self._assign()

    def ended(self, seconds: float) -> list[tuple[int, Outcome]]:
        found = []
        heard = set(multiprocessing.connection.wait(list(self._busy), timeout=seconds))
        for worker in [worker for pipe, worker in self._busy.items() if pipe in heard]:
            del self._busy[worker.pipe]
            outcome = worker.take()
            found.append((worker.number, outcome))
            if isinstance(outcome, Lost):
                # Also when only its confined child was killed: a fresh process costs little and is surely sound.
                worker.end()
            else:
                self._idle.append(worker)
        self._assign()
        return found

    def _assign(self) -> None:
        while self._waiting and len(self._busy) < self._count:
            worker = self._idle.pop() if self._idle else _Worker()
            self._busy[worker.pipe] = worker
            worker.give(*self._waiting.popleft())


def serve(pipe: Connection) -> None:
    """The worker's side: one task after another until the pipe ends."""
    # An interrupt at the terminal reaches the whole group; ending the workers is the enclave's to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            data = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            outcome = execute(*pickle.loads(data))  # noqa: S301  # written by the process that started this one
            del data
            reply = pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001  # a task that cannot be read or a result that cannot be written
            reply = pickle.dumps(failure(error))
        try:
            pipe.send_bytes(reply)
        except OSError:
            return
