"""DSSE envelopes: exact bytes, signed with their type, read only after verification.

1. The signature covers PAE(type, body), so a signed consent cannot be passed off as a signed job.
2. The body is parsed only once enough signatures verify; `keyid` is a hint for look-up and proves nothing.
3. The digest that other documents cite is the SHA-256 of the body bytes, the same whoever has signed so far.
4. An envelope is valid from birth: a media type of ours, a bounded body, well-formed signatures, each key id once.

Follows DSSE v1 (secure-systems-lab/dsse, protocol.md). Whose signatures are needed is left to `policies.authorization`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.documents import strict_json
from policies.documents.strict_json import Json, quoted
from policies.errors import PolicyError
from policies.keys import SIGNATURE_BYTES, IdentityKey, SignatureInvalid, public_key

MEDIA_PREFIX: Final = "application/vnd.domicile."
MEDIA_SUFFIX: Final = "+json"
# A body of 64 kB in base64 with up to 64 signatures.
MAX_ENVELOPE_BYTES: Final = 128 * 1024
MAX_SIGNATURES: Final = 64
_MEDIA_TYPE: Final = re.compile(re.escape(MEDIA_PREFIX) + "[a-z][a-z0-9-]{0,62}" + re.escape(MEDIA_SUFFIX))
_KEYID: Final = re.compile("[0-9a-f]{64}")


class EnvelopeRefused(PolicyError):
    """Bytes that are not a DSSE envelope of the expected type."""

    code = "envelope_refused"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: the signer's key id (a hint) and 64 bytes."""

    keyid: str
    sig: bytes

    def __post_init__(self) -> None:
        if not _KEYID.fullmatch(self.keyid):
            raise EnvelopeRefused("expected a key id of 64 lower-case hex digits, got other text")
        if len(self.sig) != SIGNATURE_BYTES:
            raise EnvelopeRefused(f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(self.sig)}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A typed body and who signed it; the body stays bytes until verified."""

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...] = ()

    def __post_init__(self) -> None:
        if not _MEDIA_TYPE.fullmatch(self.payload_type):
            raise EnvelopeRefused(
                f"expected a media type {MEDIA_PREFIX}…{MEDIA_SUFFIX}, got {quoted(self.payload_type, 80)}"
            )
        if len(self.body) > strict_json.MAX_BYTES:
            raise EnvelopeRefused(
                f"expected a body of at most {strict_json.MAX_BYTES} bytes, got {len(self.body)}"
            )
        if len(self.signatures) > MAX_SIGNATURES:
            raise EnvelopeRefused(f"expected at most {MAX_SIGNATURES} signatures, got {len(self.signatures)}")
        if len({signature.keyid for signature in self.signatures}) != len(self.signatures):
            raise EnvelopeRefused("expected each key id once, got one twice")

    @property
    def digest(self) -> str:
        """SHA-256 of the body, 64 hex digits: how other documents cite this one."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def kind(self) -> str:
        """The document kind in the media type, e.g. `scenario`."""
        return self.payload_type.removeprefix(MEDIA_PREFIX).removesuffix(MEDIA_SUFFIX)

    def signed_by(self, private: Ed25519PrivateKey) -> Envelope:
        """This envelope with one more signature; signing twice with a key changes nothing.

        A signature that stands under the key's id but is not the key's is replaced: a stranger who put it there cannot
        keep the signer out.
        """
        signature = Signature(public_key(private).keyid, private.sign(pae(self.payload_type, self.body)))
        if signature in self.signatures:
            return self
        others = tuple(other for other in self.signatures if other.keyid != signature.keyid)
        return replace(self, signatures=(*others, signature))

    def merged(self, other: Envelope) -> Envelope:
        """Both envelopes' signatures over the same body, this one's first.

        Where both hold a signature under one key id, this one's is kept: merge into what has been verified.
        """
        if (self.payload_type, self.body) != (other.payload_type, other.body):
            raise EnvelopeRefused("expected signatures over the same body, got another body")
        known = {signature.keyid for signature in self.signatures}
        added = tuple(signature for signature in other.signatures if signature.keyid not in known)
        return replace(self, signatures=self.signatures + added)

    def signers(self, keys: Iterable[IdentityKey]) -> frozenset[str]:
        """Key ids among `keys` whose signature over this envelope verifies."""
        by_id: Mapping[str, IdentityKey] = {key.keyid: key for key in keys}
        message = pae(self.payload_type, self.body)
        verified = set()
        for signature in self.signatures:
            key = by_id.get(signature.keyid)
            if key is None:
                continue
            try:
                key.check(signature.sig, message)
            except SignatureInvalid:
                continue
            verified.add(key.keyid)
        return frozenset(verified)

    def check_signed_by(self, key: IdentityKey) -> None:
        """Raise `SignatureInvalid` unless `key` signed this envelope."""
        if key.keyid not in self.signers((key,)):
            raise SignatureInvalid(
                f"expected a {self.kind} signed by key {key.keyid[:16]}, got no such signature"
            )

    def to_json(self) -> dict[str, Json]:
        return {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.body).decode(),
            "signatures": [
                {"keyid": signature.keyid, "sig": base64.b64encode(signature.sig).decode()}
                for signature in self.signatures
            ],
        }

    def to_bytes(self) -> bytes:
        return strict_json.canonical(self.to_json())


def media_type(kind: str) -> str:
    """The media type of a document kind."""
    return f"{MEDIA_PREFIX}{kind}{MEDIA_SUFFIX}"


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE pre-authentication encoding: `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def sign(kind: str, body: Mapping[str, Json], *privates: Ed25519PrivateKey) -> Envelope:
    """A new envelope over the canonical bytes of `body`, signed by each of `privates`."""
    envelope = Envelope(media_type(kind), strict_json.canonical(body))
    for private in privates:
        envelope = envelope.signed_by(private)
    return envelope


def parse(data: bytes) -> Envelope:
    """Read an envelope; the body is not parsed here."""
    return from_json(strict_json.parse_object(data, max_bytes=MAX_ENVELOPE_BYTES))


def from_json(value: Json) -> Envelope:
    """Read an envelope from its JSON object."""
    if not isinstance(value, dict) or set(value) != {"payloadType", "payload", "signatures"}:
        raise EnvelopeRefused("expected the members payloadType, payload and signatures, got others")
    payload_type, payload, signatures = value["payloadType"], value["payload"], value["signatures"]
    if not isinstance(payload_type, str) or not isinstance(payload, str) or not isinstance(signatures, list):
        raise EnvelopeRefused("expected payloadType and payload as text and signatures as a list")
    return Envelope(payload_type, _base64(payload), tuple(_signature(item) for item in signatures))


def _signature(item: Json) -> Signature:
    if not isinstance(item, dict) or set(item) != {"keyid", "sig"}:
        raise EnvelopeRefused("expected a signature with keyid and sig, got other members")
    keyid, sig = item["keyid"], item["sig"]
    if not isinstance(keyid, str) or not isinstance(sig, str):
        raise EnvelopeRefused("expected keyid and sig as text")
    return Signature(keyid, _base64(sig))


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeRefused("expected base64, got other text") from None
    if base64.b64encode(data).decode() != text:
        raise EnvelopeRefused("expected canonical base64, got another encoding of the same bytes")
    return data
