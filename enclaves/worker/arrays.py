"""Named arrays as frames of an order or answer: one header, then the bytes of each array in pieces of at most 8 MiB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from enclaves.worker.errors import OrderInvalid
from policies.documents import strict_json
from policies.documents.strict_json import Json
from policies.errors import PolicyError

PIECE_BYTES: Final = 8 << 20
MAX_ITEMS: Final = 2**31 - 1
_TYPES: Final[Mapping[str, Any]] = {"<u8": np.uint64, "<i8": np.int64, "<i4": np.int32}
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Arrays:
    """What `write_arrays` wrote: members, and arrays by name."""

    members: Mapping[str, Json]
    arrays: Mapping[str, NDArray[Any]]

    def array(self, name: str, kind: type[Scalar]) -> NDArray[Scalar]:
        """The array of that name and type. Raises OrderInvalid."""
        found = self.arrays.get(name)
        if found is None or found.dtype != kind:
            raise OrderInvalid(f"expected an array `{name}` of {kind.__name__}, got none")
        return found

    def member(self, name: str) -> Json:
        """A member of the header. Raises OrderInvalid."""
        if name not in self.members:
            raise OrderInvalid(f"expected a member `{name}`, got none")
        return self.members[name]

    def integer(self, name: str) -> int:
        """An integer of the header. Raises OrderInvalid."""
        value = self.member(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise OrderInvalid(f"expected an integer in `{name}`")
        return value


def write_arrays(members: Mapping[str, Json], arrays: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
    """Header and pieces; arrays are flat, of int32, int64 or uint64."""
    codes = {np.dtype(kind): code for code, kind in _TYPES.items()}
    described: list[Json] = [[name, codes[array.dtype], len(array)] for name, array in arrays.items()]
    yield strict_json.canonical({"members": dict(members), "arrays": described})
    for array in arrays.values():
        data = array.tobytes()
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]


def read_arrays(frames: Iterator[bytes]) -> Arrays:
    """The inverse of `write_arrays`, leaving `frames` behind the last piece. Raises OrderInvalid."""
    try:
        header = strict_json.parse_object(_next(frames), max_bytes=1 << 20)
    except PolicyError as error:
        raise OrderInvalid(f"expected a header of arrays: {error.code}") from None
    members, described = header.get("members"), header.get("arrays")
    if not isinstance(members, dict) or not isinstance(described, list):
        raise OrderInvalid("expected members and arrays in a header, got another form")
    arrays: dict[str, NDArray[Any]] = {}
    for item in described:
        match item:
            case [str() as name, str() as code, int() as count] if code in _TYPES and 0 <= count <= MAX_ITEMS:
                arrays[name] = _read(frames, code, count)
            case _:
                raise OrderInvalid("expected arrays of known types, got another")
    return Arrays(members, arrays)


def _read(frames: Iterator[bytes], code: str, count: int) -> NDArray[Any]:
    size = np.dtype(code).itemsize * count
    data = bytearray()
    while len(data) < size:
        data += _next(frames)
    if len(data) != size:
        raise OrderInvalid(f"expected {size} bytes of an array, got {len(data)}")
    return np.frombuffer(bytes(data), dtype=code).astype(_TYPES[code], copy=False)


def _next(frames: Iterator[bytes]) -> bytes:
    frame = next(frames, None)
    if frame is None:
        raise OrderInvalid("expected another frame, got the end")
    return frame
