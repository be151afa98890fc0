"""What a child checks about its own surroundings before it runs anything: it refuses to run unprotected.

Rules:
- Confinement is recognized by what it consists of, not by a flag that a caller could set: a process table of its
  own, no procfs or sysfs, no network but loopback, no capability and no way to gain one, a read-only root that holds
  only what `bubblewrap` puts there.
- Every condition must hold; the first that fails is named.

Follows protocols.md section 7.3. The limits are set in `hardening`.
"""

import ctypes
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

from enclaves.isolation.bubblewrap import HOSTNAME
from enclaves.isolation.errors import Unconfined

_PR_GET_NO_NEW_PRIVS: Final = 39
_CAPABILITY_VERSION_3: Final = 0x20080522
# bubblewrap's own reaper is process 1; the child is started right after it.
_LARGEST_PID: Final = 3
# Every host has the first four; none of them is ever bound, wherever interpreter and packages live.
_HOST_ONLY: Final = ("/proc/self", "/sys/kernel", "/etc/passwd", "/etc/hostname", "/dev/mem", "/dev/kmsg")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _has_own_process_table() -> bool:
    return os.getpid() <= _LARGEST_PID and os.getppid() <= 1


def _has_no_host_files() -> bool:
    return not any(os.path.lexists(path) for path in _HOST_ONLY)


def _has_no_network() -> bool:
    return {name for _, name in socket.if_nameindex()} <= {"lo"}


def _has_read_only_root() -> bool:
    return bool(os.statvfs("/").f_flag & os.ST_RDONLY)


def _has_own_hostname() -> bool:
    return os.uname().nodename == HOSTNAME


def _cannot_gain_privileges() -> bool:
    return bool(ctypes.CDLL(None).prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)


def _has_no_capabilities() -> bool:
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    # Version 3 fills two sets of effective, permitted and inheritable words.
    words = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    return libc.capget(ctypes.byref(header), ctypes.byref(words)) == 0 and not any(words)


CONDITIONS: Final[Mapping[str, Callable[[], bool]]] = {
    "an own process table": _has_own_process_table,
    "no files of the host": _has_no_host_files,
    "no network": _has_no_network,
    "a read-only root": _has_read_only_root,
    "an own host name": _has_own_hostname,
    "no way to gain privileges": _cannot_gain_privileges,
    "no capabilities": _has_no_capabilities,
}


def check_confined() -> None:
    """Raise Unconfined, naming the first condition that does not hold."""
    for name, holds in CONDITIONS.items():
        try:
            held = holds()
        except OSError:
            held = False
        if not held:
            raise Unconfined(f"expected {name}, got a process outside its confinement")
