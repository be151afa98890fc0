"""What goes wrong when the evidence log is checked."""

from typing import ClassVar

from policies.errors import PolicyError


class LogInvalid(PolicyError):
    """A proof, note, entry or checkpoint is malformed or does not verify."""

    code: ClassVar[str] = "log_invalid"


class LogForked(LogInvalid):
    """The log signed a history that is not a continuation of the one already seen.

    Apart from `LogInvalid` because a witness must keep the two notes as evidence and raise an alarm.
    """

    code: ClassVar[str] = "log_forked"
