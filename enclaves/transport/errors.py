"""What the wire can refuse. `code` is the word of docs/protocol.md section 1 and travels in problem documents."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class TransportError(EnclaveError):
    """Something between two processes failed or was refused."""

    code: ClassVar[str] = "transport_error"


class RequestRefused(TransportError):
    """A request whose signature, digest, window or profile does not hold."""

    code: ClassVar[str] = "unauthenticated"


class ResponseRefused(TransportError):
    """An answer that the coordinator did not sign for this very request."""

    code: ClassVar[str] = "response_unauthenticated"
