"""Small content that travels in the message which names it, instead of being put by itself before."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final

from enclaves.transport.enclosed import MAX_CONTENT_BYTES
from policies.documents.strict_json import Json
from sandbox.district import District
from sandbox.documents import attachments
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed

MAX_ENCLOSED: Final = 16


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Content as it came in a message, with its audience."""

    data: bytes = field(repr=False)
    audience: tuple[str, ...]

    def register(self, district: District, transaction: Transaction, *, owner: str) -> None:
        """Name the bytes, which are stored already, as put by `owner`."""
        attachments.register(
            district,
            transaction,
            sha256=hashlib.sha256(self.data).hexdigest(),
            owner=owner,
            size=len(self.data),
            audience=self.audience,
        )


def enclosed_of(value: Json) -> list[Enclosure]:
    """The member `enclosed` of a message or a submitted job; raise `Malformed`."""
    if not isinstance(value, list) or len(value) > MAX_ENCLOSED:
        raise Malformed(f"expected at most {MAX_ENCLOSED} enclosures")
    return [_enclosure(item) for item in value]


def _enclosure(item: Json) -> Enclosure:
    if not isinstance(item, dict) or set(item) != {"data", "audience"}:
        raise Malformed("expected an enclosure with data and audience, got other members")
    data, audience = item["data"], item["audience"]
    if not isinstance(data, str) or not isinstance(audience, list):
        raise Malformed("expected data as text and audience as a list")
    named = [party for party in audience if isinstance(party, str)]
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("expected data as base64, got other text") from None
    if len(named) != len(audience) or len(raw) > MAX_CONTENT_BYTES:
        raise Malformed(f"expected parties, and at most {MAX_CONTENT_BYTES} bytes")
    return Enclosure(raw, tuple(named))
