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
    with pytest.raises(HistoryExhausted):
        History(predicates=200).check_open("s", LIMITS)
    with pytest.raises(HistoryExhausted):
        History(predicates=199).check_open("s", LIMITS, predicates=2)


def test_after_twenty_refusals_people_must_look() -> None:
    history = History()
    for _ in range(20):
        history.check_open("s", LIMITS)
        history = history.refused("s")
    with pytest.raises(RefusalsExhausted):
        history.check_open("s", LIMITS)
    history.check_open("another", LIMITS)
    history.reviewed("s").check_open("s", LIMITS)


def test_an_accepted_answer_counts_for_all_scenarios() -> None:
    assert History().accepted().accepted(predicates=2).predicates == 3


def test_bounds_of_a_column_stay_within_a_snapshot() -> None:
    history = History().accepted(bounds={"t.cost": (0, 1000, 2)})
    history.check_bounds({"t.cost": (0, 1000, 2), "t.days": (0, 9, 0)})
    for other in ((0, 999, 2), (1, 1000, 2), (0, 1000, 1)):
        with pytest.raises(BoundsChanged):
            history.accepted(bounds={"t.cost": other})


def test_a_history_counts_from_zero() -> None:
    with pytest.raises(AtomsInvalid):
        History(predicates=-1)
    with pytest.raises(AtomsInvalid):
        History(refusals={"s": -1})


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


def test_a_bomb_and_labels_that_are_not_dense_are_refused() -> None:
    header = b"domicile-atoms/1\n" + (4).to_bytes(8, "big")
    bomb = header + zlib.compress(bytes(10_000_000))
    sparse = header + zlib.compress(np.array([0, 2, 2, 3], dtype="<u2").tobytes())
    beyond = header + zlib.compress(np.array([0, 1, 2, 9], dtype="<u2").tobytes())
    negative = header + zlib.compress(np.array([0, 0, 0, -1], dtype="<i4").tobytes())
    trailing = encode(fresh(4)) + b"x"
    for outside in (bomb, sparse, beyond, negative, trailing, header + zlib.compress(bytes(6))):
        with pytest.raises(AtomsInvalid):
            decode(outside)
