"""Requests about documents and attachments (docs/protocol.md section 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from enclaves.transport import answers
from enclaves.transport.channel import Channel
from enclaves.transport.enclosed import MAX_CONTENT_BYTES, Outgoing
from enclaves.transport.errors import ResponseRefused, TransportError
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json

MAX_ATTACHMENT_BYTES: Final = 16 * 1024 * 1024 + 64 * 1024


@dataclass(frozen=True, slots=True)
class Posted:
    """A stored document: its digest, whose signatures stand on it, and its latest log index if it has one."""

    digest: str
    signers: tuple[str, ...]
    index: int | None


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of the catalogue of documents."""

    digest: str
    kind: str
    id: str
    signers: tuple[str, ...]


class DocumentRequests(Channel):
    """Documents by digest, attachments by SHA-256."""

    def post_document(self, envelope: Envelope) -> Posted:
        """Store `envelope`, or add its signatures to the stored one."""
        answer = self.post_json("/v1/documents", {"envelope": envelope.to_json()})
        index = None if answer.get("index") is None else answers.integer(answer, "index")
        if answers.digest(answer, "digest") != envelope.digest:
            raise ResponseRefused("answer: expected the digest of the document posted, got another")
        return Posted(envelope.digest, answers.texts(answer, "signers"), index)

    def get_document(self, digest: str) -> Envelope:
        """The document with this digest; its signatures are the caller's to check."""
        known = self.enclosed.document(digest)
        if known is not None:
            return known
        answer = self.get_json(f"/v1/documents/{answers.named(digest)}")
        envelope = answers.envelope(answer.get("envelope"))
        if envelope.digest != digest:
            raise ResponseRefused("answer: expected the document asked for, got another")
        if answer.get("complete") is True:
            self.enclosed.keep_document(envelope)
        return envelope

    def documents(self, kind: str) -> Iterator[DocumentLine]:
        """All documents of a kind that this party may see, page by page."""
        after: str | int | None = None
        while True:
            params: dict[str, str | int] = {"kind": kind}
            if after is not None:
                params["after"] = after
            answer = self.get_json("/v1/documents", params=params)
            for item in answers.objects(answer, "items"):
                yield DocumentLine(
                    digest=answers.digest(item, "digest"),
                    kind=answers.text(item, "kind"),
                    id=answers.text(item, "id"),
                    signers=answers.texts(item, "signers"),
                )
            after = next_page(answer)
            if after is None:
                return

    def put_attachment(self, data: bytes, *, audience: Iterable[str] = ()) -> str:
        """Store `data` (at most 16 MiB and 64 KiB) for this party and `audience`; returns its SHA-256."""
        if len(data) > MAX_ATTACHMENT_BYTES:
            raise TransportError(f"expected at most {MAX_ATTACHMENT_BYTES} bytes, got {len(data)}")
        sha256 = hashlib.sha256(data).hexdigest()
        named = ",".join(audience)
        answer = self.put_bytes(
            f"/v1/attachments/{sha256}", data, params={"audience": named} if named else {}
        )
        if answers.digest(answer, "sha256") != sha256:
            raise ResponseRefused("answer: expected the SHA-256 of the bytes put, got another")
        return sha256

    def enclose(self, data: bytes, *, audience: Iterable[str] = ()) -> str:
        """As `put_attachment`, but small content waits for the next message that names it, and travels in it."""
        if len(data) > MAX_CONTENT_BYTES:
            return self.put_attachment(data, audience=audience)
        sha256 = hashlib.sha256(data).hexdigest()
        self.outgoing[sha256] = Outgoing(data, tuple(audience))
        return sha256

    def get_attachment(self, sha256: str) -> bytes:
        """The bytes with this SHA-256, checked."""
        enclosed = self.enclosed.content(sha256)
        if enclosed is not None:
            return enclosed
        data = self.get(f"/v1/attachments/{answers.named(sha256)}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ResponseRefused("answer: expected the attachment asked for, got other bytes")
        return data


def next_page(answer: dict[str, Json]) -> str | int | None:
    """The cursor of the page after this one, or None on the last."""
    cursor = answer.get("next")
    if cursor is not None and type(cursor) not in (int, str):
        raise ResponseRefused("answer: expected `next` as a cursor")
    return cursor if isinstance(cursor, (int, str)) else None
