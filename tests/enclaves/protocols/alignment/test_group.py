"""ristretto255 through the wrapper: the vectors of RFC 9496, strict decoding, and bulk equal to one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import PointInvalid
from enclaves.protocols.alignment.group import (
    ORDER,
    POINT_BYTES,
    Point,
    Points,
    Scalar,
    base_times,
    hash_all,
    hash_to_point,
)
from enclaves.protocols.alignment.hashing import Expander

P = 2**255 - 19
# RFC 9496, appendix A.1: the generator times 1, 2 and 3.
MULTIPLES = (
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
)
EXPANDER = Expander(b"test of the group")
SCALARS = st.integers(1, ORDER - 1).map(lambda n: Scalar(n.to_bytes(32, "little")))
G = Point(bytes.fromhex(MULTIPLES[0]))


def encoded(number: int) -> bytes:
    return number.to_bytes(32, "little")


def invalid_encodings() -> dict[str, bytes]:
    """By name: everything RFC 9496, section 4.3.1 refuses, and the small-order encodings of edwards25519."""
    s = int.from_bytes(bytes.fromhex(MULTIPLES[1]), "little")
    return {
        "identity": bytes(32),
        "prime itself": encoded(P),
        "non-canonical zero with the high bit": encoded(1 << 255),
        "non-canonical": encoded(P + 2),
        "all ones": b"\xff" * 32,
        "negative": encoded(P - s),
        "negative one": encoded(1),
        "minus one, whose y is zero": encoded(P - 1),
        "high bit set": encoded(s | 1 << 255),
        "order 4": bytes(32)[:-1] + b"\x80",
        "order 8 a": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        "order 8 b": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        "order 8 c": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        "order 8 d": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        "short": bytes.fromhex(MULTIPLES[0])[:-1],
        "long": bytes.fromhex(MULTIPLES[0]) + b"\0",
    }


def test_the_first_multiples_of_the_generator_are_those_of_the_standard() -> None:
    for n, expected in enumerate(MULTIPLES, 1):
        assert base_times(Scalar(encoded(n))).raw.hex() == expected
    assert G.plus(G).raw.hex() == MULTIPLES[1]


@pytest.mark.parametrize("raw", invalid_encodings().values(), ids=invalid_encodings().keys())
def test_no_invalid_encoding_becomes_a_point(raw: bytes) -> None:
    with pytest.raises(PointInvalid):
        Point(raw)


@pytest.mark.parametrize("raw", invalid_encodings().values(), ids=invalid_encodings().keys())
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_invalid_point_refuses_a_whole_batch(raw: bytes, place: int) -> None:
    good = [base_times(Scalar(encoded(n))).raw for n in (1, 2)]
    with pytest.raises(PointInvalid):
        Points(b"".join([*good[:place], raw, *good[place:]])).times(Scalar(encoded(5)))


@given(st.binary(min_size=32, max_size=32))
def test_any_bytes_give_a_point_or_are_refused(raw: bytes) -> None:
    try:
        point = Point(raw)
    except PointInvalid:
        with pytest.raises(PointInvalid):
            Points(raw).times(Scalar(encoded(1)))
    else:
        assert Points(raw).times(Scalar(encoded(1))).raw == point.raw == raw


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_zero_and_unreduced_scalars_are_refused(number: int) -> None:
    with pytest.raises(PointInvalid):
        Scalar(encoded(number))


@given(st.binary(min_size=64, max_size=64))
def test_scalars_from_uniform_bytes_are_their_residue(uniform: bytes) -> None:
    residue = int.from_bytes(uniform, "little") % ORDER
    if residue:
        assert Scalar.from_uniform(uniform).raw == encoded(residue)


def test_a_scalar_is_made_of_64_bytes_and_not_of_zero() -> None:
    for uniform in (bytes(64), encoded(ORDER) + bytes(32), b"\1" * 63, b"\1" * 65):
        with pytest.raises(PointInvalid):
            Scalar.from_uniform(uniform)


@given(SCALARS, SCALARS)
def test_scalars_calculate_modulo_the_order(a: Scalar, b: Scalar) -> None:
    x, y = (int.from_bytes(each.raw, "little") for each in (a, b))
    assert a.times(b).raw == encoded(x * y % ORDER)
    assert a.inverse().raw == encoded(pow(x, -1, ORDER))
    if (x + y) % ORDER:
        assert a.plus(b).raw == encoded((x + y) % ORDER)
    if x != y:
        assert a.minus(b).raw == encoded((x - y) % ORDER)


@given(st.binary(max_size=40), SCALARS, SCALARS)
def test_the_order_of_keys_does_not_matter_and_the_inverse_takes_one_off(
    text: bytes, a: Scalar, b: Scalar
) -> None:
    point = hash_to_point(EXPANDER, text)
    assert point.times(a).times(b) == point.times(b).times(a) == point.times(a.times(b))
    assert point.times(a).times(b).times(a.inverse()) == point.times(b)


def test_a_sum_that_is_the_identity_is_refused() -> None:
    minus = G.times(Scalar(encoded(ORDER - 1)))
    with pytest.raises(PointInvalid):
        G.plus(minus)


@given(st.lists(st.binary(max_size=20), max_size=5), SCALARS)
def test_bulk_is_one_by_one(texts: list[bytes], scalar: Scalar) -> None:
    hashed = hash_all(EXPANDER, texts)
    singles = [hash_to_point(EXPANDER, text) for text in texts]
    assert list(hashed) == [point.raw for point in singles]
    assert list(hashed.times(scalar)) == [point.times(scalar).raw for point in singles]
    assert len(hashed) == len(texts)


def test_threads_give_the_same_points_in_the_same_order_and_refuse_the_same() -> None:
    points = Points(hash_all(EXPANDER, [bytes([n]) for n in range(200)]).raw * 21)
    scalar = Scalar(encoded(12345))
    with ThreadPoolExecutor(2) as pool:
        assert points.times(scalar, mapper=pool.map) == points.times(scalar)
        invalid = Points(points.raw[:-POINT_BYTES] + bytes(POINT_BYTES))
        with pytest.raises(PointInvalid):
            invalid.times(scalar, mapper=pool.map)


def test_secret_scalars_are_not_shown() -> None:
    assert "11" not in repr(Scalar(b"\x11" * 31 + b"\x01"))
