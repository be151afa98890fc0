"""Runs one target in one confined child and hands out what it emits; the only way to start a worker.

Rules (protocols.md section 7.3, rule 7):
- It fails closed: without a working bubblewrap, shown by a self-test, nothing runs and there is no fallback.
- Only targets on the allow-list run: modules below `enclaves.worker`, and names a caller adds explicitly.
- Orders, keys included, travel over the pipe alone; arguments and environment are the same for every run but for
  the paths that are bound.
- A watchdog kills the whole process group at `Limits.kill_after_seconds`, whether or not anyone is reading.
- What comes back is frames within the limits and a clean end, or an error. Of a failure only the class name is
  known; standard error is drained and never repeated.

Launching and ordering may be apart: a `WaitingWorker` has got its START frame, set its limits and imported its target, and
then waits for the one order it will ever get; its watchdog counts from the order.
bubblewrap dies with the *thread* that started it (PR_SET_PDEATHSIG): that thread must outlive the run.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import signal
import subprocess
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, assert_never, cast

from enclaves.isolation import bubblewrap, selftest
from enclaves.isolation.errors import (
    IsolationError,
    IsolationUnavailable,
    OutputRefused,
    TargetRefused,
    Unconfined,
    WorkerFailed,
    WorkerKilled,
    WorkerTimeout,
)
from enclaves.isolation.frames import FrameRefused, Kind, StreamBroken, error_class, header, read_frames
from enclaves.isolation.limits import Limits, Start

ALLOWED_PREFIXES: Final = ("enclaves.worker.",)
MAX_DIAGNOSTICS_BYTES: Final = 4_096

_MODULE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_PIPE_BYTES: Final = 1 << 20
_SIGNAL_STATUS: Final = 128
_SELFTEST_LIMITS: Final = Limits(wall_seconds=10.0, cpu_seconds=5)
_SELFTEST_ORDER: Final = b"both pipes work"


def run_confined(
    target: str,
    order: Iterable[bytes],
    *,
    files: Mapping[str, Path],
    limits: Limits,
    extra_targets: Collection[str] = (),
    source_roots: Sequence[Path] = (),
    bwrap: Path | None = None,
) -> ConfinedRun:
    """Start `target` confined, feed it `order`, and return the run: an iterator over the frames it emits.

    `target` is a module with `main(frames_in, emit)`. `files` maps inner names to regular files, bound read-only at
    /data/<name>. `extra_targets` and `source_roots` widen the allow-list and the import path for this run only.
    `order` is consumed on a thread of its own; an exception in it ends the run and is raised to the reader.

    Raises TargetRefused and IsolationUnavailable at once; WorkerTimeout, WorkerKilled, WorkerFailed and
    OutputRefused while iterating.
    """
    check_target(target, extra_targets)
    binary = bubblewrap.bwrap_path() if bwrap is None else bwrap
    check_isolation(binary)
    return _launch(target, order, files=files, limits=limits, source_roots=source_roots, bwrap=binary)


def start_waiting(
    target: str,
    *,
    files: Mapping[str, Path],
    limits: Limits,
    extra_targets: Collection[str] = (),
    source_roots: Sequence[Path] = (),
    bwrap: Path | None = None,
) -> WaitingWorker:
    """Start `target` as `run_confined` does, but let it wait for its order; the thread that calls must outlive it.

    What it is told ahead is the START frame, in which no key and no data stands. Raises what `run_confined` raises at once.
    """
    check_target(target, extra_targets)
    binary = bubblewrap.bwrap_path() if bwrap is None else bwrap
    check_isolation(binary)
    process = _spawn(files, limits=limits, source_roots=source_roots, bwrap=binary)
    return WaitingWorker(process, Start(target=target, limits=limits))


def check_target(target: str, extra_targets: Collection[str] = ()) -> None:
    """Raise TargetRefused unless `target` may be confined."""
    allowed = target.startswith(ALLOWED_PREFIXES) or target in extra_targets
    if not allowed or not _MODULE_NAME.fullmatch(target):
        raise TargetRefused(f"expected a module of the allow-list, got `{target}`")


@functools.lru_cache(maxsize=8)
def check_isolation(bwrap: Path) -> None:
    """Raise IsolationUnavailable unless a confined self-test passes; a success is remembered, a failure is not."""
    if not os.access(bwrap, os.X_OK):
        raise IsolationUnavailable("expected an executable bubblewrap, got none")
    run = _launch(
        selftest.__name__, [_SELFTEST_ORDER], files={}, limits=_SELFTEST_LIMITS, source_roots=(), bwrap=bwrap
    )
    try:
        said = list(run)
    except IsolationError as error:
        raise IsolationUnavailable(f"expected the self-test to pass, got {error.code}") from error
    if said != [_SELFTEST_ORDER, selftest.PASSED]:
        raise IsolationUnavailable(
            "expected the self-test to be denied everything, got something that worked"
        )


class WaitingWorker:
    """A started child that is confined, has its limits and its imports, and waits for one order."""

    def __init__(self, process: subprocess.Popen[bytes], start: Start) -> None:
        """Send `process` its START frame, which fits any pipe: nothing here blocks."""
        self._process: Final = process
        self._start: Final = start
        self._spent = False
        with contextlib.suppress(BrokenPipeError):
            _send(process, Kind.START, start.to_bytes())

    @property
    def limits(self) -> Limits:
        """What its order has to fit."""
        return self._start.limits

    @property
    def pid(self) -> int:
        """The process id of its bubblewrap."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still waits; False once it has ended or has got its order."""
        return not self._spent and self._process.poll() is None

    def give(self, order: Iterable[bytes]) -> ConfinedRun:
        """The run of `order`, the only one: a second call raises TargetRefused. The wall clock counts from here."""
        if self._spent:
            raise TargetRefused("expected a worker that waits for its order, got one that had it")
        self._spent = True
        return ConfinedRun(self._process, self._start, order, started=True)

    def end(self) -> None:
        """Kill it and wait, unless it has got its order: then its run is whoever reads it's."""
        if self._spent:
            return
        self._spent = True
        _kill(self._process)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


class ConfinedRun(Iterator[bytes]):
    """One running or finished worker; iterate to its end, or close it. Closing kills what still runs."""

    def __init__(
        self, process: subprocess.Popen[bytes], start: Start, order: Iterable[bytes], *, started: bool = False
    ) -> None:
        """Feed, drain and watch `process`, whose three pipes are open and unbuffered; `started`: it has its START frame."""
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise IsolationError("expected a process with three pipes, got fewer")
        self._process: Final = process
        self._stdin: Final = process.stdin
        self._stdout: Final = process.stdout
        self._stderr: Final = process.stderr
        self._limits: Final = start.limits
        self._timed_out = False
        self._order_error: BaseException | None = None
        self._diagnostics = b""
        self._watchdog: Final = threading.Timer(start.limits.kill_after_seconds, self._time_out)
        self._writer: Final = threading.Thread(target=self._feed, args=(None if started else start, order))
        self._drain: Final = threading.Thread(target=self._drain_diagnostics)
        for thread in (self._watchdog, self._writer, self._drain):
            thread.daemon = True
            thread.start()
        self._results: Final = self._read_results()

    def __next__(self) -> bytes:
        return next(self._results)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the worker if it still runs, and wait for everything that belongs to it."""
        self._results.close()
        self._end()

    @property
    def unsafe_diagnostics(self) -> bytes:
        """The first 4 kB of standard error, for a developer's debugger: may quote rows, so never log or send it."""
        return self._diagnostics

    def _read_results(self) -> Generator[bytes, None, None]:
        """The DATA payloads, then a check that the worker ended well; cleans up however it is left."""
        try:
            for kind, payload in self._frames():
                if self._timed_out:
                    # Endless small frames would keep the reader busy with what the pipe still holds.
                    raise self._early_end()
                match kind:
                    case Kind.DATA:
                        yield payload
                    case Kind.END:
                        self._check_ended_well(payload)
                    case Kind.FAILED:
                        # A worker whose order broke off may say so before it dies of it; the order's error is why.
                        raise self._order_error or _failure(error_class(payload))
                    case Kind.START:
                        raise OutputRefused("expected a result frame, got a start frame")
                    case _:
                        assert_never(kind)
        finally:
            self._end()

    def _frames(self) -> Iterator[tuple[Kind, bytes]]:
        try:
            yield from read_frames(self._stdout.read, total_bytes=self._limits.output_bytes)
        except StreamBroken:
            raise self._early_end() from None
        except FrameRefused as error:
            raise OutputRefused(str(error)) from None

    def _check_ended_well(self, payload: bytes) -> None:
        if payload or self._stdout.read(1):
            raise OutputRefused("expected nothing after the last frame, got more")
        if self._process.wait() != 0:
            raise self._early_end()

    def _early_end(self) -> BaseException:
        """Why the stream stopped, the most telling reason first."""
        if self._order_error is not None:
            return self._order_error
        status = self._process.wait()
        if self._timed_out:
            return WorkerTimeout(f"expected an end within {self._limits.kill_after_seconds:g} s, got none")
        # A negative status is bubblewrap's own signal; it reports its child's as 128 + number, as shells do.
        if status < 0:
            return WorkerKilled(-status)
        if status > _SIGNAL_STATUS:
            return WorkerKilled(status - _SIGNAL_STATUS)
        if status == 1:
            # What bubblewrap, or the interpreter before our code, ends with; the child itself never does.
            return IsolationUnavailable("expected the worker to start, got exit status 1")
        return OutputRefused(f"expected a last frame, got the end of the stream with exit status {status}")

    def _feed(self, start: Start | None, order: Iterable[bytes]) -> None:
        try:
            if start is not None:
                _send(self._process, Kind.START, start.to_bytes())
            for payload in _metered(order, total_bytes=self._limits.input_bytes):
                _send(self._process, Kind.DATA, payload)
            _send(self._process, Kind.END, b"")
        except BrokenPipeError:
            # The worker ended before it had read everything; the reader learns why.
            return
        except BaseException as error:  # noqa: BLE001  # raised again, to whoever reads the run
            self._order_error = error
            self._kill()
        finally:
            with contextlib.suppress(BrokenPipeError):
                self._stdin.close()

    def _drain_diagnostics(self) -> None:
        """Read standard error to its end, so that a talkative worker never blocks, and keep little of it."""
        while part := self._stderr.read(_PIPE_BYTES):
            self._diagnostics += part[: MAX_DIAGNOSTICS_BYTES - len(self._diagnostics)]

    def _time_out(self) -> None:
        # A worker that has ended is in time, however long its reader takes over what it left in the pipe.
        self._timed_out = self._process.poll() is None
        self._kill()

    def _kill(self) -> None:
        _kill(self._process)

    def _end(self) -> None:
        self._watchdog.cancel()
        self._kill()
        self._process.wait()
        self._drain.join()
        # An order that blocks cannot be interrupted; its thread is a daemon and ends with the order.
        self._writer.join(timeout=1.0)
        self._stdout.close()
        self._stderr.close()


def _launch(
    target: str,
    order: Iterable[bytes],
    *,
    files: Mapping[str, Path],
    limits: Limits,
    source_roots: Sequence[Path],
    bwrap: Path,
) -> ConfinedRun:
    process = _spawn(files, limits=limits, source_roots=source_roots, bwrap=bwrap)
    return ConfinedRun(process, Start(target=target, limits=limits), order)


def _spawn(
    files: Mapping[str, Path], *, limits: Limits, source_roots: Sequence[Path], bwrap: Path
) -> subprocess.Popen[bytes]:
    """A confined child that reads its START frame next."""
    with bubblewrap.opened(files) as descriptors:
        command = bubblewrap.arguments(
            bwrap, descriptors, source_roots=source_roots, scratch_bytes=limits.scratch_bytes
        )
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=tuple(descriptors.values()),
                start_new_session=True,
                env={},
                cwd="/",
            )
        except OSError:
            raise IsolationUnavailable("expected bubblewrap to start, got a refusal of the system") from None
    for pipe in (process.stdin, process.stdout):
        # Larger pipes mean fewer switches for frames of megabytes; the system may refuse, and nothing depends on it.
        with contextlib.suppress(OSError):
            fcntl.fcntl(cast("IO[bytes]", pipe), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def _send(process: subprocess.Popen[bytes], kind: Kind, payload: bytes) -> None:
    descriptor = cast("IO[bytes]", process.stdin).fileno()
    for part in (header(kind, len(payload)), payload):
        view = memoryview(part).cast("B")
        while view:
            view = view[os.write(descriptor, view) :]


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Unreaped, so its number cannot have passed to another process. The worker sits in a session of its own,
    # but its PID namespace dies with bubblewrap's.
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _metered(order: Iterable[bytes], *, total_bytes: int) -> Iterator[bytes]:
    remaining = total_bytes
    for payload in order:
        remaining -= len(payload)
        if remaining < 0:
            raise FrameRefused(f"expected an order of at most {total_bytes} bytes, got more")
        yield payload


def _failure(name: str) -> IsolationError:
    """A child that found itself unprotected is an isolation failure, not one of the worker's."""
    if name == Unconfined.__name__:
        return IsolationUnavailable("expected a confined worker, got one that was not")
    return WorkerFailed(name)
