"""A confined target that tries what no worker may do, and says so if anything succeeds.

`confined.check_isolation` runs it once per process before the first real worker.
"""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

PASSED: Final = b"confined"


def main(frames_in: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Emit the names of forbidden things that worked, or PASSED; echo the order, which proves both pipes."""
    for frame in frames_in:
        emit(frame)
    worked = [name for name, attempt in ATTEMPTS.items() if _works(attempt)]
    emit(" ".join(worked).encode() or PASSED)


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _connect() -> None:
    # TEST-NET-1, RFC 5737: no route may exist; on a host with network this would time out, not fail at once.
    with socket.create_connection(("192.0.2.1", 9), timeout=0.2):
        pass


ATTEMPTS: Final = {
    "write-root": lambda: Path("/canary").write_bytes(b""),
    "write-source": lambda: (Path(__file__).parent / "canary").write_bytes(b""),
    "write-device-directory": lambda: Path("/dev/shm/canary").write_bytes(b""),  # noqa: S108  # must fail
    "read-host-file": lambda: Path("/etc/passwd").read_bytes(),
    "list-processes": lambda: os.listdir("/proc"),  # noqa: PTH208  # the error matters, not the names
    "connect": _connect,
}
