"""What the isolation room refuses or reports. Messages carry error classes and numbers, never a worker's text."""

import signal
from typing import ClassVar

from enclaves.errors import EnclaveError


class IsolationError(EnclaveError):
    """A confined run was refused or did not end well."""

    code: ClassVar[str] = "isolation_error"


class IsolationUnavailable(IsolationError):
    """bubblewrap is missing or cannot create its namespaces; nothing runs, and there is no fallback."""

    code: ClassVar[str] = "isolation_unavailable"


class TargetRefused(IsolationError):
    """The module, file name or source root asked for is not one that may be confined."""

    code: ClassVar[str] = "isolation_target_refused"


class WorkerTimeout(IsolationError):
    """The worker ran past its time and was killed."""

    code: ClassVar[str] = "worker_timeout"


class WorkerKilled(IsolationError):
    """The worker was ended by a signal that this room did not send: a limit, or a crash."""

    code: ClassVar[str] = "worker_killed"

    def __init__(self, number: int) -> None:
        """`number` is the signal's number; an unknown one is named by it."""
        self.signal = number
        names = {member.value: member.name for member in signal.Signals}
        super().__init__(f"expected the worker to finish, got signal {names.get(number, number)}")


class WorkerFailed(IsolationError):
    """The worker raised; only the name of the exception's class is known, by design."""

    code: ClassVar[str] = "worker_failed"

    def __init__(self, error_class: str) -> None:
        """`error_class` is an identifier that the frame parser has checked."""
        self.error_class = error_class
        super().__init__(f"expected the worker to finish, got error class {error_class}")


class OutputRefused(IsolationError):
    """The worker wrote something other than frames within the agreed sizes."""

    code: ClassVar[str] = "worker_output_refused"


class Unconfined(IsolationError):
    """A worker found itself outside its confinement and refused to run."""

    code: ClassVar[str] = "worker_unconfined"
