"""What rating refuses."""

from __future__ import annotations

from typing import ClassVar

from sandbox.errors import SandboxError


class UsageInvalid(SandboxError):
    """A usage event that cannot be rated: it names no known filing, or one that was not in force."""

    code: ClassVar[str] = "unavailable"
