"""One party's signed line to the coordinator: sign, send, verify the answer, try again where that is safe.

Rules:
- Every request is signed anew with a fresh nonce; every answer is verified against the coordinator's pinned key before
  a byte of it is used. An answer of a proxy in between counts as none.
- A write carries an idempotency key. Only a lost connection or a 503 is tried again, and a write with the same key, so
  that it happens once however often it is sent.
- No redirects, no proxies from the environment; TLS, where used, is 1.3 with the district's own CA.

Which requests there are is left to the modules that build on this one.
"""

from __future__ import annotations

import random
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport import problem, signatures
from enclaves.transport.enclosed import Enclosed, Outgoing
from enclaves.transport.errors import ResponseRefused, TransportError
from policies.documents import strict_json
from policies.documents.strict_json import Json, JsonRefused
from policies.documents.trust import Role, TrustRoot
from policies.keys import public_key

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
TRIES: Final = 5
_FIRST_PAUSE: Final = 0.1
_JSON: Final = "application/json"
_RAW: Final = "application/octet-stream"
_UNSIGNED: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A PEM certificate chain and its key, for mutual TLS."""

    certificate: Path
    key: Path


def now_utc() -> datetime:
    """The system clock, for those who are not given another."""
    return datetime.now(UTC)


class Channel:
    """A signed line of `party` to the coordinator at `base_url`; safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        party: str,
        identity_key: Ed25519PrivateKey,
        trust: TrustRoot,
        ca: Path | None = None,
        client_cert: ClientCertificate | None = None,
        clock: Callable[[], datetime] = now_utc,
        pause: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
    ) -> None:
        """Raises TransportError unless `identity_key` is the one that `trust` pins for `party`."""
        entry = trust.party(party)
        if entry is None or entry.key != public_key(identity_key):
            raise TransportError(f"expected the identity key that the trust root pins for `{party}`")
        self.party, self.trust = party, trust
        self._key, self._coordinator = identity_key, trust.sole(Role.COORDINATOR).key
        self.base_url = base_url.rstrip("/")
        self._clock, self._pause, self._tries = clock, pause, tries
        self.enclosed = Enclosed()
        self.outgoing: dict[str, Outgoing] = {}
        """Small content by SHA-256 that waits for the message that names it."""
        self._http = httpx.Client(
            verify=_tls(ca, client_cert) if ca else True,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            headers={"user-agent": f"domicile/{party}", "accept-encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, *, params: Mapping[str, str | int] | None = None, wait: float = 0) -> bytes:
        """The bytes of a verified answer; `wait` seconds more than usual are allowed for it."""
        return self._ask("GET", path, b"", params=params, wait=wait)

    def get_json(
        self, path: str, *, params: Mapping[str, str | int] | None = None, wait: float = 0
    ) -> dict[str, Json]:
        return _object(self.get(path, params=params, wait=wait))

    def post_json(
        self,
        path: str,
        body: Mapping[str, Json],
        *,
        scenario: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Json]:
        """A write of a JSON object; without an `idempotency_key` a fresh one."""
        key = idempotency_key or secrets.token_hex(16)
        answer = self._ask("POST", path, strict_json.canonical(body), scenario=scenario, idempotency_key=key)
        return _object(answer)

    def put_bytes(self, path: str, data: bytes, *, params: Mapping[str, str | int]) -> dict[str, Json]:
        """A write of raw bytes."""
        key = secrets.token_hex(16)
        return _object(self._ask("PUT", path, data, params=params, content_type=_RAW, idempotency_key=key))

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        params: Mapping[str, str | int] | None = None,
        scenario: str | None = None,
        content_type: str = _JSON,
        idempotency_key: str | None = None,
        wait: float = 0,
    ) -> bytes:
        extra = {"idempotency-key": idempotency_key} if idempotency_key else {}
        for attempt in range(1, self._tries + 1):
            request = self._http.build_request(
                method,
                self.base_url + path,
                params=params,
                content=body,
                headers=extra,
                timeout=httpx.Timeout(ANSWER_SECONDS + wait, connect=CONNECT_SECONDS),
            )
            # Each attempt is a request of its own: the same nonce twice would be a replay.
            request.headers.update(
                signatures.sign_request(
                    method=method,
                    url=str(request.url),
                    body=body,
                    key=self._key,
                    now=self._clock(),
                    nonce=secrets.token_bytes(16),
                    scenario=scenario,
                    content_type=content_type,
                )
            )
            try:
                return self._answer(request)
            except problem.Unavailable:
                if attempt == self._tries:
                    raise
            # Jitter keeps processes that lost the coordinator together from returning together.
            self._pause(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        raise problem.unavailable("expected at least one try")

    def _answer(self, request: httpx.Request) -> bytes:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            raise problem.unavailable(
                f"expected an answer from {request.url.netloc.decode()}, got {type(error).__name__}"
            ) from None
        body = response.content
        try:
            signatures.verify_response(
                status=response.status_code,
                headers=response.headers.multi_items(),
                body=body,
                request_signature=request.headers["signature"],
                key=self._coordinator,
                now=self._clock(),
            )
        except ResponseRefused:
            # Nothing of such an answer is believed; a gateway's "not now" only means that nobody answered.
            if response.status_code in _UNSIGNED:
                raise problem.unavailable(f"answer {response.status_code} from a gateway") from None
            raise
        if response.is_success:
            return body
        raise problem.raised(problem.Problem.parse(response.status_code, body))


def _object(body: bytes) -> dict[str, Json]:
    try:
        return strict_json.parse_object(body, max_bytes=MAX_ANSWER_BYTES)
    except JsonRefused as error:
        raise ResponseRefused(f"answer: {error}") from None


def _tls(ca: Path, client_cert: ClientCertificate | None) -> ssl.SSLContext:
    """TLS 1.3 against the district's CA alone (protocols.md section 9.2)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=ca)
        if client_cert is not None:
            context.load_cert_chain(client_cert.certificate, client_cert.key)
    except (OSError, ssl.SSLError) as error:
        raise TransportError(f"expected readable certificates, got {type(error).__name__}") from None
    return context
