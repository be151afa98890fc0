"""The group ristretto255 (RFC 9496): prime order, one encoding per element; the only module that imports rbcl (libsodium).

Rules:
- Every byte string from outside is decoded strictly: non-canonical, negative and non-square encodings are refused, and
  so is the identity, which multiplied by any key would say the same of everybody. The group has no small-order elements.
- The bundled libsodium reads an encoding without its highest bit, so that every element would have a second spelling
  there; this module refuses the bit before libsodium sees it (RFC 9496, section 4.3.1, step 1).
- libsodium's addition returns zeros for bytes that are no element and says nothing, so only a valid `Point` reaches it.
- Scalars are made from 64 uniform bytes, reduced, or decoded from their one canonical encoding; zero is none of them.
- Hashing to the group is the one-way map of RFC 9496 section 4.3.4 over expand_message_xmd (RFC 9380, appendix B).
- `Points` are packed and unread: multiplying decodes each of them strictly, and what comes out is valid. Large batches
  stay packed, because an object a point would cost more than the checks do.

Randomness is an argument. What a point stands for, this module does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self, TypeAlias

import rbcl

from enclaves.protocols.alignment.errors import PointInvalid
from enclaves.protocols.alignment.hashing import Expander

POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64
# RFC 9496, section 4: the order of the group.
ORDER: Final = 2**252 + 27742317777372353535851937790883648493

_IDENTITY: Final = bytes(POINT_BYTES)
_CHUNK_BYTES: Final = 4096 * POINT_BYTES

Mapper: TypeAlias = Callable[[Callable[[bytes], bytes], Iterable[bytes]], Iterable[bytes]]
"""How chunks of a batch are worked through: the builtin `map`, or the `map` of a thread pool. The order is kept."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number modulo the group's order, not zero: 32 bytes, little-endian, reduced."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raises PointInvalid unless `raw` is the canonical encoding of a scalar other than zero."""
        if len(self.raw) != SCALAR_BYTES or not 0 < int.from_bytes(self.raw, "little") < ORDER:
            raise PointInvalid(f"expected {SCALAR_BYTES} bytes of a reduced scalar, got others")

    @classmethod
    def from_uniform(cls, uniform: bytes) -> Self:
        """The scalar of 64 uniform bytes; the distance from uniform is below 2^-259."""
        if len(uniform) != UNIFORM_BYTES:
            raise PointInvalid(f"expected {UNIFORM_BYTES} uniform bytes, got {len(uniform)}")
        return cls(rbcl.crypto_core_ristretto255_scalar_reduce(uniform))

    def plus(self, other: Scalar) -> Scalar:
        """The sum."""
        return Scalar(rbcl.crypto_core_ristretto255_scalar_add(self.raw, other.raw))

    def minus(self, other: Scalar) -> Scalar:
        """The difference."""
        return Scalar(rbcl.crypto_core_ristretto255_scalar_sub(self.raw, other.raw))

    def times(self, other: Scalar) -> Scalar:
        """The product."""
        return Scalar(rbcl.crypto_core_ristretto255_scalar_mul(self.raw, other.raw))

    def inverse(self) -> Scalar:
        """The scalar that gives 1 when multiplied with this one."""
        return Scalar(rbcl.crypto_core_ristretto255_scalar_invert(self.raw))


@dataclass(frozen=True, slots=True)
class Point:
    """A valid element other than the identity, by its one encoding of 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        """Raises PointInvalid for anything but the canonical encoding of such an element."""
        if len(self.raw) != POINT_BYTES or self.raw == _IDENTITY:
            raise PointInvalid(f"expected {POINT_BYTES} bytes of an element, got others or the identity")
        _check_high_bits(self.raw)
        if not rbcl.crypto_core_ristretto255_is_valid_point(bytes(self.raw)):
            raise PointInvalid("expected the canonical encoding of an element, got other bytes")

    def times(self, scalar: Scalar) -> Point:
        """The element multiplied by `scalar`."""
        return Point(rbcl.crypto_scalarmult_ristretto255(scalar.raw, self.raw))

    def plus(self, other: Point) -> Point:
        """The sum of two elements; PointInvalid if it is the identity."""
        return Point(rbcl.crypto_core_ristretto255_add(self.raw, other.raw))


def base_times(scalar: Scalar) -> Point:
    """The generator multiplied by `scalar`."""
    return Point(rbcl.crypto_scalarmult_ristretto255_base(scalar.raw))


@dataclass(frozen=True, slots=True)
class Points:
    """Packed encodings, 32 bytes each, unread: they may be anything until they are multiplied."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) % POINT_BYTES:
            raise PointInvalid(f"expected a multiple of {POINT_BYTES} bytes, got {len(self.raw)}")

    def __len__(self) -> int:
        return len(self.raw) // POINT_BYTES

    def __iter__(self) -> Iterator[bytes]:
        raw = self.raw
        return (raw[at : at + POINT_BYTES] for at in range(0, len(raw), POINT_BYTES))

    def times(self, scalar: Scalar, *, mapper: Mapper = map) -> Points:
        """Each decoded strictly and multiplied by `scalar`, in order. Raises PointInvalid if a single one is invalid.

        The `map` of a thread pool shares the work out: libsodium runs outside the interpreter's lock.
        """
        _check_high_bits(self.raw)
        starts = range(0, len(self.raw), _CHUNK_BYTES)
        chunks = [self.raw[at : at + _CHUNK_BYTES] for at in starts]
        try:
            return Points(b"".join(mapper(partial(_multiplied, scalar.raw), chunks)))
        except RuntimeError:
            # libsodium refuses what it cannot decode strictly, and a result that is the identity. The order being
            # prime and the scalar not zero, only the identity itself gives the identity.
            raise PointInvalid("expected valid elements other than the identity, got another") from None


def _multiplied(key: bytes, packed: bytes) -> bytes:
    multiply = rbcl.crypto_scalarmult_ristretto255
    starts = range(0, len(packed), POINT_BYTES)
    return b"".join([multiply(key, packed[at : at + POINT_BYTES]) for at in starts])


def _check_high_bits(packed: bytes) -> None:
    if max(packed[POINT_BYTES - 1 :: POINT_BYTES], default=0) & 0x80:
        raise PointInvalid("expected canonical encodings, got one with the highest bit set")


def hash_to_point(expander: Expander, message: bytes) -> Point:
    """The element of `message` under the expander's tag; nobody knows its discrete logarithm."""
    return Point(rbcl.crypto_core_ristretto255_from_hash(expander.expand(message)))


def hash_to_scalar(expander: Expander, message: bytes) -> Scalar:
    """The scalar of `message` (RFC 9497, section 4.1)."""
    return Scalar.from_uniform(expander.expand(message))


def hash_all(expander: Expander, messages: Iterable[bytes]) -> Points:
    """The elements of many messages, packed, in order."""
    to_point, expand = rbcl.crypto_core_ristretto255_from_hash, expander.expand
    return Points(b"".join([to_point(expand(message)) for message in messages]))
