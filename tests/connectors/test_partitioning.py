"""When partitions come and go: with their snapshot, before it is current, and never under a reader."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import StoreBusy, StoreError
from connectors.partitioning import Partitions
from connectors.refresh import refresh
from connectors.store import DomainStore, Pointer, Sealed
from tests.connectors.kit import NOW, one_row_each, open_store, resident

PERSONS = one_row_each()


@pytest.fixture
def store(tmp_path: Path) -> DomainStore:
    return open_store(tmp_path / "store")


@pytest.fixture
def parts(store: DomainStore, tmp_path: Path) -> Partitions:
    return Partitions(store, tmp_path / "partitions")


def brought_in(parts: Partitions, source: Path, *, minute: int = 0, into: int | None = None) -> str:
    """A refresh with other rows than the one of another minute; the id of its snapshot."""
    source.write_text("resident,cost,sex\n" + "".join(f"{resident(n)},{minute}.5,male\n" for n in range(30)))
    moment = NOW + timedelta(minutes=minute)
    done = refresh(parts.store, PERSONS, source, clock=lambda: moment, partitions=parts, into=into)
    return done.pointer.snapshot


def folders(parts: Partitions) -> list[str]:
    """Every file of a partition, as snapshot and place."""
    return sorted(
        {"/".join(p.relative_to(parts.directory).parts[:2]) for p in parts.directory.rglob("*.duckdb")}
    )


def test_a_refresh_splits_and_the_next_keeps_the_number(parts: Partitions, tmp_path: Path) -> None:
    first = brought_in(parts, tmp_path / "p.csv", into=3)
    assert parts.stored("persons") == 3
    assert folders(parts) == [f"{first}/{number}-of-3" for number in range(3)]
    second = brought_in(parts, tmp_path / "p.csv", minute=1)
    assert parts.stored("persons") == 3
    assert folders(parts) == [f"{second}/{number}-of-3" for number in range(3)]
    brought_in(parts, tmp_path / "p.csv", minute=2, into=1)
    assert parts.stored("persons") == 1
    assert list(parts.directory.iterdir()) == []


def test_no_snapshot_is_current_before_its_partitions_are_there(
    parts: Partitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[bool]()
    publish = DomainStore.publish

    def watched(self: DomainStore, sealed: Sealed, *, now: object) -> Pointer:
        if self is parts.store:
            snapshot = self.pointer_to(sealed, now=now).snapshot  # type: ignore[arg-type]  # passed on as it came
            seen.append(parts.of(2).is_split(snapshot, "persons"))
        return publish(self, sealed, now=now)  # type: ignore[arg-type]  # the same

    monkeypatch.setattr(DomainStore, "publish", watched)
    brought_in(parts, tmp_path / "p.csv", into=2)
    assert seen == [True]


def test_a_refresh_that_fails_in_its_split_changes_nothing(
    parts: Partitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = brought_in(parts, tmp_path / "p.csv", into=2)

    def broken(*_: object, **__: object) -> None:
        raise StoreError("expected room on the disk, got none")

    with monkeypatch.context() as patch:
        patch.setattr("connectors.store.partition.PartitionedStore.split", broken)
        with pytest.raises(StoreError):
            brought_in(parts, tmp_path / "p.csv", minute=1)
    assert parts.store.pointer("persons").snapshot == first
    assert parts.stored("persons") == 2


def test_partitions_of_a_snapshot_that_is_read_stay_until_it_is_not(
    parts: Partitions, tmp_path: Path
) -> None:
    first = brought_in(parts, tmp_path / "p.csv", into=2)
    with parts.store.lease("persons"):
        second = brought_in(parts, tmp_path / "p.csv", minute=1)
        with parts.of(2).lease_all(first, "persons") as leases:
            assert all(lease.path.is_file() for lease in leases)
    third = brought_in(parts, tmp_path / "p.csv", minute=2)
    assert {name.split("/")[0] for name in folders(parts)} == {third}
    assert len({first, second, third}) == 3


def test_split_anew_the_old_number_goes_but_for_what_is_read(parts: Partitions, tmp_path: Path) -> None:
    snapshot = brought_in(parts, tmp_path / "p.csv", into=2)
    with parts.of(2).lease(snapshot, "persons", 1) as lease:
        parts.split_current(PERSONS, partitions=3, now=NOW)
        assert parts.stored("persons") == 3
        assert lease.path.is_file()
    parts.split_current(PERSONS, partitions=3, now=NOW)
    assert folders(parts) == [f"{snapshot}/{number}-of-3" for number in range(3)]
    parts.split_current(PERSONS, partitions=1, now=NOW)
    assert (parts.stored("persons"), folders(parts)) == (1, [])


def test_nothing_is_split_while_a_refresh_runs(parts: Partitions, tmp_path: Path) -> None:
    brought_in(parts, tmp_path / "p.csv")
    with parts.store.writer(PERSONS), pytest.raises(StoreBusy):
        parts.split_current(PERSONS, partitions=2, now=NOW)


def test_a_split_that_broke_off_counts_as_none(parts: Partitions, tmp_path: Path) -> None:
    snapshot = brought_in(parts, tmp_path / "p.csv", into=3)
    (parts.directory / snapshot / "2-of-3" / "persons" / "pointer.json").unlink()
    assert parts.stored("persons") == 1
    parts.split_current(PERSONS, partitions=3, now=NOW)
    assert parts.stored("persons") == 3


def test_what_cannot_be_split_is_refused_before_anything_is_read(parts: Partitions, tmp_path: Path) -> None:
    nobodys = PERSONS.model_copy(update={"personal": False})
    for dataset, into in ((nobodys, 2), (PERSONS, 0), (PERSONS, 4097)):
        with pytest.raises(StoreError):
            refresh(
                parts.store, dataset, tmp_path / "absent.csv", clock=lambda: NOW, partitions=parts, into=into
            )
