"""Partitions of a data set: complete stores, every person in one of them, the same answers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from connectors.errors import SnapshotTampered, StoreError
from connectors.store import DomainStore, open_snapshot
from connectors.store.partition import PartitionedStore, partition_of
from tests.enclaves.worker.domain import NOW, PID_KEY, STORE_KEY, build, dataset, resident, rows

ID = "hospital-rows"
PEOPLE = 60


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DomainStore:
    return build(tmp_path_factory.mktemp("store"), dataset("hospital"), rows(range(PEOPLE), "hospital"))


def split(store: DomainStore, directory: Path, partitions: int) -> tuple[PartitionedStore, str]:
    parted = PartitionedStore(directory, partitions, STORE_KEY, PID_KEY)
    with store.lease(ID) as lease:
        assert not parted.is_split(lease.pointer.snapshot, ID)
        parted.split(lease, now=NOW)
        return parted, lease.pointer.snapshot


def test_every_person_is_whole_in_the_partition_of_the_pid(store: DomainStore, tmp_path: Path) -> None:
    parted, snapshot = split(store, tmp_path, 4)
    assert parted.is_split(snapshot, ID)
    pids = store.pids([resident(number) for number in range(PEOPLE)])
    place = partition_of(pids, 4)
    assert set(place) == {0, 1, 2, 3}
    with store.lease(ID) as lease, open_snapshot(lease.path, lease.key) as whole:
        expected = whole.features(pids, ["amount", "visits", "sex"], up_to=2024)
    for number in range(4):
        with (
            parted.lease(snapshot, ID, number) as lease,
            open_snapshot(lease.path, lease.key) as part,
        ):
            assert part.dataset == dataset("hospital")
            found = part.features(pids, ["amount", "visits", "sex"], up_to=2024)
        own = place == number
        assert np.array_equal(found.present, own & expected.present)
        for column, (values, missing) in found.values.items():
            wanted, absent = expected.values[column]
            assert np.array_equal(missing[own], absent[own])
            assert np.array_equal(values[own & ~absent], wanted[own & ~absent])


def test_rows_and_persons_add_up_and_a_partition_may_be_empty(tmp_path: Path) -> None:
    few = build(tmp_path / "few", dataset("hospital"), rows(range(3), "few"))
    parted, snapshot = split(few, tmp_path / "parts", 8)
    with ExitStack() as held:
        pointers = [held.enter_context(parted.lease(snapshot, ID, number)).pointer for number in range(8)]
    whole = few.pointer(ID)
    assert sum(pointer.rows for pointer in pointers) == whole.rows
    assert sum(pointer.persons for pointer in pointers) == whole.persons == 3
    assert min(pointer.persons for pointer in pointers) == 0
    nobody = [pointer.persons for pointer in pointers].index(0)
    with parted.lease(snapshot, ID, nobody) as lease, open_snapshot(lease.path, lease.key) as empty:
        found = empty.features(few.pids([resident(0)]), ["visits"], up_to=2024)
    assert not found.present.any()


def test_each_partition_has_a_key_of_its_own(store: DomainStore, tmp_path: Path) -> None:
    parted, snapshot = split(store, tmp_path, 2)
    with parted.lease(snapshot, ID, 0) as first, parted.lease(snapshot, ID, 1) as second:
        assert len({first.key, second.key, store.snapshot_key(ID)}) == 3
        with pytest.raises(StoreError):
            open_snapshot(second.path, first.key)


def test_a_partition_in_the_place_of_another_is_refused(store: DomainStore, tmp_path: Path) -> None:
    parted, snapshot = split(store, tmp_path, 2)
    first, second = (tmp_path / snapshot / f"{number}-of-2" for number in range(2))
    first.rename(tmp_path / "aside")
    second.rename(first)
    with pytest.raises(SnapshotTampered), parted.lease(snapshot, ID, 0):
        pass


@pytest.mark.parametrize("partitions", [0, -1, 4097])
def test_a_number_of_partitions_out_of_range_is_refused(tmp_path: Path, partitions: int) -> None:
    with pytest.raises(StoreError):
        PartitionedStore(tmp_path, partitions, STORE_KEY, PID_KEY)


def test_a_partition_that_is_not_there_is_refused(store: DomainStore, tmp_path: Path) -> None:
    parted, snapshot = split(store, tmp_path, 2)
    with pytest.raises(StoreError), parted.lease(snapshot, ID, 2):
        pass
