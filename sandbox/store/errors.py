"""What the store can refuse; each code stands in the one table of `sandbox.api.problems`."""

from __future__ import annotations

from typing import ClassVar

from sandbox.errors import SandboxError


class NotFound(SandboxError):
    """Nothing of that name is here, or not for this caller: both answers are the same."""

    code: ClassVar[str] = "not_found"


class Malformed(SandboxError):
    """A request that does not have the form of docs/protocol.md."""

    code: ClassVar[str] = "malformed"


class RequestReplayed(SandboxError):
    """A signed request whose nonce has been seen."""

    code: ClassVar[str] = "request_replayed"


class IdempotencyConflict(SandboxError):
    """An idempotency key used again for another request."""

    code: ClassVar[str] = "idempotency_conflict"


class NotAllowed(SandboxError):
    """The caller's role does not permit this request."""

    code: ClassVar[str] = "not_allowed"
