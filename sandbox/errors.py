"""The root of every error that the sandbox layer raises.

Each subclass carries a stable `code`; the border maps it once to an HTTP problem and an exit status.
"""

from typing import ClassVar


class SandboxError(Exception):
    """The control plane could not do, or refused to do, what was asked of it."""

    code: ClassVar[str] = "sandbox_error"
