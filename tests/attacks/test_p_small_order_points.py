"""Attacks with points of the carrier's choosing: small order, the identity, a second spelling, and points slipped in.

Naive: a department raises whatever arrives, on the curve edwards25519 without checks, through libsodium without a look at the
encoding, or checked but carried in the open and not committed to. Ours: `enclaves.protocols.alignment` refuses each before a
single point is raised.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import rbcl

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.errors import BatchInvalid, PointInvalid, SetChanged
from enclaves.protocols.alignment.group import POINT_BYTES, Points, Scalar
from enclaves.protocols.alignment.payload import PayloadShape, Record
from enclaves.protocols.alignment.scenario_key import candidates
from enclaves.protocols.alignment.stages import pass_on
from tests.enclaves.protocols.alignment.kit import SID, District, Stream, person

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Edwards = tuple[int, int]
NEUTRAL: Edwards = (0, 1)
NAMES = ("clinic", "school")
MEMBERS = [person(n) for n in range(20)]
STRANGERS = [person(n) for n in range(100, 120)]


def add(p: Edwards, q: Edwards) -> Edwards:
    """Addition on edwards25519 (RFC 8032, section 5.1.4, affine)."""
    (a, b), (c, d) = p, q
    product = D * a * b * c * d
    x = (a * d + b * c) * pow(1 + product, -1, P)
    y = (b * d + a * c) * pow(1 - product, -1, P)
    return x % P, y % P


def raised_without_checks(point: Edwards, key: int) -> Edwards:
    """A naive department."""
    total = NEUTRAL
    while key:
        if key & 1:
            total = add(total, point)
        point, key = add(point, point), key >> 1
    return total


def of_order_8() -> Edwards:
    y = int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
    )
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    return root, y


def encoded(point: Edwards) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def subgroup() -> list[Edwards]:
    """The eight points of small order, in the order of their multiples."""
    points = [NEUTRAL]
    while len(points) < 8:
        points.append(add(points[-1], of_order_8()))
    return points


def test_without_checks_one_point_of_order_8_tells_three_bits_of_every_key() -> None:
    draw, points = random.Random(1), subgroup()
    keys = [draw.randrange(1, ORDER) for _ in range(20)]
    assert add(points[-1], points[1]) == NEUTRAL
    read = [points.index(raised_without_checks(points[1], key)) for key in keys]
    assert read == [key % 8 for key in keys]


def test_without_checks_the_identity_makes_everybody_coincide() -> None:
    draw = random.Random(2)
    tokens = {raised_without_checks(NEUTRAL, draw.randrange(1, ORDER)) for _ in range(20)}
    assert tokens == {NEUTRAL}


def town() -> District:
    return District(dict.fromkeys(NAMES, PayloadShape()))


def brought(district: District, department: str = "clinic") -> Batch:
    return district.bring(department, [(who, Record()) for who in MEMBERS])


def with_first(batch: Batch, raw: bytes) -> Batch:
    return replace(batch, points=Points(raw + batch.points.raw[POINT_BYTES:]))


def test_ours_raises_no_point_of_small_order() -> None:
    district, answered = town(), 0
    batch = brought(district)
    encodings = {encoded(point) for point in subgroup()} | {bytes(32), encoded((1, 0)), encoded((0, P - 1))}
    for raw in encodings:
        with pytest.raises(PointInvalid):
            # Even a sender who commits to such a point gets nothing.
            answered += len(district.pass_on(with_first(batch, raw), "school").points)
    assert len(encodings) >= 8
    assert answered == 0
    assert district.pass_on(batch, "school").stage == 2


def second_spelling(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] | 0x80])


def test_through_libsodium_alone_a_second_spelling_marks_one_person() -> None:
    """The carrier replaces a dummy by a victim's point, spelled otherwise: the victim's token then stands twice."""
    district = town()
    points = list(brought(district).points)
    victim = points[3]
    changed = [*points[:7], second_spelling(victim), *points[8:]]
    assert len(set(changed)) == len(changed)

    key = rbcl.crypto_core_ristretto255_scalar_random()
    tokens = Counter(rbcl.crypto_scalarmult_ristretto255(key, raw) for raw in changed)
    marked = [token for token, times in tokens.items() if times == 2]
    assert marked == [rbcl.crypto_scalarmult_ristretto255(key, victim)]


def test_ours_refuses_a_second_spelling() -> None:
    district = town()
    batch = brought(district)
    raws = list(batch.points)
    raws[7] = second_spelling(raws[3])
    with pytest.raises(PointInvalid):
        district.pass_on(replace(batch, points=Points(b"".join(raws))), "school")
    assert district.keys["school"].committed == {}


def test_a_carrier_of_open_uncommitted_batches_learns_who_is_a_member() -> None:
    """It has its own points raised by the school's key and looks for the results in the school's own batch."""
    district, blind = town(), Scalar.from_uniform(Stream("carrier")(64))
    asked = candidates(SID, [*MEMBERS, *STRANGERS]).times(blind)
    # Naive: raised as they come, and the school's batch goes by in the open.
    answers = district.keys["school"].raised(asked).times(blind.inverse())
    passing = set(brought(district, "school").points)
    assert [point in passing for point in answers] == [True] * 20 + [False] * 20


def test_ours_raises_no_point_that_the_sender_did_not_commit_to_and_shows_no_batch() -> None:
    district, blind = town(), Scalar.from_uniform(Stream("carrier")(64))
    batch = brought(district)
    school = district.carry(district.pass_on(batch, "school"))
    fresh, answered = town(), 0
    for point in candidates(SID, [*MEMBERS, *STRANGERS]).times(blind):
        with pytest.raises(BatchInvalid):
            answered += len(
                pass_on(
                    with_first(batch, point),
                    fresh.keys["school"],
                    roster=fresh.roster,
                    logged=batch.commitment,
                    joiner=fresh.sealing["gate"].public,
                    random_bytes=Stream("school"),
                ).points
            )
    assert answered == 0
    assert not any(point in sealed for sealed in district.wire for point in school.points)


def test_a_carrier_that_logs_for_its_own_points_does_not_get_a_second_set_raised() -> None:
    """Whoever can write a commitment in the clinic's name still meets the set that the school has served."""
    district = town()
    batch = brought(district)
    district.pass_on(batch, "school")
    injected = with_first(batch, candidates(SID, [STRANGERS[0]]).raw)
    with pytest.raises(SetChanged):
        district.pass_on(injected, "school")
