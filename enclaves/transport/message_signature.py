"""One signature of one message: by the library, or for a plain message over the same base written directly.

`sign` and `verify` know which components a request and a response cover; which fields, parameters and times are accepted is
decided by `enclaves.transport.signatures`. Source: RFC 9421; the library is `http-message-signatures`. It compares time
with the system clock, so its clock is taken out here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
)

from enclaves.transport import signature_base
from enclaves.transport.errors import TransportError
from policies.documents.strict_json import quoted
from policies.errors import PolicyError
from policies.keys import IdentityKey

REQUEST_COMPONENTS: Final = (
    "@method",
    "@authority",
    "@path",
    "@query",
    "content-digest",
    "content-type",
    "domicile-scenario",
)
RESPONSE_COMPONENTS: Final = ('"@status"', '"content-digest"', '"signature";req')
TAG: Final = "domicile-http/1"
ALGORITHM: Final = "ed25519"
LABEL: Final = "domicile"
_TARGET: Final = re.compile(r"[a-z]+://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_OF_TARGET: Final = {'"@authority"': 1, '"@path"': 2, '"@query"': 3}
_SIGNATURE: Final = re.compile(f"{LABEL}=:([A-Za-z0-9+/]{{86}}==):")


@dataclass(frozen=True, slots=True)
class Signed:
    covered: tuple[str, ...]
    parameters: Mapping[str, int | str]


@dataclass(slots=True)
class RequestMessage:
    method: str
    url: str
    headers: dict[str, str]


@dataclass(slots=True)
class ResponseMessage:
    status_code: int
    headers: dict[str, str]
    request: RequestMessage | None


class _Ed25519(HTTPSignatureAlgorithm):
    """The library's algorithm interface over the project's own key checks."""

    algorithm_id = ALGORITHM

    def __init__(self, public_key: IdentityKey) -> None:
        self.public_key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        self.public_key.check(signature, message)


class _Keys(HTTPSignatureKeyResolver):
    """Look-up among pinned keys by key id."""

    def __init__(self, pinned: Mapping[str, IdentityKey]) -> None:
        self.pinned = pinned

    def resolve_public_key(self, key_id: str) -> IdentityKey | None:
        return self.pinned.get(key_id)


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its system clock; the window is checked by `_check_window`."""

    def validate_created_and_expires(self, sig_input: object, max_age: object = None) -> None:
        """Checked by the caller, whose clock is an argument."""


def sign(
    message: RequestMessage | ResponseMessage,
    key: Ed25519PrivateKey,
    *,
    now: datetime,
    components: Sequence[str],
    expires: datetime | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    keyid = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
    plain = signature_base.write_input(
        _written(components),
        created=int(now.timestamp()),
        keyid=keyid,
        alg=ALGORITHM,
        tag=TAG,
        expires=None if expires is None else int(expires.timestamp()),
        nonce=nonce,
    )
    base = _plain_base(message, components, plain)
    if base is None:
        plain, base = _library_base(message, keyid, now, components=components, expires=expires, nonce=nonce)
    signature = base64.b64encode(key.sign(base)).decode()
    return {"signature-input": f"{LABEL}={plain}", "signature": f"{LABEL}=:{signature}:"}


def _written(components: Sequence[str]) -> tuple[str, ...]:
    """Component names as a Signature-Input writes them; those of a response are written already."""
    return tuple(name if name.startswith('"') else f'"{name}"' for name in components)


def _plain_base(
    message: RequestMessage | ResponseMessage, components: Sequence[str], params: str
) -> bytes | None:
    """The base of a plain message, or None: then the library says what it is, or refuses."""
    values: dict[str, str] = {}
    for name in _written(components):
        value = _component(message, name)
        if value is None:
            return None
        values[name] = value
    return signature_base.base(values, params)


def _component(message: RequestMessage | ResponseMessage, name: str) -> str | None:
    if isinstance(message, ResponseMessage):
        if name == '"@status"':
            return str(message.status_code)
        if name == '"signature";req' and message.request is not None:
            return message.request.headers.get("signature")
        return message.headers.get(name.strip('"'))
    if name == '"@method"':
        return message.method
    if name in _OF_TARGET:
        # Split by hand: `urlsplit` drops tabs and line ends, and a dropped character would not be signed.
        found = _TARGET.fullmatch(message.url)
        if found is None:
            return None
        part = found[_OF_TARGET[name]] or ""
        return f"?{part}" if name == '"@query"' else part
    return message.headers.get(name.strip('"'))


def _library_base(
    message: RequestMessage | ResponseMessage,
    keyid: str,
    now: datetime,
    *,
    components: Sequence[str],
    expires: datetime | None,
    nonce: str | None,
) -> tuple[str, bytes]:
    """Parameters and base as the library makes them."""
    try:
        prepared = HTTPMessageSigner(signature_algorithm=_Ed25519).prepare(
            message,
            key_id=keyid,
            created=now,
            expires=expires,
            nonce=nonce,
            label=LABEL,
            tag=TAG,
            covered_component_ids=components,
            use_existing_digest=True,
        )
    except Exception as error:  # noqa: BLE001 - whatever the library or its parsers raise, nothing is signed
        raise TransportError(f"expected a message that can be signed: {_one_line(error)}") from None
    return str(prepared.signature_params), prepared.signature_base


def verify(message: RequestMessage | ResponseMessage, keys: Mapping[str, IdentityKey]) -> Signed:
    """What the message's one signature covers and says, verified."""
    plain = _verified_plain(message, keys)
    return _verify_by_library(message, keys) if plain is None else plain


def _verified_plain(
    message: RequestMessage | ResponseMessage, keys: Mapping[str, IdentityKey]
) -> Signed | None:
    """As `verify`, for a plain message; None leaves it to the library, which knows every spelling. Never a lesser check."""
    components = REQUEST_COMPONENTS if isinstance(message, RequestMessage) else RESPONSE_COMPONENTS
    text = message.headers["signature-input"]
    said = signature_base.read_input(text.removeprefix(f"{LABEL}="))
    sent = _SIGNATURE.fullmatch(message.headers["signature"])
    if said is None or sent is None or not text.startswith(f"{LABEL}="):
        return None
    written = _written(components)
    key = keys.get(str(said.parameters["keyid"]))
    base = _plain_base(message, components, said.text)
    if (
        said.covered != " ".join(written)
        or said.parameters["alg"] != ALGORITHM
        or key is None
        or base is None
    ):
        return None
    try:
        key.check(base64.b64decode(sent[1]), base)
    except PolicyError:
        return None
    return Signed(written, said.parameters)


def _verify_by_library(message: RequestMessage | ResponseMessage, keys: Mapping[str, IdentityKey]) -> Signed:
    verifier = _Verifier(signature_algorithm=_Ed25519, key_resolver=_Keys(keys))
    try:
        results = verifier.verify(message, max_age=None)
    except Exception as error:  # noqa: BLE001 - whatever the library or its parsers raise, it refuses
        raise TransportError(f"expected a signature that verifies: {_one_line(error)}") from None
    if len(results) != 1:
        raise TransportError(f"expected one signature, got {len(results)}")
    covered = tuple(name for name in results[0].covered_components if name != '"@signature-params"')
    return Signed(covered, results[0].parameters)


def _one_line(error: Exception) -> str:
    return quoted(str(error) or type(error).__name__, 120)
