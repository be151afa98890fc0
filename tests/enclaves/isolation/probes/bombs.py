"""A confined target for tests: each act uses up one thing without end, or refuses to die.

The first frame names the act, the second its argument. What the limits must stop either never returns or raises; an act
that gets through all the same emits "worked", so that a missing limit shows as output.
"""

import ctypes
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Emit = Callable[[bytes], None]


def main(frames_in: Iterator[bytes], emit: Emit) -> None:
    act = next(frames_in).decode()
    argument = next(frames_in, b"").decode()
    ACTS[act](argument, emit)
    emit(b"worked")


def nothing(argument: str, emit: Emit) -> None:
    """The control: an honest job."""


# --- time ------------------------------------------------------------------------------------------------------------


def spin(argument: str, emit: Emit) -> None:
    while True:
        pass


def spin_on_threads(argument: str, emit: Emit) -> None:
    import numpy as np

    def work() -> None:
        square = np.ones((500, 500))
        while True:
            square @ square  # releases the interpreter: both processors at once

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(600)


def sleep(argument: str, emit: Emit) -> None:
    time.sleep(600)


def stop(argument: str, emit: Emit) -> None:
    """Stopped, it could not even be asked to end."""
    signal.raise_signal(signal.SIGSTOP)


def ignore_signals(argument: str, emit: Emit) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            continue
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(600)


def backtrack(argument: str, emit: Emit) -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


def count_huge(argument: str, emit: Emit) -> None:
    """One call into native code that checks for no signal."""
    pow(3, 1 << 40)


# --- memory ----------------------------------------------------------------------------------------------------------


def allocate(argument: str, emit: Emit) -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def allocate_small(argument: str, emit: Emit) -> None:
    held: list[object] = []
    while True:
        held = [held, bytes(4096)]


def map_memory(argument: str, emit: Emit) -> None:
    import mmap

    held = []
    while True:
        held.append(mmap.mmap(-1, 256 << 20))


def anonymous_files(argument: str, emit: Emit) -> None:
    """Memory that belongs to no address space until it is mapped: bounded as a file is."""
    descriptor = os.memfd_create("filler")
    while True:
        os.write(descriptor, bytes(1 << 20))


# --- processes, threads, descriptors ---------------------------------------------------------------------------------


def fork(argument: str, emit: Emit) -> None:
    """Every child forks on; those that cannot, spin."""
    while True:
        try:
            os.fork()
        except OSError:
            while True:
                pass


def count_forks(argument: str, emit: Emit) -> None:
    """How many children live at once before the system refuses one."""
    made = 0
    while True:
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(600)
        made += 1
    emit(str(made).encode())


def zombies(argument: str, emit: Emit) -> None:
    """Children that ended and are never waited for keep their number."""
    while True:
        if os.fork() == 0:
            os._exit(0)


def orphans(argument: str, emit: Emit) -> None:
    """A grandchild in a session of its own, left behind by a worker that ends well."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while True:
                time.sleep(600)
        os._exit(0)


def threads(argument: str, emit: Emit) -> None:
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def descriptors(argument: str, emit: Emit) -> None:
    held = []
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))


def pipes(argument: str, emit: Emit) -> None:
    while True:
        os.pipe()


# --- files and output ------------------------------------------------------------------------------------------------


def fill_one_file(argument: str, emit: Emit) -> None:
    with Path("/tmp/filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))


def fill_many_files(argument: str, emit: Emit) -> None:
    number = 0
    while True:
        number += 1
        Path(f"/tmp/filler-{number}").write_bytes(bytes(1 << 20))


def many_empty_files(argument: str, emit: Emit) -> None:
    number = 0
    while True:
        number += 1
        Path(f"/tmp/empty-{number}").touch()


def deep_directories(argument: str, emit: Emit) -> None:
    os.chdir("/tmp")
    while True:
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)


def flood(argument: str, emit: Emit) -> None:
    while True:
        emit(bytes(1 << 20))


def trickle(argument: str, emit: Emit) -> None:
    """Empty frames cost no byte of the total."""
    while True:
        emit(b"")


def flood_errors(argument: str, emit: Emit) -> None:
    while True:
        os.write(2, b"a row value " * 10_000)


def flood_prints(argument: str, emit: Emit) -> None:
    while True:
        print("a row value " * 10_000)
        sys.stdout.flush()


def half_a_frame(argument: str, emit: Emit) -> None:
    """Promise a megabyte on the result pipe (descriptor 4) and never send it."""
    os.write(4, b"D" + (1 << 20).to_bytes(4, "little") + b"x")
    time.sleep(600)


def close_everything(argument: str, emit: Emit) -> None:
    """Close every pipe, so that the reader sees the end of the stream, and live on."""
    os.closerange(0, 64)
    while True:
        time.sleep(600)


# --- the engine ------------------------------------------------------------------------------------------------------


def query(argument: str, emit: Emit) -> None:
    """One statement on a locked connection, as a worker would run it."""
    import duckdb

    from connectors.store.engine import LOCK

    connection = duckdb.connect(":memory:")
    for statement in LOCK:
        connection.execute(statement.format(threads=2))
    connection.execute(argument).fetchall()


def graph(argument: str, emit: Emit) -> None:
    """Run an ONNX graph as a library would, without the checks of the model room."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(bytes.fromhex(argument), providers=["CPUExecutionProvider"])
    emit(str(np.asarray(session.run(None, {"x": np.zeros((1, 3), dtype=np.float32)})[0]).shape).encode())


def calls(argument: str, emit: Emit) -> None:
    """The error number of each system call, given by numbers, with arguments that no kernel takes."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    answers = []
    for number in map(int, argument.split()):
        failed = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6) == -1
        answers.append(str(ctypes.get_errno() if failed else 0))
    emit(" ".join(answers).encode())


def clone_flags(argument: str, emit: Emit) -> None:
    """The error number of `clone` (its number given) that shares all memory but makes a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.syscall(
        ctypes.c_long(int(argument)), ctypes.c_long(0x100 | signal.SIGCHLD), *[ctypes.c_long(0)] * 4
    )
    emit(str(ctypes.get_errno() if made == -1 else 0).encode())


def abort(argument: str, emit: Emit) -> None:
    os.abort()


def fault(argument: str, emit: Emit) -> None:
    ctypes.string_at(8)


ACTS = {
    act.__name__: act
    for act in (
        abort, allocate, allocate_small, anonymous_files, backtrack, calls, clone_flags, close_everything,
        count_forks, count_huge, deep_directories, descriptors, fault, fill_many_files, fill_one_file, flood,
        flood_errors, flood_prints, fork, graph, half_a_frame, ignore_signals, many_empty_files, map_memory, nothing,
        orphans, pipes, query, sleep, spin, spin_on_threads, stop, threads, trickle, zombies,
    )
}  # fmt: skip
