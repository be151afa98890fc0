"""How heavy jobs of this enclave run: the table `[execution]` of its settings file, and what is stored to fit it.

    [execution]
    executor = "ray"              or "local", the processes of this machine
    partitions = 16               of each personal data set; 1, the default: one worker over the undivided store
    workers = 8                   tasks at the same time; 2 by default
    in_flight = 16                partitions taken up and not yet handed on; twice the workers by default
    retries = 2                   times a partition is done again after its worker was lost
    worker_memory_mb = 4096       address space of one confined worker
    prestarted = 2                score workers that wait for small jobs, for each data set (`workers`); 0 for none
    address = "10.0.0.5:6379"     of a running Ray cluster; without it one is started here for each run

Rules:
- Strict: an unknown member, another type or a bound that is none is refused, and the enclave does not start.
- What is stored must agree, in either direction: the current snapshot of every personal data set is split into just so many
  partitions, else the enclave does not start, and a run that meets another number after a later split is refused.
- Ray must be installed, and beyond loopback its TLS set up (`enclaves.executor.cluster`), before anything starts.

Splitting is `domicile dataset refresh` and `split` (`connectors.partitioning`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import SnapshotUnknown
from connectors.partitioning import Partitions
from connectors.store import DomainStore
from connectors.store.partition import MAX_PARTITIONS, PartitionedStore, stored_partitions
from enclaves.agent.workers import MAX_PRESTARTED
from enclaves.executor.choosing import executor_of
from enclaves.executor.cluster import check_private, host_and_port
from enclaves.executor.errors import PartitionsDiffer, SettingInvalid
from enclaves.executor.executor import Executor, Progress, Watch
from enclaves.executor.ray_pool import check_installed
from enclaves.executor.setting import Kind, Setting, kind_of
from policies.documents.dataset import Dataset

_LOG: Final = logging.getLogger("domicile.enclave")


class ExecutionTable(BaseModel):
    """`[execution]` as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    executor: str = Kind.LOCAL.value
    partitions: int = 1
    workers: int = 2
    in_flight: int | None = None
    retries: int = 2
    worker_memory_mb: int = 4096
    prestarted: int = Field(default=2, ge=0, le=MAX_PRESTARTED)
    address: str | None = None

    def setting(self) -> Setting:
        """The executor and its bounds. Raises SettingInvalid."""
        kind = kind_of(self.executor)
        if not 1 <= self.partitions <= MAX_PARTITIONS:
            raise SettingInvalid(f"expected 1 to {MAX_PARTITIONS} partitions, got {self.partitions}")
        if kind is Kind.RAY and self.partitions == 1:
            raise SettingInvalid("expected at least 2 partitions for executor `ray`, got 1")
        return Setting(
            kind,
            workers=self.workers,
            in_flight=2 * self.workers if self.in_flight is None else self.in_flight,
            retries=self.retries,
            worker_memory_bytes=self.worker_memory_mb << 20,
            address=self.address,
        )


@dataclass(frozen=True, slots=True)
class Execution:
    """An executor, the partitions it works on, and who hears how far a run is."""

    executor: Executor
    parted: PartitionedStore
    watch: Watch = field(default_factory=Watch)

    @classmethod
    def of(cls, table: ExecutionTable, store: DomainStore, directory: Path) -> Self | None:
        """What `table` says; None for jobs in one worker over the undivided store. Raises SettingInvalid."""
        setting = table.setting()
        if table.partitions == 1:
            return None
        parted = PartitionedStore.of(store, directory, partitions=table.partitions)
        return cls(executor_of(setting), parted, Watch(_tell))

    def check_current(self, store: DomainStore, dataset_id: str) -> None:
        """Raise PartitionsDiffer unless the current snapshot is split as the settings say."""
        self.check_snapshot(store.pointer(dataset_id).snapshot, dataset_id)

    def check_snapshot(self, snapshot: str, dataset_id: str) -> None:
        """Raise PartitionsDiffer unless `snapshot` is split as the settings say."""
        stored = stored_partitions(self.parted.directory, snapshot, dataset_id)
        check_split(dataset_id, stored=stored, wanted=self.parted.partitions)


def _tell(progress: Progress) -> None:
    _LOG.info("partitions: %d done, %d workers lost", progress.finished, progress.lost)


def check_executor(setting: Setting, environment: Mapping[str, str]) -> None:
    """Raise ExecutorUnavailable or ClusterExposed unless Ray, where it is chosen, is there and safe to use."""
    if setting.kind is Kind.RAY:
        check_installed()
        if setting.address is not None:
            check_private([host_and_port(setting.address)[0]], environment)


def check_stored(partitions: Partitions, datasets: Iterable[Dataset], *, wanted: int) -> None:
    """Raise PartitionsDiffer unless the current snapshot of every personal data set is split as `wanted`."""
    for dataset in datasets:
        if not dataset.personal:
            continue
        try:
            stored = partitions.stored(dataset.id)
        except SnapshotUnknown:
            # Nothing is stored yet; its first refresh is told how many.
            continue
        check_split(dataset.id, stored=stored, wanted=wanted)


def check_split(dataset_id: str, *, stored: int, wanted: int) -> None:
    """Raise PartitionsDiffer unless the two numbers are the same."""
    if stored != wanted:
        raise PartitionsDiffer(
            f"expected `{dataset_id}` in {wanted} partitions as `[execution]` says, got {stored}:"
            f" split it with `domicile dataset split {dataset_id} --partitions {wanted}`, or change the settings"
        )
