"""Whole columns of resident identity numbers: the rules of `policies.resident`, a million at a time.

An 18-character number is checked as a row of 18 bytes; a 15-digit one is upgraded to 18 first (GB 11643-1999, check
character by ISO 7064 MOD 11-2). The tests hold this module against `policies.resident`, number by number.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_WEIGHTS: Final = np.array([pow(2, 17 - place, 11) for place in range(17)], dtype=np.int16)
_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)
_DAYS: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int16)
_ZERO: Final = ord("0")


def canonical(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """`column` (text, no nulls) in canonical form, and which entries are valid; invalid entries hold no meaning."""
    text = pc.ascii_upper(pc.utf8_trim_whitespace(column.cast(pa.string())))
    lengths: NDArray[np.int32] = pc.binary_length(text).to_numpy(zero_copy_only=False)
    numbers = np.full((len(text), 18), _ZERO, dtype=np.uint8)
    long, short = lengths == 18, lengths == 15
    numbers[long] = _bytes_of(text.filter(pa.array(long)), 18)
    old = _bytes_of(text.filter(pa.array(short)), 15)
    digits: NDArray[np.bool_] = np.all((old - _ZERO) <= 9, axis=1)
    # Order codes 996 to 999 of the old form marked centenarians, whose century is not 19.
    centenarians = np.all(old[:, 12:14] == ord("9"), axis=1) & (old[:, 14] >= ord("6"))
    digits &= ~centenarians
    upgraded = np.full((len(old), 18), _ZERO, dtype=np.uint8)
    upgraded[:, :6], upgraded[:, 6], upgraded[:, 7], upgraded[:, 8:17] = (
        old[:, :6],
        ord("1"),
        ord("9"),
        old[:, 6:],
    )
    upgraded[:, 17] = _check_characters(np.where(digits[:, None], upgraded[:, :17], _ZERO))
    numbers[short] = upgraded
    valid = np.zeros(len(text), dtype=np.bool_)
    valid[long], valid[short] = True, digits
    return _text_of(numbers), valid & _valid(numbers)


def _valid(numbers: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which rows of `numbers` (n × 18 bytes) hold 17 digits, a calendar date and the matching check character."""
    digits = numbers[:, :17] - _ZERO  # bytes below "0" wrap around and become large
    well_formed = (digits <= 9).all(axis=1)
    values = digits.astype(np.int16)
    year = values[:, 6:10] @ np.array([1000, 100, 10, 1], dtype=np.int16)
    month = values[:, 10:12] @ np.array([10, 1], dtype=np.int16)
    day = values[:, 12:14] @ np.array([10, 1], dtype=np.int16)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_year = (year >= 1) & (month >= 1) & (month <= 12)
    last_day = _DAYS[np.where(in_year, month, 0)] + (leap & (month == 2))
    checks = _check_characters(numbers[:, :17]) == numbers[:, 17]
    result: NDArray[np.bool_] = well_formed & in_year & (day >= 1) & (day <= last_day) & checks
    return result


def _check_characters(first_17: NDArray[np.uint8]) -> NDArray[np.uint8]:
    sums: NDArray[np.int16] = (first_17 - _ZERO).astype(np.int16) @ _WEIGHTS
    return _CHECKS[sums % 11]


def _bytes_of(text: pa.Array, width: int) -> NDArray[np.uint8]:
    """The bytes of strings that are all `width` bytes long, as a matrix."""
    if len(text) == 0:
        return np.empty((0, width), dtype=np.uint8)
    _, offsets, data = text.buffers()
    start = int(np.frombuffer(offsets, dtype=np.int32, count=1, offset=4 * text.offset)[0])
    return np.frombuffer(data, dtype=np.uint8, count=len(text) * width, offset=start).reshape(-1, width)


def _text_of(numbers: NDArray[np.uint8]) -> pa.Array:
    offsets = np.arange(0, numbers.size + 1, 18, dtype=np.int32)
    # Bytes outside ASCII could not be text; such rows are invalid anyway.
    data = np.where(numbers < 128, numbers, _ZERO).astype(np.uint8)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(data.tobytes()))
