"""The ring: decode inverts encode, sums are exact, and what could wrap is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols import ring
from enclaves.protocols.errors import HeadroomExceeded, ProtocolError

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(INT64, max_size=50))
def test_decode_inverts_encode(values: list[int]) -> None:
    encoded = ring.encode(np.array(values, dtype=np.int64))
    assert ring.decode(ring.Total(encoded)).tolist() == values
    assert encoded.tolist() == [value % 2**64 for value in values]


@given(st.integers(1, 50).flatmap(lambda n: st.lists(st.integers(-(2**56), 2**56), min_size=n, max_size=n)))
def test_sum_within_headroom_is_exact(values: list[int]) -> None:
    ring.check_headroom(len(values), 2**56)
    total = ring.add([ring.encode(np.array([value], dtype=np.int64)) for value in values], slots=1)
    assert ring.decode(ring.Total(total)).tolist() == [sum(values)]


@pytest.mark.parametrize(
    ("parties", "bound", "modulus"),
    [
        (1, 2**63, 2**64),
        (2, 2**62, 2**64),
        (50, 2**58, 2**64),
        (3, 172_033, 1_032_193),
        (0, 1, 2**64),
        (1, -1, 2**64),
    ],
)
def test_a_sum_that_could_wrap_is_refused(parties: int, bound: int, modulus: int) -> None:
    with pytest.raises(HeadroomExceeded):
        ring.check_headroom(parties, bound, modulus=modulus)


@pytest.mark.parametrize(
    ("parties", "bound", "modulus"), [(1, 2**63 - 1, 2**64), (2, 2**62 - 1, 2**64), (3, 172_032, 1_032_193)]
)
def test_the_largest_sum_that_fits_is_accepted(parties: int, bound: int, modulus: int) -> None:
    ring.check_headroom(parties, bound, modulus=modulus)


@pytest.mark.parametrize("values", [np.array([1.0]), np.array([[1]]), np.array([1], dtype=np.int32)])
def test_only_flat_int64_is_encoded(values: np.ndarray) -> None:
    with pytest.raises(ProtocolError):
        ring.encode(values)


def test_wire_bytes_are_little_endian_and_of_the_stated_length() -> None:
    data = ring.to_wire(ring.encode(np.array([1, -1], dtype=np.int64)))
    assert data == b"\x01" + bytes(7) + b"\xff" * 8
    assert ring.masked_from_wire(data, slots=2).tolist() == [1, 2**64 - 1]
    with pytest.raises(ProtocolError):
        ring.masked_from_wire(data, slots=1)
    with pytest.raises(ProtocolError):
        ring.masked_from_wire(data[:-1], slots=2)


def test_vectors_of_unequal_length_are_not_added() -> None:
    with pytest.raises(ProtocolError):
        ring.add([np.zeros(3, np.uint64), np.zeros(2, np.uint64)], slots=3)
