"""The one table from error codes to problems: every refusal leaves as a problem document (RFC 9457) with a stable code.

The codes on the wire are those of docs/protocol.md section 1; statuses are `enclaves.transport.errors.outcome`. A code of
an inner room that means one of them is translated by `CODES`; any other code of a policy is a refusal (403). Whatever else
is raised is a fault of ours: `unavailable`, and its text stays inside.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from enclaves.errors import EnclaveError
from enclaves.transport.errors import OUTCOMES, outcome
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from sandbox.errors import SandboxError

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final = MappingProxyType(
    {
        "json_refused": "malformed",
        "envelope_refused": "malformed",
        "document_invalid": "malformed",
        "key_refused": "malformed",
        "grants_invalid": "malformed",
        "log_invalid": "malformed",
        "log_unknown": "not_found",
        "log_rolled_back": "unavailable",
        "log_not_durable": "unavailable",
    }
)
TITLES: Final = MappingProxyType(
    {
        400: "malformed request",
        401: "not authenticated",
        403: "refused by policy",
        404: "not found",
        409: "conflict",
        503: "unavailable",
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal on its way out. `more` holds policy, reason, change and where of a denial."""

    code: str
    detail: str
    more: tuple[tuple[str, Json], ...] = ()

    @property
    def status(self) -> int:
        return outcome(self.code).status

    def to_json(self) -> dict[str, Json]:
        return {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **dict(self.more),
        }

    def body(self) -> bytes:
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":")).encode()


def problem_of(error: PolicyError | EnclaveError | SandboxError) -> Problem:
    """The problem an error of the layers becomes; one that nobody foresaw becomes a fault."""
    code = CODES.get(error.code, error.code)
    foreseen = isinstance(error, PolicyError) or code in OUTCOMES or code in REFUSALS
    return Problem(code, str(error)[:400]) if foreseen else fault()


REFUSALS: Final = frozenset({"not_allowed"})
"""Codes of the control plane itself that are refusals (403)."""


def fault() -> Problem:
    """What a caller is told of a fault of ours: nothing but that it is one."""
    return Problem("unavailable", "the coordinator failed to answer; its operator can see why")
