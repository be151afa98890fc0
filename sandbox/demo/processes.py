"""The demo's real processes: start them, wait until they answer, stop them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox.errors import SandboxError

_START_SECONDS: Final = 30.0


class ProcessLost(SandboxError):
    """A process of the district that ended or did not come up; its log file says why."""

    code = "process_lost"


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt meanwhile, as Ctrl-C does: what was started must not outlive who started it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Processes:
    """Named subprocesses of `domicile`, each with a log file; stopped together."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start `domicile` with `argv` as a process of its own."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "sandbox.cli.main", *argv],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def run(self, argv: Sequence[str]) -> None:
        """Run a command of `domicile` to its end; raise `ProcessLost` with its last line unless it succeeds."""
        name = "-".join(word for word in argv[:2])
        self.start(name, argv)
        self.finish(name)

    def finish(self, name: str, seconds: float = 120.0) -> None:
        """Wait for a command that was started; raise `ProcessLost` unless it succeeds."""
        # It stays among those to be stopped until it has ended.
        status = self._running[name].wait(timeout=seconds)
        del self._running[name]
        if status:
            raise ProcessLost(
                f"expected `{name}` to succeed, got exit status {status}: {self._last_line(name)}"
            )

    def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def pids(self) -> Mapping[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float = _START_SECONDS) -> None:
        """Poll `ready`; raise `ProcessLost` when a process ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise ProcessLost(
                        f"expected `{name}` to run, got exit status {process.returncode}: {self._last_line(name)}"
                    )
            if time.monotonic() > deadline:
                raise ProcessLost(f"expected {what} within {seconds:.0f} s, got none")
            time.sleep(0.05)

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
                continue
            process.kill()
            process.wait()
        self._running.clear()

    def _last_line(self, name: str) -> str:
        lines = (self._logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "no output"
