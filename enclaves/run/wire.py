"""The part of the coordinator's interface that enclaves, gate and witnesses use, as protocols.

`enclaves.transport.endpoint.Endpoint` fits them; tests stand a coordinator in memory behind them. Nothing that comes
through is believed: callers verify documents, attachments and proofs themselves. Refusals are those of
`enclaves.transport.problem`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from enclaves.transport.log import CheckpointNote
from enclaves.transport.mailbox import Message
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json


class Log(Protocol):
    """What a witness needs of the log."""

    def checkpoint(self, min_size: int = 0) -> CheckpointNote: ...

    def latest(self) -> CheckpointNote: ...

    def entries(self, start: int, end: int) -> list[bytes]: ...

    def inclusion(self, index: int, size: int) -> list[bytes]: ...

    def post_cosignature(self, size: int, line: str) -> int: ...


class Wire(Log, Protocol):
    """What an enclave and the gate need of the coordinator."""

    def get_document(self, digest: str) -> Envelope: ...

    def post_document(self, envelope: Envelope) -> object: ...

    def get_attachment(self, sha256: str) -> bytes: ...

    def put_attachment(self, data: bytes, *, audience: Iterable[str] = ()) -> str: ...

    def enclose(self, data: bytes, *, audience: Iterable[str] = ()) -> str: ...

    def send(
        self,
        to: str,
        topic: str,
        body: Mapping[str, Json],
        *,
        run: str | None = None,
        attachments: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> int: ...

    def receive(self, after: int = 0, wait: int = 0) -> list[Message]: ...
