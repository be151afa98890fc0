"""What the wire can refuse, and the one table from a code to an HTTP status and an exit status.

Codes are those of docs/protocol.md section 1, and those of readers that refuse bytes; every other code is a policy's and
means refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from enclaves.errors import EnclaveError


class TransportError(EnclaveError):
    """Something between two processes failed or was refused."""

    code: ClassVar[str] = "transport_error"


class RequestRefused(TransportError):
    """A request whose signature, digest, window or profile does not hold."""

    code: ClassVar[str] = "unauthenticated"


class ResponseRefused(TransportError):
    """An answer that the coordinator did not sign for this very request, or that does not have its form."""

    code: ClassVar[str] = "response_unauthenticated"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a code shows at the border: HTTP status and exit status."""

    status: int
    exit: int


REFUSED: Final = Outcome(403, 3)
OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        "malformed": Outcome(400, 2),
        "unauthenticated": Outcome(401, 3),
        "request_replayed": Outcome(401, 3),
        "json_refused": Outcome(400, 2),
        "envelope_refused": Outcome(400, 2),
        "document_invalid": Outcome(400, 2),
        "key_refused": Outcome(400, 2),
        "grants_invalid": Outcome(400, 2),
        "log_invalid": Outcome(400, 2),
        "resident_id_invalid": Outcome(400, 2),
        "not_found": Outcome(404, 4),
        "log_unknown": Outcome(404, 4),
        "idempotency_conflict": Outcome(409, 2),
        "fault": Outcome(500, 5),
        "unavailable": Outcome(503, 5),
    }
)


def outcome(code: str) -> Outcome:
    """The statuses of `code`; a code that is not in the table is a policy's, and refused."""
    return OUTCOMES.get(code, REFUSED)
