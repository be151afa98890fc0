"""The second layer, where the kernel offers it: Landlock on top of bubblewrap, in three system calls.

Rules:
- Writing, creating, removing, linking and executing files is denied everywhere except writing below /tmp; reading is
  left to the mount namespace, so lazy imports keep working.
- TCP bind and connect, abstract sockets and signals out of the domain are denied where the kernel knows them.
- Applied while the child has one thread: the restriction covers the calling thread and everything it starts later.
- An old kernel without Landlock is no failure, since bubblewrap is the layer that is required.

Follows the kernel's userspace-api/landlock documentation and protocols.md section 7.3, second layer.
"""

import ctypes
import os
from pathlib import Path
from typing import Final

# System call numbers are the same on all architectures since Linux 5.13 (asm-generic).
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_GET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_REMOVE_AND_MAKE: Final = sum(1 << bit for bit in range(4, 13))
_REFER: Final = 1 << 13  # ABI 2
_TRUNCATE: Final = 1 << 14  # ABI 3
_IOCTL_DEVICE: Final = 1 << 15  # ABI 5
_NET: Final = 0b11  # ABI 4: bind and connect TCP
_SCOPES: Final = 0b11  # ABI 6: abstract sockets and signals


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """The Landlock version of the running kernel; 0 where there is none."""
    return max(0, _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_GET_VERSION)))


def restrict(writable: Path) -> bool:
    """Restrict this thread as the module says; True if it was. Needs no_new_privs, which bubblewrap sets.

    Raises OSError if the kernel offers Landlock and then refuses a rule: that is no reason to go on with less.
    """
    abi = version()
    if abi == 0:
        return False
    writing = _WRITE_FILE | _REMOVE_AND_MAKE
    for since, right in ((2, _REFER), (3, _TRUNCATE)):
        writing |= right if abi >= since else 0
    ruleset = _Ruleset(
        handled_access_fs=writing | _EXECUTE | (_IOCTL_DEVICE if abi >= 5 else 0),
        handled_access_net=_NET if abi >= 4 else 0,
        scoped=_SCOPES if abi >= 6 else 0,
    )
    descriptor = _checked(
        _CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(_size(abi)), ctypes.c_uint32(0)
    )
    try:
        parent = os.open(writable, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = _PathBeneath(allowed_access=writing, parent_fd=parent)
            kind = ctypes.c_int(_RULE_PATH_BENEATH)
            _checked(_ADD_RULE, ctypes.c_int(descriptor), kind, ctypes.byref(rule), ctypes.c_uint32(0))
        finally:
            os.close(parent)
        _checked(_RESTRICT_SELF, ctypes.c_int(descriptor), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
    return True


def _size(abi: int) -> int:
    """How much of the ruleset structure this version knows: the kernel refuses unknown bytes that are not zero."""
    if abi >= 6:
        return ctypes.sizeof(_Ruleset)
    return 16 if abi >= 4 else 8


def _syscall(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def _checked(number: int, *arguments: object) -> int:
    result = _syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
