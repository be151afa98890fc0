"""Closing is easy: any signing party suspends alone and at once; resuming needs a new authorization signed by all.

A **suspension** names a scenario, an authorization, a partner or the overall agreement; a **revocation** ends a key, a
document or consents for good. Both take effect for a party when its witness replays the log entry (design.md §2).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from policies.documents.document import Document
from policies.documents.fields import Bilingual, Instant, Party, Record, Sha256


class SuspensionTarget(StrEnum):
    """What can be suspended."""

    OVERALL = "overall-authorization"
    SCENARIO = "scenario"
    AUTHORIZATION = "authorization"
    PARTY = "party"


class RevocationTarget(StrEnum):
    """What can be revoked."""

    MODEL = "model"
    KEY = "key"
    CONSENT = "consent"


class HaltedDocument(Record):
    """A document by digest, or a party by id in `party`."""

    kind: SuspensionTarget
    digest: Sha256 | None = None
    party: Party | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        by_id = self.kind is SuspensionTarget.PARTY
        if (self.party is not None) != by_id or (self.digest is not None) == by_id:
            raise ValueError("expected `party` alone for a party, `digest` alone for a document")
        return self


class Suspension(Document):
    """Stop, at once; signed by any one party that signed what it stops."""

    kind: ClassVar[str] = "suspension"

    target: HaltedDocument
    by: Party
    reason: Bilingual
    at: Instant


class Revocation(Document):
    """End for good. Consents are named by their salted commitments, never by id."""

    kind: ClassVar[str] = "revocation"

    target: RevocationTarget
    digests: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=500)]
    """Model digests, key ids, or consent commitments."""
    by: Party
    reason: Bilingual
    at: Instant
