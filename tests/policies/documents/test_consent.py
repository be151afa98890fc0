"""Packed grants fit their head to the byte, and the log's commitment says nothing without the salt."""

from __future__ import annotations

import hashlib

import district
import district_documents
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.documents.consent import (
    GRANT_BYTES,
    MAX_UNIX_SECONDS,
    Consent,
    Grant,
    GrantsInvalid,
    commitment,
    pack,
    unpack,
)
from policies.errors import PolicyError
from policies.resident import ResidentIdInvalid

GRANTS = district.grants()
PACKED = pack(GRANTS)
HEAD = district_documents.all_documents()["consent"].document
assert isinstance(HEAD, Consent)


def head_of(packed: bytes, count: int) -> Consent:
    digest = hashlib.sha256(packed).hexdigest()
    return Consent.from_body({**HEAD.to_body(), "grants": digest, "count": count})


def with_person(text: bytes) -> bytes:
    return PACKED[:16] + text + PACKED[34:GRANT_BYTES]


def test_a_grant_is_74_bytes_and_reads_back() -> None:
    assert GRANT_BYTES == 74
    assert tuple(unpack(PACKED, HEAD)) == GRANTS


@given(st.integers(0, 8 * len(PACKED) - 1))
def test_one_flipped_bit_in_the_attachment_is_caught(bit: int) -> None:
    data = bytearray(PACKED)
    data[bit // 8] ^= 1 << bit % 8

    with pytest.raises(GrantsInvalid):
        next(unpack(bytes(data), HEAD))


@pytest.mark.parametrize("data", [b"", PACKED[:-1], PACKED + b"\0", PACKED[:GRANT_BYTES], PACKED + PACKED])
def test_another_length_is_caught(data: bytes) -> None:
    with pytest.raises(GrantsInvalid):
        next(unpack(data, HEAD))


@pytest.mark.parametrize(
    "person",
    [
        b"11010519491231002x", b"110105491231002   ", b"   110105491231002", b"\xff" * 18, b"\0" * 18,
        "１１０１０５".encode(), b"110105194912310020",
    ],
)  # fmt: skip
def test_a_person_in_another_spelling_is_refused(person: bytes) -> None:
    packed = with_person(person)

    with pytest.raises(ResidentIdInvalid):
        list(unpack(packed, head_of(packed, 1)))


@given(st.binary(min_size=GRANT_BYTES, max_size=GRANT_BYTES))
def test_any_bytes_under_their_head_unpack_or_are_refused(packed: bytes) -> None:
    with pytest.raises(PolicyError):
        list(unpack(packed, head_of(packed, 1)))


@pytest.mark.parametrize("expires_at", [-1, -(2**63), MAX_UNIX_SECONDS + 1, 2**63 - 1, 2**70])
def test_an_expiry_out_of_range_is_refused(expires_at: int) -> None:
    with pytest.raises(GrantsInvalid):
        Grant(GRANTS[0].id, GRANTS[0].person, expires_at, GRANTS[0].salt)


@pytest.mark.parametrize(
    ("id_bytes", "salt_bytes"), [(15, 32), (17, 32), (16, 31), (16, 33), (0, 48), (48, 0)]
)
def test_a_grant_of_other_lengths_is_refused(id_bytes: int, salt_bytes: int) -> None:
    with pytest.raises(GrantsInvalid):
        Grant(bytes(id_bytes), GRANTS[0].person, 0, bytes(salt_bytes))
    with pytest.raises(GrantsInvalid):
        commitment(bytes(id_bytes), bytes(salt_bytes))


def test_the_commitment_is_labelled_and_salted() -> None:
    grant = GRANTS[0]

    assert (
        grant.commitment
        == hashlib.sha256(b"domicile-consent-commitment/1\0" + grant.salt + grant.id).hexdigest()
    )
    assert commitment(grant.id, bytes(32)) != grant.commitment


def test_the_repr_of_a_grant_shows_neither_id_nor_person_nor_salt() -> None:
    grant = GRANTS[0]

    shown = repr(grant)

    assert repr(grant.id) not in shown
    assert repr(grant.salt) not in shown
    assert grant.person.text not in shown
