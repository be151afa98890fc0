"""expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1): uniform bytes from a message, for one purpose.

The purpose is the domain separation tag (DST). An `Expander` absorbs what every message of its purpose shares, the zero
block of the hash's input size, once; a message then costs two short hashes. Tags longer than 255 bytes, which the RFC
hashes first, have no use here and are refused.
"""

import hashlib
from typing import Final

from enclaves.protocols.errors import ProtocolError

_BLOCK_BYTES: Final = 128
_DIGEST_BYTES: Final = 64
_MAX_BLOCKS: Final = 255


class Expander:
    """Gives `length` uniform bytes for each message under one DST of 1 to 255 bytes."""

    __slots__ = ("_blocks", "_dst_prime", "_length", "_start", "_tail")

    def __init__(self, dst: bytes, *, length: int = _DIGEST_BYTES) -> None:
        """Raises ProtocolError for a DST or a length that the RFC does not define."""
        if not 1 <= len(dst) <= 255:
            raise ProtocolError(f"expected a tag of 1 to 255 bytes, got {len(dst)}")
        if not 1 <= length <= _MAX_BLOCKS * _DIGEST_BYTES:
            raise ProtocolError(f"expected 1 to {_MAX_BLOCKS * _DIGEST_BYTES} bytes, got {length}")
        self._length: Final = length
        self._blocks: Final = -(-length // _DIGEST_BYTES)
        self._dst_prime: Final = dst + bytes([len(dst)])
        self._start: Final = hashlib.sha512(bytes(_BLOCK_BYTES))
        self._tail: Final = length.to_bytes(2, "big") + b"\0" + self._dst_prime

    def expand(self, message: bytes) -> bytes:
        """The uniform bytes of `message`."""
        first = self._start.copy()
        first.update(message + self._tail)
        b_0 = first.digest()
        block = hashlib.sha512(b_0 + b"\1" + self._dst_prime).digest()
        blocks = [block]
        for number in range(2, self._blocks + 1):
            mixed = bytes(x ^ y for x, y in zip(b_0, block, strict=True))
            block = hashlib.sha512(mixed + bytes([number]) + self._dst_prime).digest()
            blocks.append(block)
        return b"".join(blocks)[: self._length]
