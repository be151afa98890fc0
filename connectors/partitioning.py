"""Which snapshots of a domain are split into partitions, and when partitions go.

Rules:
- The undivided snapshot stays what it was: the one record of the data set. Partitions are a second form of it for the jobs
  that fan out (`enclaves.executor`), written by a refresh before the snapshot becomes current, or by a split of the current
  one. So a current snapshot is never without the partitions that it is to have.
- A refresh keeps the number of partitions that the snapshot before it has, unless told another. Only personal data sets are
  split.
- Partitions go with their snapshot: once its file is gone, or when it is split anew into another number.

Files, keys and the split itself are `store.partition`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.errors import SnapshotUnknown, StoreError
from connectors.store import DomainStore, Lease
from connectors.store.partition import (
    PartitionedStore,
    check_partitions,
    remove_partitions,
    stored_partitions,
)
from policies.documents.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Partitions:
    """The partitions of one domain: its store, and the directory they lie in."""

    store: DomainStore
    directory: Path

    def of(self, partitions: int) -> PartitionedStore:
        """The store of the data sets that are split into so many."""
        return PartitionedStore.of(self.store, self.directory, partitions=partitions)

    def stored(self, dataset_id: str) -> int:
        """Into how many partitions the current snapshot is split; 1 if it is not. Raises SnapshotUnknown."""
        return stored_partitions(self.directory, self.store.pointer(dataset_id).snapshot, dataset_id)

    def wanted(self, dataset: Dataset, partitions: int | None) -> int:
        """`partitions`, or without it what the current snapshot has. Raises StoreError for a number that cannot be."""
        if partitions is None:
            try:
                return self.stored(dataset.id)
            except SnapshotUnknown:
                return 1
        check_partitions(partitions)
        if partitions > 1 and not dataset.personal:
            raise StoreError(f"expected a personal data set to split, got `{dataset.id}`")
        return partitions

    def split(self, source: Lease, *, partitions: int, now: datetime) -> None:
        """Write the partitions of a snapshot, current or about to be; nothing for 1. Called while alone in the store."""
        if partitions > 1:
            self.of(partitions).split(source, now=now)

    def remove_others(self, dataset_id: str, *, partitions: int) -> None:
        """Remove partitions of snapshots that are gone, and of the current one what is not its split into `partitions`."""
        held = self.store.remove_superseded(dataset_id)
        current = self.store.pointer(dataset_id).snapshot
        for of_snapshot in sorted(self.directory.glob("*")):
            if of_snapshot.name == current:
                remove_partitions(of_snapshot, dataset_id, but=partitions)
            elif of_snapshot.name not in held:
                remove_partitions(of_snapshot, dataset_id)

    def split_current(self, dataset: Dataset, *, partitions: int, now: datetime) -> None:
        """Split the current snapshot into `partitions`, whatever it was split into before."""
        wanted = self.wanted(dataset, partitions)
        with self.store.alone(dataset.id), self.store.lease(dataset.id) as lease:
            if self.stored(dataset.id) != wanted:
                self.split(lease, partitions=wanted, now=now)
            self.remove_others(dataset.id, partitions=wanted)
