from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.atoms.errors import AtomsInvalid, BoundsChanged, HistoryExhausted, RefusalsExhausted
from policies.atoms.history import History, decode, encode, fresh
from policies.atoms.partition import refine
from policies.disclosure.limits import Limits

LIMITS = Limits()


def test_the_two_hundredth_predicate_is_the_last_of_a_snapshot() -> None:
    History(predicates=199).check_open("s", LIMITS)
    with pytest.raises(HistoryExhausted, match=r"^expected at most 200 predicates a snapshot, got one more$"):
        History(predicates=200).check_open("s", LIMITS)
    with pytest.raises(HistoryExhausted):
        History(predicates=199).check_open("s", LIMITS, predicates=2)


def test_after_twenty_refusals_people_must_look() -> None:
    history = History()
    for _ in range(20):
        history.check_open("s", LIMITS)
        history = history.refused("s")
    message = "^expected fewer than 20 refusals, got as many; people must look first$"
    with pytest.raises(RefusalsExhausted, match=message):
        history.check_open("s", LIMITS)
    history.check_open("another", LIMITS)
    history.reviewed("s").check_open("s", LIMITS)


def test_an_accepted_answer_counts_for_all_scenarios() -> None:
    assert History().accepted().accepted(predicates=2).predicates == 3


def test_bounds_of_a_column_stay_within_a_snapshot() -> None:
    history = History().accepted(bounds={"t.cost": (0, 1000, 2)})
    history.check_bounds({"t.cost": (0, 1000, 2), "t.days": (0, 9, 0)})
    for other in ((0, 999, 2), (1, 1000, 2), (0, 1000, 1)):
        with pytest.raises(
            BoundsChanged, match=r"^expected the bounds earlier answers used for `t.cost`, got others$"
        ):
            history.accepted(bounds={"t.cost": other})


def test_a_history_counts_from_zero() -> None:
    for counts in ({"predicates": -1}, {"refusals": {"s": -1}}):
        with pytest.raises(AtomsInvalid, match=r"^expected counts of at least zero, got fewer$"):
            History(**counts)  # type: ignore[arg-type]
    assert History(refusals={"s": 0}).predicates == 0


def test_one_refusal_left_is_enough_for_a_scenario_that_was_never_refused() -> None:
    History().check_open("s", Limits(refusals_per_scenario=1))


@given(st.lists(st.integers(0, 9), max_size=60))
def test_decode_inverts_encode(codes: list[int]) -> None:
    atoms = refine(fresh(len(codes)), np.array(codes, dtype=np.int32))
    assert decode(encode(atoms)).tolist() == atoms.tolist()


def test_labels_beyond_sixteen_bits_survive() -> None:
    atoms = np.arange(70_000, dtype=np.int32)
    assert (decode(encode(atoms)) == atoms).all()
    edge = np.arange(65_536, dtype=np.int32)
    assert (decode(encode(edge)) == edge).all()


@given(st.binary(max_size=80))
def test_other_bytes_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    for outside in (data, b"domicile-atoms/1\n" + data, b"domicile-atoms/1\n" + bytes(7) + b"\x04" + data):
        with pytest.raises(AtomsInvalid):
            decode(outside)


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_flipped_byte_is_caught(place: int, flip: int) -> None:
    data = bytearray(encode(np.arange(100, dtype=np.int32)))
    data[place % len(data)] ^= flip
    with pytest.raises(AtomsInvalid):
        decode(bytes(data))


def test_narrow_labels_take_two_bytes_and_an_empty_vector_survives() -> None:
    random_like = (np.arange(40_000, dtype=np.int64) * 40_503 % 40_000).astype(np.int32)
    assert len(encode(random_like)) < 2.2 * 40_000
    assert decode(encode(fresh(0))).tolist() == []


HEADER = b"domicile-atoms/1\n" + (4).to_bytes(8, "big")
ENDS = "expected compressed labels that end where they should, got others"


@pytest.mark.parametrize(
    ("outside", "message"),
    [
        (HEADER + zlib.compress(bytes(10_000_000)), ENDS),
        (HEADER + zlib.compress(bytes(18)), ENDS),
        (encode(fresh(4)) + b"x", ENDS),
        (encode(fresh(4))[:-1], ENDS),
        (HEADER + b"xx", "expected compressed labels, got other bytes"),
        (HEADER + zlib.compress(bytes(6)), "expected labels of 4 units, got another length"),
        (HEADER[:-1], "expected an atom vector, got other bytes"),
        (b"x" * 40, "expected an atom vector, got other bytes"),
        (HEADER[:17] + (2**31).to_bytes(8, "big"), "expected at most 2147483647 units, got more"),
        (
            HEADER + zlib.compress(np.array([0, 2, 2, 3], dtype="<u2").tobytes()),
            "expected dense labels, got others",
        ),
        (
            HEADER + zlib.compress(np.array([0, 1, 2, 4], dtype="<u2").tobytes()),
            "expected dense labels, got others",
        ),
        (
            HEADER + zlib.compress(np.array([0, 0, 0, -1], dtype="<i4").tobytes()),
            "expected labels of at least zero, got one below",
        ),
    ],
)
def test_a_bomb_and_labels_that_are_not_dense_are_refused(outside: bytes, message: str) -> None:
    with pytest.raises(AtomsInvalid, match=f"^{message}$"):
        decode(outside)
