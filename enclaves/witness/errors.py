"""What a witness refuses."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class WitnessError(EnclaveError):
    """The log or the coordinator does not show what a witness must see."""

    code: ClassVar[str] = "witness_error"


class LogRolledBack(WitnessError):
    """The log offers fewer entries than this witness has seen, or others."""

    code: ClassVar[str] = "log_rolled_back"


class CheckpointStale(WitnessError):
    """No checkpoint with fresh cosignatures of a quorum at the size asked for."""

    code: ClassVar[str] = "checkpoint_stale"
