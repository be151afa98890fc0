"""Accept bitmaps: one bit per slot, the most significant bit of the first byte first, the last byte zero-padded.

Source: docs/protocol.md section 4. The effective slots of a run are the AND of all enclaves' bitmaps.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from enclaves.run.errors import RunRefused


def pack(accepts: NDArray[np.bool_]) -> bytes:
    """The bytes of a bitmap of len(accepts) slots."""
    return np.packbits(accepts).tobytes()


def unpack(data: bytes, *, slots: int) -> NDArray[np.bool_]:
    """The bits of `data`, shape (slots,). Raises RunRefused for another length or a set padding bit."""
    if len(data) != (slots + 7) // 8:
        raise RunRefused("bitmap_invalid", f"expected a bitmap of {slots} slots, got {len(data)} bytes")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    if bits[slots:].any():
        raise RunRefused("bitmap_invalid", "expected zero padding behind the last slot, got a set bit")
    return bits[:slots].astype(np.bool_)


def effective(bitmaps: Iterable[bytes], *, slots: int) -> NDArray[np.bool_]:
    """The slots that every bitmap accepts. Raises RunRefused(`consent_missing`) if there is none."""
    result = np.ones(slots, dtype=np.bool_)
    for data in bitmaps:
        result &= unpack(data, slots=slots)
    if not result.any():
        raise RunRefused("consent_missing", "expected a slot that every enclave accepts, got none")
    return result
