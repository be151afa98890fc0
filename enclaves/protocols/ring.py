"""The ring Z_{2^64} that contributions are added in.

Rules:
- A signed value is encoded as its residue modulo 2^64; on the wire a vector is little-endian (`<u8`).
- A residue is decoded centered: values from 2^63 up stand for negatives.
- A configuration whose sum could wrap is refused before anything is masked, never merely warned about:
  n * bound must stay below half the modulus.

Follows protocols.md section 2.2. Clipping, scaling and rounding are the caller's: this room sees integers only.
"""

from collections.abc import Iterable
from typing import Final, NewType

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.errors import HeadroomExceeded, ProtocolError

RING: Final = 1 << 64

# Distinct types for what must not be mixed. All are one-dimensional `<u8` arrays.
Encoded = NewType("Encoded", NDArray[np.uint64])
Masked = NewType("Masked", NDArray[np.uint64])
Total = NewType("Total", NDArray[np.uint64])


def check_headroom(parties: int, bound: int, *, modulus: int = RING) -> None:
    """Refuse a configuration in which `parties` values of magnitude up to `bound` could wrap.

    `bound` is the largest magnitude of one encoded contribution, noise tail included. For the default ring the
    rule is parties * bound < 2^63.

    Raises HeadroomExceeded.
    """
    if parties < 1 or bound < 0:
        raise HeadroomExceeded(f"expected at least 1 party and a bound from 0, got {parties} and {bound}")
    if 2 * parties * bound >= modulus:
        raise HeadroomExceeded(f"expected parties * bound below {modulus // 2}, got {parties} * {bound}")


def encode(values: NDArray[np.int64]) -> Encoded:
    """The residues of signed 64-bit `values`, shape (slots,), as a new array.

    Raises ProtocolError if the array is not one-dimensional int64: floats are never rounded silently.
    """
    if values.dtype != np.int64 or values.ndim != 1:
        raise ProtocolError(f"expected a flat int64 array, got {values.dtype} of {values.ndim} dimensions")
    return Encoded(values.astype("<i8", copy=True).view("<u8"))


def decode(total: Total) -> NDArray[np.int64]:
    """The centered values of an opened sum; decode inverts encode wherever `check_headroom` passed."""
    return total.astype("<u8", copy=True).view("<i8")


def add(contributions: Iterable[NDArray[np.uint64]], *, slots: int) -> NDArray[np.uint64]:
    """The sum modulo 2^64 of flat arrays of exactly `slots` words; any order gives the same sum."""
    total = np.zeros(slots, dtype="<u8")
    for contribution in contributions:
        check_words(contribution, slots=slots)
        np.add(total, contribution, out=total)
    return total


def check_words(words: NDArray[np.uint64], *, slots: int) -> None:
    """Raise ProtocolError unless `words` is a flat uint64 array of `slots` entries."""
    if words.dtype != np.uint64 or words.shape != (slots,):
        raise ProtocolError(f"expected {slots} words of uint64, got {words.dtype} of shape {words.shape}")


def to_wire(words: Encoded | Masked) -> bytes:
    """Little-endian bytes, 8 per slot."""
    return words.astype("<u8", copy=False).tobytes()


def masked_from_wire(data: bytes, *, slots: int) -> Masked:
    """The masked vector in `data`, which must hold exactly `slots` words. Raises ProtocolError."""
    if len(data) != 8 * slots:
        raise ProtocolError(f"expected {8 * slots} bytes, got {len(data)}")
    return Masked(np.frombuffer(data, dtype="<u8"))
