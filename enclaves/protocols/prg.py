"""Keystreams that mask contributions: AES-256-CTR read as 64-bit words, at any position.

Rules:
- Word w of a key is bytes 8w..8w+7 of the AES-256-CTR keystream from counter block 0, little-endian. A position is
  thus a plain number and a vector may be masked in chunks of any size with the same result.
- A key serves one purpose in one run (a pair, or a receiver); the counter only grows. `one_use` holds callers to it.
- Keystream is produced in blocks that fit the second-level cache, into one reused buffer.

Follows protocols.md sections 2.3 and 2.5. AES-CTR is a pseudorandom function in counter mode (NIST SP 800-38A); an
IV of zero is sound because every key is fresh and used once.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from enclaves.protocols.errors import ProtocolError

KEY_BYTES: Final = 32
# 32,768 words are 256 KiB: the zeros, the keystream and the accumulator stay in cache together.
BLOCK_WORDS: Final = 1 << 15
# Positions stay far below the 2^64 words after which a 128-bit counter of 16-byte blocks would need a second look.
MAX_WORD: Final = 1 << 62
# The largest modulus whose residues from two words stay within the bias stated in `words_mod`.
MAX_MODULUS: Final = 1 << 28

_ZEROS: Final = bytes(8 * BLOCK_WORDS)


def words(key: bytes, *, start: int, count: int) -> NDArray[np.uint64]:
    """Keystream words start .. start+count-1 of `key` (32 bytes), shape (count,), dtype `<u8`.

    Raises ProtocolError for a key of another length or a position outside 0..2^62.
    """
    keystream = blocks(key, start=start, count=count)
    out = np.empty(count, dtype="<u8")
    for offset, block in keystream:
        out[offset : offset + len(block)] = block
    return out


def words_mod(key: bytes, *, modulus: int, start: int, count: int) -> NDArray[np.uint64]:
    """Residues start .. start+count-1 of `key` modulo `modulus` (2..2^28), shape (count,), dtype `<u8`.

    Residue i is the 128-bit number (word 2i) * 2^64 + (word 2i+1) reduced. With 2^128 = a*m + b, b residues occur
    a+1 times and the others a times, so each probability differs from 1/m by less than 2^-128, relatively by less
    than m * 2^-128 <= 2^-100. A single word would leave a relative bias up to 2^-36, which vectors of a million
    slots and many jobs could show.

    Raises ProtocolError as `words`, and for a modulus outside its range.
    """
    if not 2 <= modulus <= MAX_MODULUS:
        raise ProtocolError(f"expected a modulus from 2 to {MAX_MODULUS}, got {modulus}")
    m = np.uint64(modulus)
    high_weight = np.uint64((1 << 64) % modulus)
    keystream = blocks(key, start=2 * start, count=2 * count)
    out = np.empty(count, dtype="<u8")
    for offset, block in keystream:
        # BLOCK_WORDS is even and so is 2 * start, so a pair never straddles two blocks.
        high, low = block[0::2], block[1::2]
        # Each term is below 2^28 * 2^28 + 2^28, so nothing wraps before the last reduction.
        at = offset // 2
        out[at : at + len(high)] = (high % m * high_weight + low % m) % m
    return out


def add_words(into: NDArray[np.uint64], key: bytes, *, start: int) -> None:
    """Add the keystream of `key` from word `start` to `into`, in place, modulo 2^64."""
    for offset, block in blocks(key, start=start, count=len(into)):
        part = into[offset : offset + len(block)]
        np.add(part, block, out=part)


def subtract_words(into: NDArray[np.uint64], key: bytes, *, start: int) -> None:
    """Subtract the keystream of `key` from word `start` from `into`, in place, modulo 2^64."""
    for offset, block in blocks(key, start=start, count=len(into)):
        part = into[offset : offset + len(block)]
        np.subtract(part, block, out=part)


def blocks(key: bytes, *, start: int, count: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """Iterate over (offset, words) of the keystream; the words are a view that the next step overwrites.

    Checks key and position at once, not at the first step, so that nothing is allocated for a refused request.
    """
    check_key(key)
    if start < 0 or count < 0 or start + count > MAX_WORD:
        raise ProtocolError(f"expected words within 0..{MAX_WORD}, got {count} from {start}")
    return _keystream(key, start=start, count=count)


def _keystream(key: bytes, *, start: int, count: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    # Two words fill one AES block; an odd start drops the first word of its block.
    block_index, skipped = divmod(start, 2)
    stream = Cipher(algorithms.AES256(key), modes.CTR(block_index.to_bytes(16, "big"))).encryptor()
    if skipped:
        stream.update(bytes(8))
    buffer = np.empty(BLOCK_WORDS, dtype="<u8")
    for offset in range(0, count, BLOCK_WORDS):
        size = min(BLOCK_WORDS, count - offset)
        block = buffer[:size]
        stream.update_into(memoryview(_ZEROS)[: 8 * size], block.view(np.uint8).data)
        yield offset, block


def check_key(key: bytes) -> None:
    """Raise ProtocolError unless `key` has 32 bytes. The message never shows the key."""
    if len(key) != KEY_BYTES:
        raise ProtocolError(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
