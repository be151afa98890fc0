"""The third layer, where the kernel offers it: a system call filter, so that one job stays one process.

Rules:
- A worker starts threads and no processes: `clone` without CLONE_THREAD, `fork` and `vfork` are refused. `clone3` is
  answered "not there", since a filter cannot see its flags; C libraries then fall back to `clone`. With one process to a
  job, RLIMIT_AS and RLIMIT_CPU bound the job; RLIMIT_NPROC alone does not where the enclave runs as root.
- It executes no program and opens no socket; it has nothing to ask of mounts, namespaces, keys, tracing, io_uring or
  memory without an address. It signals nobody but its own threads.
- A refused call fails with EPERM and the worker goes on, as it would on a system that lacks the privilege.
- A call of another architecture ends the process: its numbers mean something else.
- Applied while the child has one thread: the filter covers the calling thread and everything it starts later.
- An old kernel or another processor is no failure, since bubblewrap is the layer that is required.

Follows protocols.md section 7.3, second layer and finding 15, and the kernel's userspace-api/seccomp_filter page.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

_KILL_PROCESS: Final = 0x8000_0000
_ALLOW: Final = 0x7FFF_0000
_ERRNO: Final = 0x0005_0000

# The classic packet filter: load a word at an offset, compare, mask, return.
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_MASK: Final = 0x54
_RETURN: Final = 0x06
# Offsets in struct seccomp_data: number, architecture, the low word of the first argument.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16

_CLONE_THREAD: Final = 0x0001_0000
# Numbers from here on belong to the x32 variant of the same architecture.
_X32: Final = 0x4000_0000
_CLONE3: Final = 435

# Since Linux 5.1 new calls have one number everywhere.
_DENIED_EVERYWHERE: Final = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsmount": 432,
    "pidfd_getfd": 438,
    "memfd_secret": 447,
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a processor's kernel calls things; `clone` is judged by its flags, the others are denied."""

    audit: int
    clone: int
    denied: tuple[tuple[str, int], ...]


ARCHITECTURES: Final = {
    "x86_64": Architecture(
        0xC000_003E,
        56,
        (
            ("socket", 41), ("connect", 42), ("bind", 49), ("fork", 57), ("vfork", 58), ("execve", 59), ("kill", 62),
            ("ptrace", 101), ("pivot_root", 155), ("mount", 165), ("umount2", 166), ("add_key", 248),
            ("request_key", 249), ("keyctl", 250), ("unshare", 272), ("perf_event_open", 298),
            ("open_by_handle_at", 304), ("setns", 308), ("process_vm_readv", 310), ("process_vm_writev", 311),
            ("memfd_create", 319), ("bpf", 321), ("execveat", 322), ("userfaultfd", 323),
        ),
    ),
    "aarch64": Architecture(
        0xC000_00B7,
        220,
        (
            ("umount2", 39), ("mount", 40), ("pivot_root", 41), ("unshare", 97), ("ptrace", 117), ("kill", 129),
            ("socket", 198), ("bind", 200), ("connect", 203), ("add_key", 217), ("request_key", 218), ("keyctl", 219),
            ("execve", 221), ("perf_event_open", 241), ("open_by_handle_at", 265), ("setns", 268),
            ("process_vm_readv", 270), ("process_vm_writev", 271), ("memfd_create", 279), ("bpf", 280),
            ("execveat", 281), ("userfaultfd", 282),
        ),
    ),
}  # fmt: skip


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def restrict() -> bool:
    """Filter this thread's system calls as the module says; True if they are. Needs no_new_privs, set by bubblewrap.

    Raises OSError if the kernel has filters and then refuses this one: that is no reason to go on with less.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return False
    steps = list(_filter(architecture))
    instructions = (_Instruction * len(steps))(*steps)
    program = _Program(len(steps), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0:
        return True
    code = ctypes.get_errno()
    # What a kernel built without filters says.
    if code == errno.EINVAL:
        return False
    raise OSError(code, os.strerror(code))


def _filter(architecture: Architecture) -> Iterator[_Instruction]:
    yield _Instruction(_LOAD, 0, 0, _ARCHITECTURE)
    yield _Instruction(_EQUAL, 1, 0, architecture.audit)
    yield _Instruction(_RETURN, 0, 0, _KILL_PROCESS)
    yield _Instruction(_LOAD, 0, 0, _NUMBER)
    yield from _answer_if(_AT_LEAST, _X32, errno.ENOSYS)
    yield from _answer_if(_EQUAL, _CLONE3, errno.ENOSYS)
    for number in (*dict(architecture.denied).values(), *_DENIED_EVERYWHERE.values()):
        yield from _answer_if(_EQUAL, number, errno.EPERM)
    # The last question: a clone that makes a process.
    yield _Instruction(_EQUAL, 0, 4, architecture.clone)
    yield _Instruction(_LOAD, 0, 0, _FIRST_ARGUMENT)
    yield _Instruction(_MASK, 0, 0, _CLONE_THREAD)
    yield from _answer_if(_EQUAL, 0, errno.EPERM)
    yield _Instruction(_RETURN, 0, 0, _ALLOW)


def _answer_if(comparison: int, value: int, code: int) -> Iterator[_Instruction]:
    """Fail the call with `code` if the word loaded compares so; otherwise step over."""
    yield _Instruction(comparison, 0, 1, value)
    yield _Instruction(_RETURN, 0, 0, _ERRNO | code)
