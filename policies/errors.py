"""The root of everything `policies` raises."""

from __future__ import annotations

from typing import ClassVar


class PolicyError(Exception):
    """Something that was checked did not hold. `code` is stable and maps once to HTTP problem and exit status."""

    code: ClassVar[str] = "policy_error"
