"""The words documents are made of: ids, digests, instants, decimals, bilingual text.

All are plain strings on the wire, so that canonical bytes never depend on a number format. Nothing here decides.

Patterns name ASCII ranges, never `\\d` or `\\w`, which match digits and letters of every script. `^…$` is exact in
pydantic's engine and in ECMA-262 (JSON Schema); Python's `re`, where `$` also matches before a last newline, is not used.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, NewType

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from policies.keys import IdentityKey, KeyRefused

SEALING_KEY_BYTES: Final = 1216

PartyId = NewType("PartyId", str)
Digest = NewType("Digest", str)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Party = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# What a signer reads is what was signed: no control characters, no invisible or direction-changing ones, no private use.
_VISIBLE: Final = (
    r"^[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ue000-\uf8ff\ufeff\ufff0-\ufffb]+$"
)
ShortText = Annotated[str, Field(min_length=1, max_length=400, pattern=_VISIBLE)]
"""One line of visible text, 1 to 400 characters."""


class Suite(StrEnum):
    """The cipher suite; fixed by the document, never negotiated."""

    INTL_1 = "intl-1"


class Record(BaseModel):
    """Part of a document: closed, frozen, strictly typed."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, json_schema_serialization_defaults_required=True
    )


class Bilingual(Record):
    """A text for people, in Chinese and English."""

    zh: ShortText
    en: ShortText


def instant(text: str) -> datetime:
    """The moment a document names, as an aware datetime in UTC."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def instant_text(moment: datetime) -> str:
    """A moment as documents write it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_instant(text: str) -> str:
    if instant_text(instant(text)) != text:
        raise ValueError("expected an instant such as 2026-01-31T08:00:00Z")
    return text


def _check_decimal(text: str) -> str:
    if text.startswith("-") and Decimal(text) == 0:
        raise ValueError("expected zero without a sign")
    return text


def _check_key(text: str) -> str:
    try:
        IdentityKey.from_base64(text)
    except KeyRefused as error:
        raise ValueError(str(error)) from None
    return text


def _check_base64(text: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("expected canonical base64")
    return text


def _check_bytes(text: str, count: int) -> str:
    # The length of base64 text does not fix the count of bytes: 44 characters hold 31, 32 or 33.
    if len(base64.b64decode(_check_base64(text))) != count:
        raise ValueError(f"expected base64 of {count} bytes")
    return text


def _check_base64_key(text: str) -> str:
    return _check_bytes(text, 32)


def _check_signature(text: str) -> str:
    return _check_bytes(text, 64)


def _check_sealing_key(text: str) -> str:
    return _check_bytes(text, SEALING_KEY_BYTES)


Instant = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"),
    AfterValidator(_check_instant),
]
DecimalText = Annotated[
    str, Field(max_length=40, pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"), AfterValidator(_check_decimal)
]
"""A plain finite decimal such as -12.50: no exponent, no plus sign, no leading zeros, no negative zero."""
PublicKey = Annotated[str, Field(max_length=44), AfterValidator(_check_key)]
"""Base64 of an enrollable Ed25519 key."""
Base64Key = Annotated[str, Field(min_length=44, max_length=44), AfterValidator(_check_base64_key)]
"""Base64 of 32 bytes, such as an X25519 public key."""
Base64Signature = Annotated[str, Field(min_length=88, max_length=88), AfterValidator(_check_signature)]
"""Base64 of an Ed25519 signature."""
Base64Text = Annotated[str, AfterValidator(_check_base64)]
SealingKey = Annotated[str, Field(min_length=1624, max_length=1624), AfterValidator(_check_sealing_key)]
"""Base64 of an X-Wing public key (1216 bytes)."""
