"""Request and response signatures: RFC 9421 in the one profile of docs/protocol.md section 1.

Rules:
- A request covers exactly the seven components of `REQUEST_COMPONENTS`, in that order and without parameters; a
  response exactly `RESPONSE_COMPONENTS`. What is not covered is not believed.
- One signature, one line of each covered or signature field. A second line could be read differently by two readers.
- Parameters are exactly created, expires, nonce (32 lower-case hex digits), keyid, alg=ed25519 and the tag; the key
  comes from the caller's pinned table, never from the message.
- `expires` is at most 120 s after `created`; either may differ from the verifier's clock by 60 s. A signature can
  therefore be presented for at most 240 s: a nonce table that keeps 300 s misses no replay.
- Content-Digest (RFC 9530) is recomputed from the bytes received and compared as text: sha-256, one spelling.
- `@authority` is the Host field in lower case. Clients leave out a default port, so that the scheme plays no part.

The library `http-message-signatures` builds the signature base, but for plain messages, whose base `signature_base` writes
byte for byte as the library does. The library compares time with the system clock, so its clock is taken out and the window
checked here. Durable (keyid, nonce) storage is left to the server.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.errors import RequestRefused, ResponseRefused, TransportError
from enclaves.transport.message_signature import (
    ALGORITHM,
    REQUEST_COMPONENTS,
    RESPONSE_COMPONENTS,
    TAG,
    RequestMessage,
    ResponseMessage,
    sign,
    verify,
)
from policies.documents.strict_json import quoted
from policies.keys import IdentityKey

LIFETIME: Final = timedelta(seconds=60)
MAX_LIFETIME_S: Final = 120
SKEW_S: Final = 60
NONCE_KEPT_S: Final = 300
"""How long a server must remember (keyid, nonce)."""
NO_SCENARIO: Final = "-"

_REQUEST_PARAMETERS: Final = frozenset({"created", "expires", "nonce", "keyid", "alg", "tag"})
_RESPONSE_PARAMETERS: Final = frozenset({"created", "keyid", "alg", "tag"})
_REQUEST_FIELDS: Final = frozenset(
    {"content-digest", "content-type", "domicile-scenario", "signature-input", "signature"}
)
_RESPONSE_FIELDS: Final = frozenset({"content-digest", "signature-input", "signature"})
_MAX_FIELD: Final = 1024
_NONCE: Final = re.compile("[0-9a-f]{32}")
_SCENARIO: Final = re.compile("-|[0-9a-f]{64}")
# A scheme without a default port: the library then leaves the authority's port alone.
_SCHEME: Final = "domicile"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """What a verified request signature says: `created` and `expires` in Unix seconds, `scenario` a digest or None."""

    keyid: str
    nonce: str
    created: int
    expires: int
    scenario: str | None


def content_digest(body: bytes) -> str:
    """The Content-Digest field for `body` (RFC 9530 §2), in the only spelling accepted here."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    *,
    method: str,
    url: str,
    body: bytes,
    key: Ed25519PrivateKey,
    now: datetime,
    nonce: bytes,
    scenario: str | None = None,
    content_type: str = "application/json",
    lifetime: timedelta = LIFETIME,
) -> dict[str, str]:
    """The fields to send with a request: Content-Type, Content-Digest, Domicile-Scenario and the signature.

    `url` is absolute and encoded as sent; `nonce` 16 random bytes, used once; `scenario` a digest in hex.
    """
    if len(nonce) != 16:
        raise TransportError(f"expected a nonce of 16 bytes, got {len(nonce)}")
    parts = urlsplit(url)
    target = _target(parts.netloc, parts.path, parts.query)
    fields = {
        "content-type": content_type,
        "content-digest": content_digest(body),
        "domicile-scenario": scenario or NO_SCENARIO,
    }
    message = RequestMessage(method, target, fields)
    signature = sign(
        message, key, now=now, components=REQUEST_COMPONENTS, expires=now + lifetime, nonce=nonce.hex()
    )
    return {**fields, **signature}


def verify_request(
    *,
    method: str,
    authority: str,
    path: str,
    query: str,
    headers: Headers,
    body: bytes,
    keys: Mapping[str, IdentityKey],
    now: datetime,
) -> VerifiedRequest:
    """Verify one request, or raise `RequestRefused`.

    `authority` is the Host field, `path` and `query` the raw percent-encoded target as received (`query` without its
    question mark), `headers` every field line in order, `body` the bytes received, `keys` key id → enrolled key.
    """
    try:
        # 1. One line of each field that decides; nothing else reaches the library.
        fields = _single_fields(headers, _REQUEST_FIELDS)
        # 2. The digest that was signed is the digest of these bytes.
        _check_digest(fields, body)
        # 3. The signature is a pinned key's over exactly the seven components of the target as it came.
        _check_path(path)
        signed = verify(RequestMessage(method, _target(authority, path, query), fields), keys)
        _check_components(signed.covered, tuple(f'"{name}"' for name in REQUEST_COMPONENTS))
        # 4. Its parameters are exactly the profile's, and its window is open.
        _check_parameters(signed.parameters, _REQUEST_PARAMETERS)
        return _verified_request(signed.parameters, fields["domicile-scenario"], now)
    except TransportError as error:
        raise RequestRefused(str(error)) from None


def sign_response(
    *, status: int, body: bytes, request_signature: str, key: Ed25519PrivateKey, now: datetime
) -> dict[str, str]:
    """The fields to add to a response: Content-Digest and a signature that also covers the request's.

    `request_signature` is the request's Signature field as received, whether or not it verified: a refusal, too, is
    signed for the request that it refuses.
    """
    fields = {"content-digest": content_digest(body)}
    message = _response(status, fields, request_signature)
    return {**fields, **sign(message, key, now=now, components=RESPONSE_COMPONENTS)}


def verify_response(
    *,
    status: int,
    headers: Headers,
    body: bytes,
    request_signature: str,
    key: IdentityKey,
    now: datetime,
) -> None:
    """Raise `ResponseRefused` unless `key` signed this status and body for the request with `request_signature`."""
    try:
        fields = _single_fields(headers, _RESPONSE_FIELDS)
        _check_digest(fields, body)
        signed = verify(_response(status, fields, request_signature), {key.keyid: key})
        _check_components(signed.covered, RESPONSE_COMPONENTS)
        _check_parameters(signed.parameters, _RESPONSE_PARAMETERS)
        created = _seconds(signed.parameters, "created")
        _check_window(created, created + MAX_LIFETIME_S, now)
    except TransportError as error:
        raise ResponseRefused(str(error)) from None


def _response(status: int, fields: dict[str, str], request_signature: str) -> ResponseMessage:
    # Only the request's signature is covered; it covers the rest of the request.
    request = RequestMessage("GET", _target("request", "/", ""), {"signature": request_signature})
    return ResponseMessage(status, fields, request)


def _target(authority: str, path: str, query: str) -> str:
    if not path.startswith("/"):
        path = f"/{path}"
    return f"{_SCHEME}://{authority.lower()}{path}{'?' + query if query else ''}"


def _single_fields(headers: Headers, names: frozenset[str]) -> dict[str, str]:
    """The fields in `names`, each exactly once and of bounded length."""
    fields: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in names:
            continue
        if lower in fields:
            raise TransportError(f"expected one {lower} field, got two")
        if len(value) > _MAX_FIELD:
            raise TransportError(f"expected a {lower} field of at most {_MAX_FIELD} characters")
        fields[lower] = value.strip(" \t")
    missing = sorted(names - fields.keys())
    if missing:
        raise TransportError(f"expected the field {missing[0]}, got none")
    return fields


def _check_path(path: str) -> None:
    """`_target` adds the slash that a client's address may lack; a server must not, or it would verify another path."""
    if not path.startswith("/"):
        raise TransportError(f"expected a path from the root, got {quoted(path)}")


def _check_digest(fields: Mapping[str, str], body: bytes) -> None:
    if fields["content-digest"] != content_digest(body):
        raise TransportError("expected the content-digest of the bytes received, got another")


def _check_components(covered: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if covered != expected:
        raise TransportError(f"expected exactly the components {' '.join(expected)}, got others")


def _check_parameters(parameters: Mapping[str, int | str], expected: frozenset[str]) -> None:
    if parameters.keys() != expected:
        raise TransportError(f"expected exactly the parameters {' '.join(sorted(expected))}, got others")
    if parameters["tag"] != TAG or parameters["alg"] != ALGORITHM:
        raise TransportError(f"expected alg {ALGORITHM} and tag {TAG}, got others")


def _verified_request(parameters: Mapping[str, int | str], scenario: str, now: datetime) -> VerifiedRequest:
    created, expires = _seconds(parameters, "created"), _seconds(parameters, "expires")
    _check_window(created, expires, now)
    nonce = str(parameters["nonce"])
    if not _NONCE.fullmatch(nonce):
        raise TransportError("expected a nonce of 32 lower-case hex digits, got other text")
    if not _SCENARIO.fullmatch(scenario):
        raise TransportError(f"expected a scenario digest or `{NO_SCENARIO}`, got {quoted(scenario)}")
    return VerifiedRequest(
        keyid=str(parameters["keyid"]),
        nonce=nonce,
        created=created,
        expires=expires,
        scenario=None if scenario == NO_SCENARIO else scenario,
    )


def _seconds(parameters: Mapping[str, int | str], name: str) -> int:
    value = parameters[name]
    if type(value) is not int:
        raise TransportError(f"expected {name} as an integer")
    return value


def _check_window(created: int, expires: int, now: datetime) -> None:
    moment = now.astimezone(UTC).timestamp()
    if not 0 < expires - created <= MAX_LIFETIME_S:
        raise TransportError(f"expected a signature for at most {MAX_LIFETIME_S} s, got {expires - created}")
    if created > moment + SKEW_S:
        raise TransportError("expected a signature created by now, got one from the future: check the clocks")
    if expires < moment - SKEW_S:
        raise TransportError("expected a signature still in force, got an expired one: check the clocks")
