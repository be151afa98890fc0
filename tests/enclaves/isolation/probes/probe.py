"""A confined target for tests: the first frame names one act, the second its argument; the outcome is emitted.

Acts that the confinement must stop report "refused" when the system refused them and "worked" when it did not.
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Emit = Callable[[bytes], None]


class QuotedRowError(Exception):
    """Its text stands for a row value that must not leave."""


def main(frames_in: Iterator[bytes], emit: Emit) -> None:
    act = next(frames_in).decode()
    argument = next(frames_in, b"").decode(errors="surrogateescape")
    ACTS[act](argument, emit, frames_in)


def attempt(do: Callable[[], object], emit: Emit) -> None:
    try:
        do()
    except OSError:
        emit(b"refused")
    else:
        emit(b"worked")


def echo(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(argument.encode(errors="surrogateescape"))
    for frame in frames_in:
        emit(frame)


def connect(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    attempt(lambda: socket.create_connection(("127.0.0.1", int(argument)), timeout=1.0), emit)


def connect_abstract(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\0" + argument), emit)


def read(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    try:
        emit(Path(argument).read_bytes())
    except OSError:
        emit(b"refused")


def write(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    def overwrite() -> None:
        with Path(argument).open("r+b") as file:
            file.write(b"changed")

    attempt(overwrite, emit)


def create(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    attempt(lambda: Path(argument).write_bytes(b"x"), emit)


def fill(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    with Path("/tmp/filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))


def listing(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit("\n".join(sorted(path.name for path in Path(argument).iterdir())).encode())


def environment(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(repr(sorted(os.environ.items())).encode() + repr(sys.argv).encode())


def limits(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    names = ("AS", "CPU", "FSIZE", "NOFILE", "NPROC", "CORE")
    emit(repr({name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names}).encode())


def hardening(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    libc = ctypes.CDLL(None)
    emit(repr((libc.prctl(3, 0, 0, 0, 0), libc.prctl(39, 0, 0, 0, 0))).encode())


def new_user_namespace(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(b"worked" if ctypes.CDLL(None).unshare(0x10000000) == 0 else b"refused")


def execute(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    attempt(lambda: os.posix_spawn("/usr/bin/true", ["true"], {}), emit)


def descriptors(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    held = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        held.append(str(number))
    emit(" ".join(held).encode())


def allocate(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def threads(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    emit(b"worked")


def spin(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    while True:
        pass


def sleep(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(b"asleep")
    time.sleep(600)


def flood(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    while True:
        emit(bytes(1 << 20))


def huge_frame(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(bytes(int(argument)))


def raw_output(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    """Write bytes past `emit`, as hostile native code could: the result pipe is descriptor 4 (after 0-2 and 3)."""
    os.write(4, argument.encode(errors="surrogateescape"))
    os._exit(0)


def chatter(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    for _ in range(1000):
        print("a row value " * 100)
        print("a row value " * 100, file=sys.stderr)
    sys.stdout.flush()
    emit(b"quiet")


def fail(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    raise QuotedRowError("Could not convert string 'v0.6089' of Zhang San")


def fail_with_odd_name(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    raise type("a row value, 42", (Exception,), {})


def die(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    signal.raise_signal(signal.Signals(int(argument) or signal.SIGKILL))


def leave(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    emit(b"partial")
    os._exit(int(argument))


def libraries(argument: str, emit: Emit, frames_in: Iterator[bytes]) -> None:
    import numpy as np

    emit(str(int(np.arange(10).sum())).encode())


ACTS = {
    act.__name__: act
    for act in (
        allocate, chatter, connect, connect_abstract, create, descriptors, die, echo, environment, execute, fail,
        fail_with_odd_name, fill, flood, hardening, huge_frame, leave, libraries, limits, listing, new_user_namespace,
        raw_output, read, sleep, spin, threads, write,
    )
}  # fmt: skip
