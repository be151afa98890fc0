"""Uniform permutations from the caller's cryptographic randomness.

Each place draws 128 random bits and the places are sorted by them. All orders are equally likely unless two draws are
equal, which for 10^6 places has odds below 2^-88; a Fisher-Yates loop would draw less and run a hundred times longer.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.errors import ProtocolError

RandomBytes: TypeAlias = Callable[[int], bytes]
"""A cryptographic source: that many fresh uniform bytes, `secrets.token_bytes` outside tests."""


def permutation(count: int, random_bytes: RandomBytes) -> NDArray[np.int64]:
    """A uniform order of the places 0 … count - 1, int64[count]."""
    drawn = random_bytes(16 * count)
    if len(drawn) != 16 * count:
        raise ProtocolError(f"expected {16 * count} random bytes, got {len(drawn)}")
    words = np.frombuffer(drawn, dtype="<u8").reshape(count, 2)
    return np.lexsort((words[:, 0], words[:, 1])).astype(np.int64)


def reordered(packed: bytes, order: NDArray[np.int64], *, width: int) -> bytes:
    """The packed entries of `width` bytes in another order: entry i of the result is entry order[i]."""
    if len(packed) != width * len(order):
        raise ProtocolError(f"expected {width * len(order)} bytes, got {len(packed)}")
    return np.frombuffer(packed, dtype=np.uint8).reshape(len(order), width)[order].tobytes()
