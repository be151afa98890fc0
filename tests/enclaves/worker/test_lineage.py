"""The units of the atom rule over snapshots: who is who, what is new, what is gone, and the bytes that remember it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from enclaves.worker.arrays import PIECE_BYTES, read_arrays, write_arrays
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.lineage import Lineage, Refined, Told

U64 = NDArray[np.uint64]


def pids(*numbers: int) -> U64:
    """Persons by number, ascending."""
    return np.array([[number // 3, number] for number in sorted(numbers)], dtype=np.uint64)


def labels(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def hashes(*values: int) -> U64:
    return np.array(values, dtype=np.uint64)


def told(rows: list[int], row_touched: list[int], persons: list[int], touched: list[int]) -> Told:
    return Told(
        {"visits": Refined(labels(*rows), labels(*row_touched))},
        Refined(labels(*persons), labels(*touched)),
    )


def test_persons_keep_their_atoms_when_others_come() -> None:
    first, place = Lineage().joined(pids(3, 6))
    assert place.tolist() == [0, 1]
    asked = first.with_rows("visits", "s1", hashes=hashes(9, 5), owner=place[[0, 1]])
    after = asked.after(told([0, 1], [0, 1], [0, 1], [0, 1]))
    grown, place = after.joined(pids(1, 3, 6, 9))
    assert place.tolist() == [0, 1, 2, 3]
    # Person 6 stands in a released sum, 1 and 9 are new and stand with person 3, who is in none.
    assert grown.persons.atoms.tolist() == [0, 0, 1, 0]
    assert grown.tables["visits"].owner.tolist() == [2, 1]


def test_when_everybody_is_in_a_sum_newcomers_are_a_class_of_their_own() -> None:
    line, place = Lineage().joined(pids(1, 2))
    line = line.with_rows("visits", "s1", hashes=hashes(4, 8), owner=place)
    after = line.after(told([0, 0], [1, 1], [0, 0], [1, 1]))
    assert after.persons.outside == 1
    grown, _ = after.joined(pids(1, 2, 5))
    assert grown.persons.atoms.tolist() == [0, 0, 1]


def test_a_row_that_stays_is_the_same_unit_and_a_changed_one_is_another() -> None:
    line, place = Lineage().joined(pids(1, 2))
    line = line.with_rows("visits", "s1", hashes=hashes(50, 10), owner=place)
    line = line.after(told([0, 0], [1, 1], [0, 0], [1, 1]))
    later = line.with_rows("visits", "s2", hashes=hashes(10, 70), owner=place[[1, 0]])
    held = later.tables["visits"]
    assert held.snapshot == "s2"
    assert held.hashes.tolist() == [10, 50, 70]
    # 10 and 50 were summed; 70 never was; 50 is gone and stays a unit.
    assert held.units.atoms.tolist() == [0, 0, 1]
    assert held.place.tolist() == [0, 2]
    assert held.owner.tolist() == [1, 0, 0]


def test_asking_and_answering_are_remembered_apart() -> None:
    line, place = Lineage().joined(pids(1, 2))
    line = line.with_rows("visits", "s1", hashes=hashes(4, 8), owner=place)
    asked = line.after_asking(told([0, 1], [0, 1], [0, 1], [0, 1]))
    assert asked.apart.atoms.tolist() == [0, 1]
    assert asked.persons.atoms.tolist() == [0, 0]


@given(
    st.lists(st.sets(st.integers(0, 40), min_size=1, max_size=12), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_lineage_comes_back_from_its_bytes(populations: list[set[int]], dice: object) -> None:
    line = Lineage()
    for number, population in enumerate(populations):
        line, place = line.joined(pids(*population))
        own = np.arange(len(population), dtype=np.uint64) * np.uint64(7) + np.uint64(number)
        line = line.with_rows("visits", f"s{number}", hashes=own, owner=place)
        assert np.array_equal(line.pids[place], pids(*population))
    found = Lineage.read(iter(list(line.frames())))
    assert np.array_equal(found.pids, line.pids)
    assert found.tables.keys() == line.tables.keys()
    for name, held in line.tables.items():
        other = found.tables[name]
        assert (other.snapshot, other.units.outside) == (held.snapshot, held.units.outside)
        for one, two in ((held.hashes, other.hashes), (held.owner, other.owner), (held.place, other.place)):
            assert np.array_equal(one, two)
        # Every row's owner is the person it had.
        assert len(held.owner) == len(held.hashes) == len(held.units.atoms)


def broken(frames: list[bytes]) -> Iterator[list[bytes]]:
    yield frames[:-1]
    yield [*frames[:-1], frames[-1][:-1]]
    yield [frames[0].replace(b'"outside"', b'"inside!"'), *frames[1:]]
    yield [b"{}", *frames[1:]]
    yield [b"\xff", *frames[1:]]


def test_a_lineage_that_is_not_whole_is_refused() -> None:
    line, place = Lineage().joined(pids(1, 2, 3))
    line = line.with_rows("visits", "s1", hashes=hashes(4, 8, 9), owner=place)
    for frames in broken(list(line.frames())):
        with pytest.raises(OrderInvalid):
            Lineage.read(iter(frames))


def test_large_arrays_travel_in_pieces() -> None:
    many = np.arange(PIECE_BYTES // 8 + 3, dtype=np.int64)
    frames = list(write_arrays({"a": 1}, {"many": many, "none": many[:0]}))
    assert len(frames) == 3
    found = read_arrays(iter(frames))
    assert np.array_equal(found.array("many", np.int64), many)
    assert len(found.array("none", np.int64)) == 0
    assert found.integer("a") == 1
    with pytest.raises(OrderInvalid):
        found.array("many", np.int32)
    with pytest.raises(OrderInvalid):
        found.member("b")
