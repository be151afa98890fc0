"""The confined side: check the confinement, set the limits, run one target, then end.

Rules:
- Nothing of the order is read before `check_confined` has passed; outside bubblewrap this module refuses to run.
- Limits are set before the target is imported, Landlock and the system call filter while there is still one thread.
- Standard output is not the result pipe: a stray print in a library goes to standard error, which the parent drops.
- Of an exception only the class name leaves; its text may quote rows.
- The process ends with `_exit`, so no finalizer of a library runs after the last frame.

Started by `confined` with the arguments of `bubblewrap`; the frames are those of `frames`.
"""

import ctypes
import importlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

from enclaves.isolation import landlock, seccomp
from enclaves.isolation.confinement import check_confined
from enclaves.isolation.errors import IsolationError
from enclaves.isolation.frames import Kind, header, read_frames
from enclaves.isolation.limits import Limits, Start

REFUSED_STATUS: Final = 3

_PR_SET_DUMPABLE: Final = 4
_SCRATCH: Final = Path("/tmp")  # noqa: S108  # inside: a private tmpfs
# Room for the start frame itself; the limit on the order is known only after it.
_START_BYTES: Final = 64 << 10

Main = Callable[[Iterator[bytes], Callable[[bytes], None]], None]


def main() -> NoReturn:
    """Run as the confined process; never returns."""
    incoming, outgoing = _claim_pipes()
    status = REFUSED_STATUS
    try:
        check_confined()
        _run(incoming, outgoing)
        _write(outgoing, Kind.END, b"")
        status = 0
    except BaseException as error:  # noqa: BLE001  # whatever it was, only its class name may leave
        _report(outgoing, error)
    os._exit(status)


def _claim_pipes() -> tuple[int, int]:
    """Move the two pipes away from descriptors 0 and 1, which then lead nowhere and to standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


def _run(incoming: int, outgoing: int) -> None:
    def read(count: int) -> bytes:
        return os.read(incoming, count)

    start = _read_start(read)
    _set_limits(start.limits)
    landlock.restrict(_SCRATCH)
    seccomp.restrict()
    # The parent has checked the name against its allow-list; the child has only what was bound for it.
    target = importlib.import_module(start.target)
    run: Main = target.main
    # Before the first frame of the order: a worker that waits has done it by then.
    getattr(target, "prepare", _nothing)()

    def emit(payload: bytes) -> None:
        _write(outgoing, Kind.DATA, payload)

    run(_order(read, start.limits), emit)


def _nothing() -> None:
    """What a target without `prepare` does ahead of its order."""


def _read_start(read: Callable[[int], bytes]) -> Start:
    kind, payload = next(read_frames(read, total_bytes=_START_BYTES))
    if kind is not Kind.START:
        raise IsolationError("expected a start frame first, got another")
    return Start.from_bytes(payload)


def _order(read: Callable[[int], bytes], limits: Limits) -> Iterator[bytes]:
    for kind, payload in read_frames(read, total_bytes=limits.input_bytes):
        if kind is Kind.END:
            return
        if kind is not Kind.DATA:
            raise IsolationError("expected an order frame, got another")
        yield payload


def _set_limits(limits: Limits) -> None:
    """Hard limits equal soft ones: the process can neither raise them nor be warned and go on."""
    for which, value in (
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(which, (value, value))
    # Not dumpable: no core file and no ptrace by a process of the same user, even of one outside.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _report(outgoing: int, error: BaseException) -> None:
    try:
        _write(outgoing, Kind.FAILED, type(error).__name__.encode("ascii", errors="replace"))
    except OSError:
        # The parent is gone or has stopped reading; there is nobody left to tell.
        return


def _write(outgoing: int, kind: Kind, payload: bytes) -> None:
    _write_all(outgoing, header(kind, len(payload)))
    _write_all(outgoing, payload)


def _write_all(outgoing: int, data: bytes) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(outgoing, view) :]
