"""No key that verifies what nobody signed can be enrolled, and signatures verify as published vectors say."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import example, given
from hypothesis import strategies as st

from policies.keys import IdentityKey, KeyRefused, SignatureInvalid, check_public_key, public_key

ROOT = Path(__file__).parents[2]
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"domicile-test-key/keys").digest())
KEY = public_key(PRIVATE)
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(one: Point, two: Point) -> Point:
    """The twisted Edwards group law in affine coordinates (RFC 8032 §5.1.4), slow and plain."""
    (x1, y1), (x2, y2) = one, two
    t = D * x1 * x2 * y1 * y2 % P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    y3 = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P
    return x3, y3


def times(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def lift(y: int) -> Point | None:
    """A point with the ordinate `y`, or None (RFC 8032 §5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if x * x % P == square else None


def small_order_points() -> set[Point]:
    """All points whose order divides 8, found by clearing the large-order part of arbitrary points."""
    torsion = {times(ORDER, point) for point in map(lift, range(2, 40)) if point is not None}
    generator = next(point for point in torsion if times(4, point) != IDENTITY)
    return {times(multiple, generator) for multiple in range(8)}


def encodings(point: Point) -> Iterator[bytes]:
    """Every 32 bytes some decoder reads as `point` or its negative: y or y + p where it fits, either sign bit."""
    for y in (point[1], point[1] + P):
        if y < 2**255:
            yield y.to_bytes(32, "little")
            yield (y | 1 << 255).to_bytes(32, "little")


SMALL_ORDER = sorted({encoding for point in small_order_points() for encoding in encodings(point)})


def verifies_plainly(raw: bytes, signature: bytes, message: bytes) -> bool:
    """The naive variant: any 32 bytes are a key."""
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_there_are_eight_points_of_small_order_and_fourteen_encodings() -> None:
    assert len(small_order_points()) == 8
    assert len(SMALL_ORDER) == 14


@pytest.mark.parametrize("raw", SMALL_ORDER, ids=lambda raw: raw.hex()[:8] + raw.hex()[-2:])
def test_a_small_order_point_is_refused_in_every_encoding(raw: bytes) -> None:
    with pytest.raises(KeyRefused):
        check_public_key(raw)
    with pytest.raises(KeyRefused):
        IdentityKey(raw)
    with pytest.raises(KeyRefused):
        IdentityKey.from_base64(base64.b64encode(raw).decode())


@pytest.mark.parametrize("message", [b"", b"pay everything", bytes(1000)])
def test_the_identity_key_verifies_any_message_plainly_and_cannot_be_enrolled(message: bytes) -> None:
    identity = bytes([1]) + bytes(31)
    forged = identity + bytes(32)

    assert verifies_plainly(identity, forged, message)
    with pytest.raises(KeyRefused):
        IdentityKey(identity)


def test_every_small_order_key_can_be_forged_plainly_for_some_message() -> None:
    canonical = [raw for raw in SMALL_ORDER if int.from_bytes(raw, "little") & (2**255 - 1) < P]
    forged = 0
    for raw in canonical:
        candidates = (b"message %d" % number for number in range(64))
        forged += any(verifies_plainly(raw, R + bytes(32), m) for m in candidates for R in canonical)

    assert forged >= 8


@pytest.mark.parametrize("y", [P, P + 1, P + 3, P + 18, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_a_non_canonical_key_is_refused(y: int, sign: int) -> None:
    with pytest.raises(KeyRefused):
        check_public_key((y | sign).to_bytes(32, "little"))


@given(st.integers(2, P - 2), st.booleans())
@example(2, False)
@example(3, True)
def test_a_key_is_accepted_exactly_when_it_is_a_point_of_large_order(y: int, sign: bool) -> None:
    point = lift(y)
    raw = (y | sign << 255).to_bytes(32, "little")

    if point is None or point in small_order_points_cached():
        with pytest.raises(KeyRefused):
            check_public_key(raw)
    else:
        check_public_key(raw)


def small_order_points_cached(points: set[Point] = small_order_points()) -> set[Point]:  # noqa: B008 - made once
    return points


@given(st.binary(max_size=40))
def test_any_bytes_are_a_key_or_refused(raw: bytes) -> None:
    try:
        key = IdentityKey(raw)
    except KeyRefused:
        return
    assert IdentityKey.from_base64(key.to_base64()) == key


@given(st.text(max_size=60))
@example("=" * 44)
@example("é" * 44)
@example("\ud800" * 44)
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = IdentityKey.from_base64(text)
    except KeyRefused:
        return
    assert key.to_base64() == text


def test_base64_has_one_spelling() -> None:
    text = KEY.to_base64()
    # 43 characters carry 258 bits of 256: the last character has three other spellings of the same bytes.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:42] + alphabet[alphabet.index(text[42]) ^ 1] + "="

    assert base64.b64decode(other) == KEY.raw
    for spelling in (other, text + "\n", " " + text, text[:-1], text.replace("=", "==")):
        with pytest.raises(KeyRefused):
            IdentityKey.from_base64(spelling)


def test_the_key_id_is_the_sha_256_of_the_key() -> None:
    assert KEY.keyid == hashlib.sha256(KEY.raw).hexdigest()


@given(st.binary(max_size=200), st.data())
def test_one_flipped_bit_of_signature_or_message_is_caught(message: bytes, data: st.DataObject) -> None:
    signature = PRIVATE.sign(message)
    KEY.check(signature, message)
    whole = bytearray(signature + message)
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SignatureInvalid):
        KEY.check(bytes(whole[:64]), bytes(whole[64:]))


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_invalid(length: int) -> None:
    with pytest.raises(SignatureInvalid):
        KEY.check((PRIVATE.sign(b"m") * 2)[:length], b"m")


def test_a_signature_with_s_plus_the_group_order_is_invalid() -> None:
    signature = PRIVATE.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + ORDER

    with pytest.raises(SignatureInvalid):
        KEY.check(signature[:32] + scalar.to_bytes(32, "little"), b"m")


def wycheproof() -> dict[str, Any]:
    """The vectors of C2SP/wycheproof, kept beside the repository (Apache-2.0; testvectors_v1/ed25519_test.json)."""
    path = ROOT.parent / "shared" / "vectors" / "wycheproof" / "ed25519_test.json"
    if not path.exists():
        pytest.skip("expected ../shared/vectors/wycheproof/ed25519_test.json, got no such file")
    vectors: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return vectors


def test_wycheproof_agrees_on_every_signature() -> None:
    vectors = wycheproof()
    ran = 0
    for group in vectors["testGroups"]:
        raw = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            assert _accepts(raw, case) == (case["result"] == "valid"), case["tcId"]
            ran += 1

    assert ran == vectors["numberOfTests"]


def _accepts(raw: bytes, case: dict[str, Any]) -> bool:
    try:
        IdentityKey(raw).check(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
    except (SignatureInvalid, KeyRefused):
        return False
    return True
