"""expand_message_xmd with SHA-512 against RFC 9380, appendix K.3, and against its definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.hashing import Expander
from enclaves.protocols.errors import ProtocolError

DST = b"QUUX-V01-CS02-with-expander-SHA512-256"


def by_definition(message: bytes, dst: bytes, length: int) -> bytes:
    """RFC 9380, section 5.3.1, step by step."""
    ell = -(-length // 64)
    dst_prime = dst + len(dst).to_bytes(1, "big")
    b_0 = hashlib.sha512(bytes(128) + message + length.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    blocks = [hashlib.sha512(b_0 + b"\1" + dst_prime).digest()]
    for i in range(2, ell + 1):
        xor = (int.from_bytes(b_0, "big") ^ int.from_bytes(blocks[-1], "big")).to_bytes(64, "big")
        blocks.append(hashlib.sha512(xor + i.to_bytes(1, "big") + dst_prime).digest())
    return b"".join(blocks)[:length]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (32, "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba"),
        (
            128,
            "41b037d1734a5f8df225dd8c7de38f851efdb45c372887be655212d07251b921"
            "b052b62eaed99b46f72f2ef4cc96bfaf254ebbbec091e1a3b9e4fb5e5b619d2e"
            "0c5414800a1d882b62bb5cd1778f098b8eb6cb399d5d9d18f5d5842cf5d13d7e"
            "b00a7cff859b605da678b318bd0e65ebff70bec88c753b159a805d2c89c55961",
        ),
    ],
)
def test_the_vectors_of_the_standard_are_reproduced(length: int, expected: str) -> None:
    assert Expander(DST, length=length).expand(b"").hex() == expected


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=255), st.integers(1, 300))
def test_an_expander_follows_the_definition(message: bytes, dst: bytes, length: int) -> None:
    expander = Expander(dst, length=length)
    assert expander.expand(message) == by_definition(message, dst, length)
    assert expander.expand(message) == by_definition(message, dst, length)


@pytest.mark.parametrize(("dst", "length"), [(b"", 64), (bytes(256), 64), (b"x", 0), (b"x", 255 * 64 + 1)])
def test_what_the_standard_does_not_define_is_refused(dst: bytes, length: int) -> None:
    with pytest.raises(ProtocolError):
        Expander(dst, length=length)
