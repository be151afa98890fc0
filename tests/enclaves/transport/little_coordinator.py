"""A coordinator of a hundred lines, over real HTTP: the wire of docs/protocol.md with everything in memory.

It verifies and signs as the real one does, keeps nonces, first answers and audiences, and decides nothing. Tests may put a
fault in front of the next requests, and change an answer on its way out.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.errors import RequestRefused, outcome
from enclaves.transport.signatures import VerifiedRequest, sign_response, verify_request
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.trust import TrustRoot
from policies.errors import PolicyError


class Declined(Exception):
    """Answer with a problem of this code."""

    def __init__(self, code: str, **members: object) -> None:
        super().__init__(code)
        self.problem = {"code": code, "status": outcome(code).status, "title": code, **members}


@dataclass
class Call:
    """One verified request as a handler sees it."""

    caller: str
    scenario: str | None
    body: bytes
    query: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[..., object]


@dataclass
class LittleCoordinator:
    """State and behaviour; `routes` maps method and path pattern to a handler."""

    trust: TrustRoot
    key: Ed25519PrivateKey
    documents: dict[str, Envelope] = field(default_factory=dict)
    attachments: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)
    mail: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    consents: dict[str, dict[str, Any]] = field(default_factory=dict)
    nonces: set[tuple[str, str]] = field(default_factory=set)
    answers: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    calls: list[tuple[str, str, VerifiedRequest, str | None]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    routes: dict[tuple[str, str], Handler] = field(default_factory=dict)
    alter: Callable[[bytes], bytes] = bytes
    url: str = ""

    def __post_init__(self) -> None:
        self.routes = {
            ("POST", "/v1/documents"): self.post_document,
            ("GET", "/v1/documents"): self.list_documents,
            ("GET", "/v1/documents/([0-9a-f]{64})"): self.get_document,
            ("PUT", "/v1/attachments/([0-9a-f]{64})"): self.put_attachment,
            ("GET", "/v1/attachments/([0-9a-f]{64})"): self.get_attachment,
            ("POST", "/v1/mailboxes/([a-z0-9-]+)"): self.send,
            ("GET", "/v1/mailbox"): self.receive,
            ("POST", "/v1/consents"): self.register,
            **self.routes,
        }

    @contextmanager
    def running(self) -> Iterator[LittleCoordinator]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def post_document(self, call: Call) -> object:
        envelope = dsse.from_json(call.json["envelope"])
        known = self.documents.get(envelope.digest)
        self.documents[envelope.digest] = merged = known.merged(envelope) if known else envelope
        return {"digest": merged.digest, "signers": self.signers(merged), "index": len(self.documents)}

    def signers(self, envelope: Envelope) -> list[str]:
        by_key = {party.key.keyid: party.id for party in self.trust.parties}
        return sorted(by_key[keyid] for keyid in envelope.signers(p.key for p in self.trust.parties))

    def list_documents(self, call: Call) -> object:
        """Two a page, so that every listing has pages."""
        found = [e for e in self.documents.values() if e.kind == call.query["kind"]]
        after = int(call.query.get("after", 0))
        items = [
            {"digest": e.digest, "kind": e.kind, "id": json.loads(e.body)["id"], "signers": self.signers(e)}
            for e in found[after : after + 2]
        ]
        return {"items": items, "next": after + 2 if len(found) > after + 2 else None}

    def get_document(self, _: Call, digest: str) -> object:
        if digest not in self.documents:
            raise Declined("not_found")
        return {"envelope": self.documents[digest].to_json()}

    def put_attachment(self, call: Call, sha256: str) -> object:
        if hashlib.sha256(call.body).hexdigest() != sha256:
            raise Declined("malformed")
        audience = set(filter(None, call.query.get("audience", "").split(",")))
        self.attachments[sha256] = (call.body, {call.caller, *audience})
        return {"sha256": sha256, "size": len(call.body)}

    def get_attachment(self, call: Call, sha256: str) -> object:
        data, readers = self.attachments.get(sha256, (b"", set()))
        if call.caller not in readers:
            raise Declined("not_found")
        return data

    def send(self, call: Call, to: str) -> object:
        box = self.mail.setdefault(to, [])
        box.append(
            {"seq": len(box) + 1, "sender": call.caller, "sent_at": "2026-03-04T05:06:07Z", **call.json}
        )
        return {"seq": len(box)}

    def receive(self, call: Call) -> object:
        after = int(call.query["after"])
        return {"messages": [m for m in self.mail.get(call.caller, []) if m["seq"] > after]}

    def register(self, call: Call) -> object:
        items = call.json["items"]
        if len(items) > 500:
            raise Declined("malformed")
        self.consents |= {item["id"]: item for item in items}
        return {"registered": len(items)}

    def answer(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, bytes]:
        """Verify, spend the nonce, act once for an idempotency key."""
        parts, fields = urlsplit(target), {name.lower(): value for name, value in headers}
        try:
            verified = verify_request(
                method=method,
                authority=fields["host"],
                path=parts.path,
                query=parts.query,
                headers=headers,
                body=body,
                keys={party.key.keyid: party.key for party in self.trust.parties},
                now=datetime.now(UTC),
            )
            key = fields.get("idempotency-key")
            self.calls.append((method, parts.path, verified, key))
            self._spend(verified)
            caller = next(p.id for p in self.trust.parties if p.key.keyid == verified.keyid)
            if key and (caller, key) in self.answers:
                return self.answers[caller, key]
            call = Call(caller, verified.scenario, body, dict(parse_qsl(parts.query)))
            answer = 200, _encode(self._route(method, parts.path, call))
            if key:
                self.answers[caller, key] = answer
        except RequestRefused as error:
            answer = 401, _encode({"code": error.code, "detail": str(error)})
        except PolicyError as error:
            answer = 400, _encode({"code": "malformed", "detail": str(error)})
        except Declined as declined:
            answer = declined.problem["status"], _encode(declined.problem)  # type: ignore[assignment]
        return answer

    def _spend(self, verified: VerifiedRequest) -> None:
        nonce = (verified.keyid, verified.nonce)
        if nonce in self.nonces:
            raise Declined("request_replayed")
        self.nonces.add(nonce)

    def _route(self, method: str, path: str, call: Call) -> object:
        for (known, pattern), handler in self.routes.items():
            found = re.fullmatch(pattern, path)
            if known == method and found:
                return handler(call, *found.groups())
        raise Declined("not_found")


def _encode(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _handler(little: LittleCoordinator) -> type[BaseHTTPRequestHandler]:
    class Http(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fault = little.faults.pop(0) if little.faults else ""
            if fault == "drop":
                self.close_connection = True
                return
            if fault == "gateway":
                self._send(503, b"gone fishing", {})
                return
            if self.path == "/v1/trust-root":
                self._send(200, little.documents["trust-root"].to_bytes(), {})
                return
            status, answer = little.answer(self.command, self.path, self.headers.items(), body)
            if fault == "drop-answer":
                self.close_connection = True
                return
            if fault == "busy":
                status, answer = 503, _encode({"code": "unavailable"})
            signed = sign_response(
                status=status,
                body=answer,
                request_signature=self.headers.get("signature", ""),
                key=little.key,
                now=datetime.now(UTC),
            )
            self._send(status, little.alter(answer), {} if fault == "unsigned" else signed)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            pass

    return Http
