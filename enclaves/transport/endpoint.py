"""The coordinator as a party sees it: one method for each request of docs/protocol.md section 2."""

from __future__ import annotations

import httpx

from enclaves.transport import answers, problem
from enclaves.transport.channel import Channel, ClientCertificate
from enclaves.transport.documents import DocumentLine, DocumentRequests, Posted
from enclaves.transport.errors import ResponseRefused
from enclaves.transport.jobs import (
    ConsentItem,
    ConsentState,
    Fetched,
    FetchedSlot,
    FetchedTable,
    FetchRefused,
    JobRequests,
    JobStatus,
    Step,
)
from enclaves.transport.log import CheckpointNote, LogRequests
from enclaves.transport.mailbox import MailboxRequests, Message
from enclaves.transport.problem import Malformed, NotFound, Problem, ProblemRaised, Refused, Unavailable
from policies.documents import strict_json
from policies.documents.envelope import MAX_ENVELOPE_BYTES, Envelope
from policies.documents.strict_json import JsonRefused

__all__ = [
    "Channel",
    "CheckpointNote",
    "ClientCertificate",
    "ConsentItem",
    "ConsentState",
    "DocumentLine",
    "Endpoint",
    "FetchRefused",
    "Fetched",
    "FetchedSlot",
    "FetchedTable",
    "JobStatus",
    "Malformed",
    "Message",
    "NotFound",
    "Posted",
    "Problem",
    "ProblemRaised",
    "Refused",
    "Step",
    "Unavailable",
]


class Endpoint(DocumentRequests, MailboxRequests, LogRequests, JobRequests):
    """`Endpoint(base_url, party=…, identity_key=…, trust=…, ca=None, client_cert=None)`; see `Channel`."""

    def trust_root(self) -> Envelope:
        """The pinned trust root with its signatures, as the coordinator offers it (the one unsigned answer)."""
        try:
            response = self._http.get(f"{self.base_url}/v1/trust-root")
        except httpx.TransportError as error:
            raise problem.unavailable(f"expected a trust root, got {type(error).__name__}") from None
        if not response.is_success:
            raise problem.raised(Problem.parse(response.status_code, response.content))
        try:
            value = strict_json.parse_object(response.content, max_bytes=2 * MAX_ENVELOPE_BYTES)
        except JsonRefused as error:
            raise ResponseRefused(f"answer: {error}") from None
        envelope = answers.envelope(value.get("envelope", value))
        if envelope.digest != self.trust.digest:
            raise ResponseRefused("expected the pinned trust root, got another")
        return envelope
