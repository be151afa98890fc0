"""What can go wrong when work is fanned out. No message holds more than a partition's number and the name of a class."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class ExecutorError(EnclaveError):
    """The root of this room's errors."""

    code: ClassVar[str] = "executor_error"


class SettingInvalid(ExecutorError):
    """A setting that names no executor, or bounds that are none."""

    code: ClassVar[str] = "executor_setting_invalid"


class ExecutorUnavailable(ExecutorError):
    """The executor that was chosen cannot be had here."""

    code: ClassVar[str] = "executor_unavailable"


class ClusterExposed(ExecutorError):
    """A cluster that other machines can reach without Ray's TLS."""

    code: ClassVar[str] = "cluster_exposed"


class PartitionsDiffer(ExecutorError):
    """A data set that is stored in another number of partitions than the settings say."""

    code: ClassVar[str] = "partitions_differ"


class PartitionLost(ExecutorError):
    """The worker of a partition was lost more often than the setting allows."""

    code: ClassVar[str] = "partition_lost"

    def __init__(self, partition: int, attempts: int) -> None:
        self.partition = partition
        super().__init__(
            f"partition {partition}: expected a worker to finish it, got {attempts} lost one after another"
        )


class TaskFailed(ExecutorError):
    """The task raised; it would raise again, so it is not retried. Only the name of the class is known, by design."""

    code: ClassVar[str] = "task_failed"

    def __init__(self, partition: int, error_class: str) -> None:
        self.partition = partition
        self.error_class = error_class
        super().__init__(f"partition {partition}: expected a result, got error class {error_class}")


class Canceled(ExecutorError):
    """The caller called the run off."""

    code: ClassVar[str] = "executor_canceled"


class PartitionMismatch(ExecutorError):
    """What a partition gave back does not fit what it was asked."""

    code: ClassVar[str] = "partition_mismatch"
