"""What a department says about each person it brings: coarse attributes and clipped integers, in a fixed width.

Rules:
- The shape is public, in the authorization: categories with their declared values, amounts with their bounds. A record
  holds only those; every record of a department has the same number of bytes, and so has a dummy.
- Amounts are clipped before they are packed, so that nobody stands out beyond the declared bounds; absent is a value of
  its own, not zero.
- The weight is 1 for a person and 0 for a dummy, which thus adds nothing to any count or sum.
- Reading checks every byte's range and raises BatchInvalid: a department may err, and the joiner must not believe it.

A packed record is u8 weight, u16 code per category, i64 per amount, big-endian.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.errors import ProtocolError
from policies.disclosure.cells import MAX_SCALE, Key

MAX_FIELDS: Final = 32
MAX_VALUES: Final = 1000
ABSENT: Final = -(2**63)
_MAX_AMOUNT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Category:
    """A coarse attribute: a record holds the place of one of its declared values."""

    name: str
    values: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.name or not 1 <= len(self.values) <= MAX_VALUES:
            raise ProtocolError(f"expected a name and 1 to {MAX_VALUES} values, got others")
        # True == 1 in Python, but they are different keys of a table.
        if len({(type(value), value) for value in self.values}) != len(self.values):
            raise ProtocolError("expected each value of a category once, got one twice")


@dataclass(frozen=True, slots=True)
class Amount:
    """An integer in fixed point with `scale` decimal digits, clipped to low … high, or absent."""

    name: str
    low: int
    high: int
    scale: int = 0

    def __post_init__(self) -> None:
        if not self.name or not 0 <= self.scale <= MAX_SCALE:
            raise ProtocolError(f"expected a name and a scale of 0 to {MAX_SCALE}, got others")
        if not -_MAX_AMOUNT < self.low <= self.high < _MAX_AMOUNT:
            raise ProtocolError("expected bounds with the lower first, within 62 bits, got others")


@dataclass(frozen=True, slots=True)
class Record:
    """One person's codes and amounts, in the order of the shape; None is an absent amount."""

    codes: tuple[int, ...] = ()
    amounts: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Records read back: `weight` bool[n], `codes` int64[n, categories], `amounts` int64[n, amounts] with ABSENT."""

    weight: NDArray[np.bool_]
    codes: NDArray[np.int64]
    amounts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PayloadShape:
    """The fields of one department's records."""

    categories: tuple[Category, ...] = ()
    amounts: tuple[Amount, ...] = ()

    def __post_init__(self) -> None:
        names = [category.name for category in self.categories]
        names += [amount.name for amount in self.amounts]
        if len(names) > MAX_FIELDS or len(set(names)) != len(names):
            raise ProtocolError(f"expected at most {MAX_FIELDS} fields with different names, got others")

    @property
    def width(self) -> int:
        """Bytes of a packed record."""
        return self._dtype().itemsize

    def pack(self, records: Iterable[Record], *, dummies: int) -> bytes:
        """The records and then `dummies` dummies. Raises ProtocolError for a code outside its category."""
        rows = [(1, *self._checked(record)) for record in records]
        nobody = (0, (0,) * len(self.categories), (ABSENT,) * len(self.amounts))
        return np.array(rows + [nobody] * dummies, dtype=self._dtype()).tobytes()

    def read(self, packed: bytes) -> Columns:
        """The inverse of `pack`. Raises BatchInvalid for bytes that `pack` does not give."""
        if len(packed) % self.width:
            raise BatchInvalid(f"expected records of {self.width} bytes, got {len(packed)} bytes")
        rows = np.frombuffer(packed, dtype=self._dtype())
        weight, codes = rows["weight"], rows["codes"].astype(np.int64)
        amounts = rows["amounts"].astype(np.int64)
        sizes = np.array([len(category.values) for category in self.categories], dtype=np.int64)
        low = np.array([amount.low for amount in self.amounts], dtype=np.int64)
        high = np.array([amount.high for amount in self.amounts], dtype=np.int64)
        within = (amounts == ABSENT) | ((low <= amounts) & (amounts <= high))
        if (weight > 1).any() or (codes >= sizes).any() or not within.all():
            raise BatchInvalid("expected records within the declared values and bounds, got others")
        return Columns(weight.astype(np.bool_), codes, amounts)

    def _checked(self, record: Record) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if len(record.codes) != len(self.categories) or len(record.amounts) != len(self.amounts):
            raise ProtocolError("expected one code per category and one amount per amount, got others")
        for code, category in zip(record.codes, self.categories, strict=True):
            if not 0 <= code < len(category.values):
                raise ProtocolError(f"expected a code of `{category.name}` below {len(category.values)}")
        clipped = zip(record.amounts, self.amounts, strict=True)
        return record.codes, tuple(
            ABSENT if amount is None else min(max(amount, field.low), field.high) for amount, field in clipped
        )

    def _dtype(self) -> np.dtype[np.void]:
        return np.dtype(
            [
                ("weight", "u1"),
                ("codes", ">u2", (len(self.categories),)),
                ("amounts", ">i8", (len(self.amounts),)),
            ]
        )
