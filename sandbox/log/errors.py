"""What goes wrong when the evidence log is kept."""

from typing import ClassVar

from sandbox.errors import SandboxError


class LogRolledBack(SandboxError):
    """The stored log is smaller than, or differs from, what was signed or witnessed: do not serve it."""

    code: ClassVar[str] = "log_rolled_back"


class LogNotDurable(SandboxError):
    """The connection would lose or tear acknowledged entries: no open transaction, or a relaxed database."""

    code: ClassVar[str] = "log_not_durable"


class LogUnknown(SandboxError):
    """What was asked for is not in the log: an index, a size or a checkpoint."""

    code: ClassVar[str] = "log_unknown"
