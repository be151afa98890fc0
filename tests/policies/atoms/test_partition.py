from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.atoms import partition
from policies.atoms.errors import AtomsInvalid
from policies.atoms.partition import ranked, refine, sizes, smallest

labels = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 600)), max_size=60)


def int32(values: object) -> NDArray[np.int32]:
    return np.asarray(values, dtype=np.int32)


@given(labels)
def test_two_units_share_a_label_if_and_only_if_they_share_atom_and_code(
    pairs: list[tuple[int, int]],
) -> None:
    got = refine(int32([a for a, _ in pairs]), int32([c for _, c in pairs]))
    expected = {pair: rank for rank, pair in enumerate(sorted(set(pairs)))}
    assert got.dtype == np.int32
    assert got.tolist() == [expected[pair] for pair in pairs]


@pytest.mark.parametrize("bound", [2**22, 2**22 + 1, 2**32, 2**32 + 1, 2**40])
@settings(max_examples=25)
@given(st.data())
def test_every_way_to_rank_agrees_with_sorting(bound: int, data: st.DataObject) -> None:
    near = st.sampled_from([0, 1, 63, 64, 65, bound - 1, bound - 2])
    most = min(bound, 2**22) - 1
    values = data.draw(
        st.lists(
            st.one_of(st.integers(0, most), near if bound != 2**32 else st.integers(0, 99)),
            min_size=1,
            max_size=30,
        )
    )
    small = min(bound, max(values) + 1) if bound == 2**32 else bound
    ranks, distinct = ranked(np.array(values, dtype=np.int64), bound=small)
    expected = sorted(set(values))
    assert distinct.tolist() == expected
    assert ranks.tolist() == [expected.index(value) for value in values]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_sizes_count_distinct_owners(rows: list[tuple[int, int]]) -> None:
    part = partition.refine(int32([0] * len(rows)), int32([a for a, _ in rows]))
    owner = int32([person for _, person in rows])
    expected = [len({owner[i] for i in np.flatnonzero(part == p)}) for p in range(int(part.max()) + 1)]
    assert sizes(part, owner).tolist() == expected


def test_owners_are_told_apart_in_more_parts_than_sixteen_bits_hold() -> None:
    part = np.arange(70_000, dtype=np.int32).repeat(2)
    owner = np.tile(int32([1, 0]), 70_000)
    assert (sizes(part, owner) == 2).all()


def test_nobody_has_no_atoms() -> None:
    assert smallest(np.zeros(0, dtype=np.int32)) == 0
    assert refine(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)).tolist() == []


def test_smallest_is_the_size_of_the_smallest_atom() -> None:
    assert smallest(int32([0, 0, 1, 1, 1])) == 2


@pytest.mark.parametrize(
    ("atoms", "codes"),
    [
        (int32([0]), int32([0, 1])),
        (int32([-1]), int32([0])),
        (int32([[0]]), int32([0])),
        (int32([0]), np.zeros(1)),
    ],
)
def test_vectors_that_do_not_fit_are_refused(atoms: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    with pytest.raises(AtomsInvalid):
        refine(atoms, codes)
