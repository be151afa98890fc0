"""What every document shares: a kind, a suite, an id, strict reading and canonical writing.

Reading goes envelope → signatures (the caller's business) → strict JSON → model. A body that is valid JSON but whose
canonical form differs from its bytes is refused, and so is one that leaves out a member with a default: one document
has one spelling and one digest.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError, model_validator

from policies.documents import envelope as dsse
from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.fields import Id, Instant, Record, Suite, instant
from policies.documents.strict_json import Json
from policies.errors import PolicyError


class DocumentInvalid(PolicyError):
    """A body that does not fit its kind; names the field, never its value."""

    code = "document_invalid"


class Document(Record):
    """Base of all document kinds."""

    kind: ClassVar[str]

    suite: Suite = Suite.INTL_1
    id: Id

    @classmethod
    def read(cls, envelope: Envelope) -> Self:
        """The document in `envelope`, whose signatures the caller has verified or is about to."""
        if envelope.payload_type != dsse.media_type(cls.kind):
            raise DocumentInvalid(f"expected a {cls.kind}, got a {envelope.kind}")
        document = cls.from_body(strict_json.parse_object(envelope.body))
        # Written back whole, so that key order, white space, escapes and omitted defaults are all caught at once.
        if strict_json.canonical(document.to_body()) != envelope.body:
            raise DocumentInvalid(f"expected a {cls.kind} in canonical form, got another spelling")
        return document

    @classmethod
    def from_body(cls, body: dict[str, Json]) -> Self:
        """The document a JSON object describes, members with defaults optional; `DocumentInvalid` if it does not fit."""
        try:
            return cls.model_validate_json(strict_json.canonical(body))
        except ValidationError as error:
            raise DocumentInvalid(f"{cls.kind}: {first_problem(error)}") from None

    def to_body(self) -> dict[str, Json]:
        """The whole JSON object, members with defaults included."""
        return cast(dict[str, Json], self.model_dump(mode="json"))

    def envelope(self, *privates: Ed25519PrivateKey) -> Envelope:
        """This document in an envelope, signed by each of `privates`."""
        return dsse.sign(self.kind, self.to_body(), *privates)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical body: how other documents cite this one."""
        return strict_json.digest(self.to_body())


class Term(Record):
    """A period in which something holds: from `not_before` (inclusive) to `not_after` (exclusive)."""

    not_before: Instant
    not_after: Instant

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if instant(self.not_before) >= instant(self.not_after):
            raise ValueError("expected not_before earlier than not_after")
        return self

    def contains(self, moment: datetime) -> bool:
        return instant(self.not_before) <= moment < instant(self.not_after)


def first_problem(error: ValidationError) -> str:
    """Where and what, in one line, without the offending value."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"]) or "body"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{strict_json.quoted(place, 80)}: {message[:1].lower()}{message[1:]}"
