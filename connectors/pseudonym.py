"""Storage pseudonyms: how a person is known inside one domain store, and nowhere else.

pid = first 16 bytes of HMAC-SHA-256(pid key, "domicile-pid" ‖ 0x00 ‖ canonical resident ID)          (protocols.md §5)

Rules:
- A pid never leaves the domain; the key is the domain's own, so no other department can recompute it.
- Only canonical numbers are hashed: two spellings of one person would be two people.

In bulk a pid is a pair of unsigned 64-bit halves, the first eight bytes before the last eight, each big-endian, so that
pairs compare as their bytes do.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final, NewType

import numpy as np
from numpy.typing import NDArray

from connectors.errors import ConnectorError

PidKey = NewType("PidKey", bytes)

KEY_BYTES: Final = 32
PID_BYTES: Final = 16
_PREFIX: Final = b"domicile-pid\0"
_BLOCK: Final = 64


class PidKeyRefused(ConnectorError):
    """A pseudonym key of the wrong length."""

    code = "pid_key_refused"


def check_key(key: bytes) -> None:
    """Raise `PidKeyRefused` unless `key` has 32 bytes."""
    if len(key) != KEY_BYTES:
        raise PidKeyRefused(f"expected a pseudonym key of {KEY_BYTES} bytes, got {len(key)}")


def pid(key: PidKey, resident: str) -> bytes:
    """The 16-byte pid of one canonical resident ID."""
    check_key(key)
    return hmac.digest(key, _PREFIX + resident.encode("ascii"), "sha256")[:PID_BYTES]


def pids(key: PidKey, residents: Iterable[str]) -> NDArray[np.uint64]:
    """Pids of canonical resident IDs, in their order: uint64 [N, 2], high half first.

    The two padded key blocks of HMAC (RFC 2104 §2) are hashed once and copied for each number, which more than halves
    the time of one call of `hmac` a number.
    """
    check_key(key)
    block = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + _PREFIX)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    digests = bytearray()
    for resident in residents:
        first, second = inner.copy(), outer.copy()
        first.update(resident.encode("ascii"))
        second.update(first.digest())
        digests += second.digest()[:PID_BYTES]
    return np.frombuffer(bytes(digests), dtype=">u8").reshape(-1, 2).astype(np.uint64)
