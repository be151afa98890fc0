"""Consent of data subjects, granted in batches by a consent service.

The document is the batch's signed head; the grants are a packed attachment named by digest, sealed to every enclave of
the scenario and never stored by the coordinator. One grant is 74 bytes:

    id 16 | person 18 (ASCII resident ID, GB 11643) | expires 8 (big-endian Unix seconds) | salt 32

The log holds only `commitment(id, salt)`; deleting the salt erases the link (protocols.md §8).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from pydantic import Field

from policies.documents.document import Document
from policies.documents.fields import Instant, Party, Sha256, ShortText
from policies.errors import PolicyError
from policies.resident import ResidentId

CONSENT_ID_BYTES: Final = 16
SALT_BYTES: Final = 32
_GRANT: Final = struct.Struct(">16s18sq32s")
GRANT_BYTES: Final = _GRANT.size
MAX_GRANTS: Final = 1_000_000
MAX_UNIX_SECONDS: Final = 253_402_300_799


class GrantsInvalid(PolicyError):
    """A packed grants attachment that does not fit its head."""

    code = "grants_invalid"


class Consent(Document):
    """Head of a batch of consents; signed by the consent service."""

    kind: ClassVar[str] = "consent"

    service: Party
    scenario: Sha256
    recipient: Party
    scope: ShortText
    count: Annotated[int, Field(ge=1, le=MAX_GRANTS)]
    grants: Sha256
    """SHA-256 of the packed grants."""
    granted_at: Instant


@dataclass(frozen=True, slots=True)
class Grant:
    """One person's consent for the head's scenario and recipient."""

    id: bytes = field(repr=False)
    person: ResidentId
    expires_at: int
    """Unix seconds, before the year 10000."""
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.id) != CONSENT_ID_BYTES or len(self.salt) != SALT_BYTES:
            raise GrantsInvalid("expected a consent id of 16 bytes and a salt of 32")
        if not 0 <= self.expires_at <= MAX_UNIX_SECONDS:
            raise GrantsInvalid("expected an expiry between the years 1970 and 9999")

    @property
    def commitment(self) -> str:
        return commitment(self.id, self.salt)


def commitment(consent_id: bytes, salt: bytes) -> str:
    """What the log says of a consent: SHA-256 over label, salt (32 bytes) and id (16 bytes), in hex."""
    if len(consent_id) != CONSENT_ID_BYTES or len(salt) != SALT_BYTES:
        raise GrantsInvalid("expected a consent id of 16 bytes and a salt of 32")
    return hashlib.sha256(b"domicile-consent-commitment/1\0" + salt + consent_id).hexdigest()


def pack(grants: Iterable[Grant]) -> bytes:
    """The attachment of a batch."""
    return b"".join(_GRANT.pack(g.id, g.person.text.encode(), g.expires_at, g.salt) for g in grants)


def unpack(data: bytes, head: Consent) -> Iterator[Grant]:
    """The grants of `head`; raises `GrantsInvalid` before the first if digest or count differ.

    A person in any but the canonical form is refused (`ResidentIdInvalid`): one grant has one spelling.
    """
    if len(data) != head.count * GRANT_BYTES:
        raise GrantsInvalid(f"expected {head.count} grants of {GRANT_BYTES} bytes, got {len(data)} bytes")
    if hashlib.sha256(data).hexdigest() != head.grants:
        raise GrantsInvalid("expected the grants the head names, got others")
    for consent_id, person, expires_at, salt in _GRANT.iter_unpack(data):
        yield Grant(consent_id, ResidentId(person.decode("ascii", "replace")), expires_at, salt)
