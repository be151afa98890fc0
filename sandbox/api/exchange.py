"""One signed request and its signed answer.

Every route of `SignedRoute` runs these steps:

1. The body is read once, up to the route's cap; the digest is recomputed from these bytes.
2. The signature is verified against the keys of the trust root, less the revoked ones (RFC 9421), for this
   coordinator's own authority: a request signed for another host is no request to this one.
3. The nonce is made durable. Only then is anything done for the request.
4. A write runs in one transaction together with its first answer (`sandbox.store.answers`).
5. A policy refusal of a known party is recorded in the evidence log (RQ-169), unless the act has recorded it itself.
6. The answer, refusals included, is signed for this very request.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import Connection

from enclaves.errors import EnclaveError
from enclaves.transport.errors import RequestRefused, TransportError
from enclaves.transport.signatures import sign_response, verify_request
from policies.documents import strict_json
from policies.documents.strict_json import Json
from policies.documents.trust import PartyEntry, Role
from policies.errors import PolicyError
from policies.log.entry import Entry, EntryType, instant
from sandbox.api.metrics import REQUESTS
from sandbox.api.problems import MEDIA_TYPE, Problem, fault, problem_of
from sandbox.district import District
from sandbox.documents.attachments import MAX_BYTES
from sandbox.documents.evidence import record
from sandbox.errors import SandboxError
from sandbox.store.answers import Answer, WriteKey, first_answer, remember_answer
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotAllowed
from sandbox.store.nonces import spend_nonce

MAX_JSON_BYTES: Final = 4 * 1024 * 1024
MAX_NUMBER: Final = 2**53 - 1
"""Beyond it no cursor or index can lie, and SQLite's integers would end not far above."""
MAX_WAIT_S: Final = 25.0
"""How long a request may wait for something to happen."""
_REFUSALS: Final = (PolicyError, EnclaveError, SandboxError)
_LOG: Final = logging.getLogger("domicile.api")


@dataclass(slots=True)
class Exchange:
    """A verified request: who asks, what was sent, and how to act for it."""

    district: District
    caller: PartyEntry
    body: bytes
    method: str
    target: str
    scenario: str | None
    idempotency_key: str | None
    signature: str = field(repr=False)

    def json(self) -> dict[str, Json]:
        """The body as one strict JSON object."""
        return strict_json.parse_object(self.body, max_bytes=MAX_JSON_BYTES)

    def check_role(self, *roles: Role) -> None:
        """Raise `NotAllowed` unless the caller holds one of `roles`."""
        if self.caller.role not in roles:
            raise NotAllowed(f"expected one of {', '.join(sorted(roles))}, got a {self.caller.role}")

    def answer(self, value: object) -> Response:
        """Answer with a JSON value."""
        return self.respond(Answer(200, _encode(value)))

    def read(self, look: Callable[[Connection], object]) -> Response:
        """Answer from one consistent view."""
        with self.district.database.read() as connection:
            value = look(connection)
        return self.answer(value)

    def write(self, act: Callable[[Transaction], object], *, status: int = 200) -> Response:
        """Act once for this idempotency key; `act` returns a JSON value, or an `Answer` for another status."""
        if (
            not self.idempotency_key
            or not self.idempotency_key.isprintable()
            or len(self.idempotency_key) > 128
        ):
            raise Malformed("expected an Idempotency-Key of 1 to 128 characters")
        key = WriteKey.of(
            self.caller.id, self.idempotency_key, method=self.method, target=self.target, body=self.body
        )
        with self.district.database.write() as transaction:
            answer = first_answer(transaction.connection, key)
            if answer is None:
                value = act(transaction)
                answer = value if isinstance(value, Answer) else Answer(status, _encode(value))
                remember_answer(transaction, key, answer=answer, now=self.district.now)
        return self.respond(answer)

    def respond(self, answer: Answer, *, media_type: str | None = None) -> Response:
        """The signed response."""
        plain = "application/json" if answer.status < 400 else MEDIA_TYPE
        return signed(
            self.district,
            answer.body,
            status=answer.status,
            media_type=media_type or plain,
            request_signature=self.signature,
        )


def exchange_of(request: Request) -> Exchange:
    """The exchange `SignedRoute` verified for this request; a FastAPI dependency."""
    exchange: Exchange = request.state.exchange
    return exchange


class SignedRoute(APIRoute):
    """A route whose requests and answers are signed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer_route = super().get_route_handler()
        route = self.path

        async def handle(request: Request) -> Response:
            response = await _handle(request, answer_route)
            REQUESTS.labels(request.method, route, str(response.status_code)).inc()
            return response

        return handle


async def _handle(
    request: Request, answer_route: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    district: District = request.app.state.district
    signature = request.headers.get("signature", "")
    caller: PartyEntry | None = None
    try:
        body = await _read_body(request)
        exchange = await run_in_threadpool(_authenticate, district, request, body)
        caller = exchange.caller
        request.state.exchange = exchange
        return await answer_route(request)
    except RequestValidationError as error:
        places = {".".join(str(part) for part in problem["loc"])[:80] for problem in error.errors()}
        problem = Problem("malformed", f"expected other values at {', '.join(sorted(places))}")
    except _REFUSALS as error:
        problem = problem_of(error)
        if problem.status == 503:
            _LOG.exception("fault in %s", request.url.path)
    # The border: whatever else happens leaves as a fault without its text.
    except Exception:  # noqa: BLE001 - the border answers every fault
        _LOG.exception("fault in %s", request.url.path)
        problem = fault()
    if caller is not None and problem.status == 403:
        await run_in_threadpool(_record_refusal, district, caller.id, problem)
    return signed(
        district, problem.body(), status=problem.status, media_type=MEDIA_TYPE, request_signature=signature
    )


def signed(
    district: District, body: bytes, *, status: int, media_type: str, request_signature: str
) -> Response:
    """A response signed for the request with `request_signature`; unsigned when that is no signature at all."""
    try:
        headers = sign_response(
            status=status,
            body=body,
            request_signature=request_signature,
            key=district.keys.identity,
            now=datetime.fromtimestamp(district.now, UTC),
        )
    except TransportError:
        headers = {}
    return Response(body, status, headers=headers, media_type=media_type)


def _authenticate(district: District, request: Request, body: bytes) -> Exchange:
    scope = request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    path, query = raw_path.decode("ascii", "replace"), scope["query_string"].decode("ascii", "replace")
    authority = request.headers.get("host", "").lower()
    if authority != district.settings.authority:
        raise RequestRefused(f"expected a request to {district.settings.authority}, got another host")
    revoked = district.halts.revoked_keys
    keys = {keyid: key for keyid, key in district.identity_keys.items() if keyid not in revoked}
    verified = verify_request(
        method=request.method,
        authority=authority,
        path=path,
        query=query,
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        keys=keys,
        now=datetime.fromtimestamp(district.now, UTC),
    )
    with district.database.write() as transaction:
        spend_nonce(transaction, verified.keyid, nonce=verified.nonce, now=district.now)
    return Exchange(
        district=district,
        caller=district.by_keyid[verified.keyid],
        body=body,
        method=request.method,
        target=f"{path}?{query}" if query else path,
        scenario=verified.scenario,
        idempotency_key=request.headers.get("idempotency-key"),
        signature=request.headers["signature"],
    )


async def _read_body(request: Request) -> bytes:
    cap = MAX_BYTES if request.method == "PUT" else MAX_JSON_BYTES
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > cap:
            raise Malformed(f"expected a body of at most {cap} bytes, got more")
        chunks.append(chunk)
    return b"".join(chunks)


def _record_refusal(district: District, actor: str, problem: Problem) -> None:
    entry = refusal_entry(district, actor=actor, code=problem.code)
    with district.database.write() as transaction:
        record(district, transaction, entry)


def refusal_entry(district: District, *, actor: str, code: str) -> Entry:
    """The entry for a refusal that belongs to no job."""
    return Entry(
        type=EntryType.REFUSAL, at=instant(int(district.now)), actor=actor, facts={"code": code[:64]}
    )


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
