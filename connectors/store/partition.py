"""One data set over several stores: every person's rows in one of them, each a complete domain store of its own.

    <directory>/<snapshot id>/<number>-of-<partitions>/<dataset id>/…        as `directory` lays out any store

Rules:
- The partition of a person is the low half of the pid modulo the number of partitions: pids are outputs of HMAC, so
  persons spread evenly, and the high half, by which `pid_index` finds them, stays evenly spread within a partition.
- A partition has keys of its own (HKDF-SHA-256, RFC 5869, over the store key): whoever is given one opens that one, and a
  partition of another snapshot, number or count put in its place is not authentic.
- A person's rows stay together and in their order, so whatever is asked person by person has the same answer; integer sums
  over persons add up to those of the whole. Rows and persons are counted before a split is told to be done.
- One partition is written at a time, so memory is that of one refresh. A split that broke off is begun again.
- The last partition written makes a split; taking away its pointers first unmakes it. Files that are read stay until the next
  removal, as in `directory`.

Which snapshot is split, and when old splits go, is the caller's (`connectors.partitioning`); several machines read one
directory through a file system they share.
"""

# ruff: noqa: S608 - the names put into SQL are declared column names, quoted; numbers are formatted as such.
from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from connectors.errors import SnapshotUnknown, StoreError
from connectors.store import engine, keys
from connectors.store.directory import DomainStore, Lease, remove_unless_leased
from connectors.store.engine import CATALOG, engine_errors, name
from connectors.store.snapshot import open_snapshot
from policies.documents.dataset import Dataset

MAX_PARTITIONS: Final = 4096
_ROWS_AT_A_TIME: Final = 128 * 1024
_THREADS: Final = 2
_PLACE: Final = re.compile(r"(0|[1-9]\d*)-of-([1-9]\d*)")


def partition_of(pids: NDArray[np.uint64], partitions: int) -> NDArray[np.int64]:
    """The partition of each of `pids` (uint64 [N, 2], high half first), int64 [N]."""
    check_partitions(partitions)
    return (pids[:, 1] % np.uint64(partitions)).astype(np.int64)


def check_partitions(partitions: int) -> None:
    """Raise `StoreError` unless there are 1 to `MAX_PARTITIONS`."""
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise StoreError(f"expected 1 to {MAX_PARTITIONS} partitions, got {partitions}")


def stored_partitions(directory: Path, snapshot: str, dataset_id: str) -> int:
    """Into how many partitions below `directory` the snapshot is split; 1 if it is not, or not to the end."""
    for number, count, folder in _places(directory / snapshot, dataset_id):
        if number == count - 1 and (folder / "pointer.json").is_file():
            return count
    return 1


def remove_partitions(of_snapshot: Path, dataset_id: str, *, but: int | None = None) -> None:
    """Remove what is stored of the data set in a snapshot's directory, the split into `but` partitions excepted.

    A file that is read stays until the next removal, without its pointer.
    """
    # The last partition makes the split, so it is the first to go.
    for _, count, folder in reversed(_places(of_snapshot, dataset_id)):
        if count != but:
            _remove(folder)
    with suppress(OSError):
        of_snapshot.rmdir()


def _places(of_snapshot: Path, dataset_id: str) -> list[tuple[int, int, Path]]:
    """(number, of how many, the data set's folder) of every partition that has been begun."""
    found = []
    for place in of_snapshot.glob("*-of-*"):
        named = _PLACE.fullmatch(place.name)
        if named is not None and (place / dataset_id).is_dir():
            found.append((int(named[1]), int(named[2]), place / dataset_id))
    return sorted(found, key=lambda each: (each[1], each[0]))


def _remove(folder: Path) -> None:
    (folder / "pointer.json").unlink(missing_ok=True)
    for path in folder.glob("*.duckdb"):
        remove_unless_leased(path)
    if not any(folder.glob("*.duckdb")):
        shutil.rmtree(folder)
        with suppress(OSError):
            folder.parent.rmdir()


@dataclass(frozen=True, slots=True)
class PartitionedStore:
    """The partitions below `directory` of one domain; its two keys are those of the domain's store."""

    directory: Path
    partitions: int
    store_key: bytes = field(repr=False)
    pid_key: bytes = field(repr=False)
    _opened: dict[tuple[str, int], DomainStore] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Stores once opened: each remembers which files it has verified."""

    def __post_init__(self) -> None:
        keys.check_store_key(self.store_key)
        check_partitions(self.partitions)

    @classmethod
    def of(cls, store: DomainStore, directory: Path, *, partitions: int) -> PartitionedStore:
        """The partitions of `store`'s data sets; keys go from store to store within this room."""
        return cls(directory, partitions, store._store_key, store._pid_key)

    def split(self, source: Lease, *, now: datetime) -> None:
        """Write every partition of the leased snapshot. Raises StoreError, also if rows or persons were lost."""
        with open_snapshot(source.path, source.key) as snapshot:
            dataset = snapshot.dataset
        if not dataset.personal:
            raise StoreError(f"expected a personal data set to split, got `{dataset.id}`")
        reader = engine.open_locked(source.path, source.key, threads=_THREADS, crypto=engine.crypto_module())
        rows = persons = 0
        try:
            for number in range(self.partitions):
                store = self._store(source.pointer.snapshot, number)
                with store.writer(dataset) as writer:
                    with engine_errors("read a partition"):
                        found = reader.execute(self._query(dataset, number))
                        for batch in found.to_arrow_reader(_ROWS_AT_A_TIME):
                            writer.add(batch)
                    published = store.publish(writer.seal(), now=now)
                rows, persons = rows + published.rows, persons + published.persons
        finally:
            reader.close()
        if (rows, persons) != (source.pointer.rows, source.pointer.persons):
            raise StoreError("expected the partitions to hold every row and person once, got others")

    def is_split(self, snapshot: str, dataset_id: str) -> bool:
        """Whether every partition of that snapshot is there; the last one written is the last one needed."""
        try:
            self._store(snapshot, self.partitions - 1).pointer(dataset_id)
        except SnapshotUnknown:
            return False
        return True

    @contextmanager
    def lease(self, snapshot: str, dataset_id: str, number: int) -> Iterator[Lease]:
        """Partition `number` of a split snapshot, verified, kept in place until the context ends."""
        if not 0 <= number < self.partitions:
            raise StoreError(f"expected a partition below {self.partitions}, got {number}")
        with self._store(snapshot, number).lease(dataset_id) as lease:
            yield lease

    @contextmanager
    def lease_all(self, snapshot: str, dataset_id: str) -> Iterator[list[Lease]]:
        """All partitions of a split snapshot, in their order."""
        with ExitStack() as held:
            yield [
                held.enter_context(self.lease(snapshot, dataset_id, number))
                for number in range(self.partitions)
            ]

    def _store(self, snapshot: str, number: int) -> DomainStore:
        if (snapshot, number) not in self._opened:
            self._opened[snapshot, number] = self._open(snapshot, number)
        return self._opened[snapshot, number]

    def _open(self, snapshot: str, number: int) -> DomainStore:
        place = f"{number}-of-{self.partitions}"
        info = b"domicile-partition\0" + snapshot.encode() + b"\0" + place.encode()
        key = HKDF(algorithm=SHA256(), length=keys.KEY_BYTES, salt=None, info=info).derive(self.store_key)
        return DomainStore(self.directory / snapshot / place, store_key=key, pid_key=self.pid_key)

    def _query(self, dataset: Dataset, number: int) -> str:
        """The rows of partition `number` in the declared columns and order, the resident in place of the person's number."""
        columns = ", ".join(
            "p.resident" if c.name == dataset.person_column else f"r.{name(c.name)}" for c in dataset.columns
        )
        return (
            f"SELECT {columns} FROM {CATALOG}.rows r JOIN {CATALOG}.persons p USING (person_no)"
            f" WHERE p.pid_low % {self.partitions:d} = {number:d}"
        )
