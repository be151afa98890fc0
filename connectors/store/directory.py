"""The domain store on disk: a folder per data set, one pointer, immutable snapshot files.

    <store>/<dataset id>/pointer.json                 which file is current (see `pointer`)
    <store>/<dataset id>/<snapshot id>.duckdb         mode 0400, encrypted, never changed after it was published
    <store>/<dataset id>/refresh.lock                 held by the one refresh that may run

Rules:
- A refresh writes `<…>.partial`, syncs it, renames it, then swaps the pointer by one rename. Whatever kills it before
  that rename leaves the pointer and the file it names as they were; leftovers are removed by the next refresh.
- A reader holds a shared lock (flock) on the snapshot file it uses, and a snapshot that is no longer current is removed
  only under an exclusive one: after its last reader, at the next refresh at the latest. A reader that dies lets go.
- A snapshot is leased only if its bytes have the checksum that the authenticated pointer names (RQ-307).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors import pseudonym
from connectors.errors import SnapshotTampered, SnapshotUnknown, StoreBusy
from connectors.pseudonym import PidKey
from connectors.store import engine, keys, pointer
from connectors.store.keys import LedgerKey, SnapshotKey
from connectors.store.pointer import Pointer
from connectors.store.writer import Sealed, SnapshotWriter, file_digest, sync
from policies.documents.dataset import Dataset
from policies.documents.fields import instant_text

MEMORY_LIMIT: Final = "1GB"
THREADS: Final = 2
_LEASE_ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True)
class Lease:
    """A snapshot that stays where it is while the lease is held, and the key that opens it."""

    path: Path
    pointer: Pointer
    key: SnapshotKey

    def __repr__(self) -> str:
        return f"Lease({self.pointer.snapshot})"


class DomainStore:
    """All rows of one domain. `store_key` and `pid_key` are 32 bytes each and never written anywhere by it."""

    def __init__(
        self, directory: Path, *, store_key: bytes, pid_key: bytes, memory_limit: str = MEMORY_LIMIT
    ) -> None:
        keys.check_store_key(store_key)
        pseudonym.check_key(pid_key)
        self._directory = directory
        self._store_key = store_key
        self._pid_key = PidKey(pid_key)
        self._memory_limit = memory_limit
        self._verified: set[tuple[str, int, int, int]] = set()

    def snapshot_key(self, dataset_id: str) -> SnapshotKey:
        """The key of a data set's snapshot files, for the worker's pipe and nothing else."""
        return keys.snapshot_key(self._store_key, dataset_id)

    def ledger_key(self, purpose: str) -> LedgerKey:
        """The key that seals one of the domain's ledgers of released answers."""
        return keys.ledger_key(self._store_key, purpose)

    def pids(self, residents: Iterable[str]) -> NDArray[np.uint64]:
        """Pids of canonical resident IDs: uint64 [N, 2], as `LockedSnapshot.features` takes them."""
        return pseudonym.pids(self._pid_key, residents)

    def pointer(self, dataset_id: str) -> Pointer:
        """The current snapshot of a data set; `SnapshotUnknown` before its first refresh."""
        try:
            data = (self.folder(dataset_id) / "pointer.json").read_bytes()
        except FileNotFoundError:
            raise SnapshotUnknown(f"expected a snapshot of `{dataset_id}`, got none yet") from None
        return pointer.read(data, keys.pointer_key(self._store_key, dataset_id))

    def folder(self, dataset_id: str) -> Path:
        """Where a data set's files lie."""
        return self._directory / dataset_id

    @contextmanager
    def lease(self, dataset_id: str) -> Iterator[Lease]:
        """The current snapshot, verified, kept in place until the context ends."""
        for _ in range(_LEASE_ATTEMPTS):
            current = self.pointer(dataset_id)
            path = self.folder(dataset_id) / current.file
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue  # a refresh came between pointer and file; a lost file ends the loop below
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if os.fstat(descriptor).st_nlink == 0:
                    continue
                self._check_bytes(path, current, descriptor)
                yield Lease(path, current, self.snapshot_key(dataset_id))
                return
            finally:
                os.close(descriptor)
        raise SnapshotTampered(f"expected the file of the current snapshot of `{dataset_id}`, got none")

    def _check_bytes(self, path: Path, current: Pointer, descriptor: int) -> None:
        """Compare the checksum; once per process for a file that has not been touched since."""
        state = os.fstat(descriptor)
        seen = (current.sha256, state.st_ino, state.st_mtime_ns, state.st_ctime_ns)
        if seen in self._verified:
            return
        if file_digest(path) != current.sha256:
            raise SnapshotTampered(
                f"expected the bytes of snapshot {current.snapshot} as published, got others"
            )
        self._verified.add(seen)

    @contextmanager
    def alone(self, dataset_id: str) -> Iterator[None]:
        """Nobody else refreshes or splits the data set until the context ends, else `StoreBusy`."""
        folder = self.folder(dataset_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _exclusive(folder / "refresh.lock", dataset_id):
            yield

    @contextmanager
    def writer(self, dataset: Dataset) -> Iterator[SnapshotWriter]:
        """A writer of the data set's next snapshot; at most one at a time, else `StoreBusy`."""
        folder = self.folder(dataset.id)
        with self.alone(dataset.id):
            self._sweep(dataset.id)
            spill = folder / "spill"
            spill.mkdir(mode=0o700)
            connection = engine.open_ingest(spill, memory_limit=self._memory_limit, threads=THREADS)
            try:
                yield SnapshotWriter(
                    dataset,
                    folder / "next.partial",
                    connection=connection,
                    key=self.snapshot_key(dataset.id),
                    pid_key=self._pid_key,
                )
            finally:
                connection.close()
                self._sweep(dataset.id)

    def publish(self, sealed: Sealed, *, now: datetime) -> Pointer:
        """Make a sealed file current; called inside the `writer` context that sealed it."""
        folder = self.folder(sealed.dataset.id)
        published = self.pointer_to(sealed, now=now)
        sealed.path.rename(folder / published.file)
        sync(folder)
        data = pointer.write(published, keys.pointer_key(self._store_key, sealed.dataset.id))
        replace_file(folder / "pointer.json", data)
        return published

    def pointer_to(self, sealed: Sealed, *, now: datetime) -> Pointer:
        """The pointer that `publish` at the moment `now` writes."""
        snapshot = self.snapshot_id(sealed, now=now)
        return Pointer(
            snapshot=snapshot,
            file=f"{snapshot}.duckdb",
            sha256=sealed.sha256,
            rows=sealed.rows,
            persons=sealed.persons,
            dataset=sealed.dataset.digest,
            created_at=instant_text(now),
        )

    @staticmethod
    def snapshot_id(sealed: Sealed, *, now: datetime) -> str:
        """When and what: the moment of publication and the start of the file's digest."""
        return f"{now:%Y%m%dt%H%M%Sz}-{sealed.sha256[:16]}"

    def _sweep(self, dataset_id: str) -> None:
        """Remove what a refresh left behind and every snapshot that is neither current nor leased."""
        folder = self.folder(dataset_id)
        shutil.rmtree(folder / "spill", ignore_errors=True)
        for leftover in (*folder.glob("*.partial"), *folder.glob("*.partial.wal")):
            leftover.unlink()
        self.remove_superseded(dataset_id)

    def remove_superseded(self, dataset_id: str) -> frozenset[str]:
        """Remove every snapshot that is neither current nor leased; the ids of those that stay. Called while `alone`."""
        try:
            current = self.pointer(dataset_id).snapshot
        except SnapshotUnknown:
            current = ""
        for path in self.folder(dataset_id).glob("*.duckdb"):
            if path.stem != current:
                remove_unless_leased(path)
        return frozenset(path.stem for path in self.folder(dataset_id).glob("*.duckdb"))


def replace_file(path: Path, data: bytes) -> None:
    """Write `path` whole or not at all: a new file, synced, renamed over the old one."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync(path.parent)


@contextmanager
def _exclusive(path: Path, dataset_id: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"expected one refresh of `{dataset_id}` at a time, got a second") from None
        yield
    finally:
        os.close(descriptor)


def remove_unless_leased(path: Path) -> None:
    """Remove a snapshot file unless somebody reads it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
