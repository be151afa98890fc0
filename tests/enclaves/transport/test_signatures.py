"""The profile of docs/protocol.md section 1: what verifies, and that every change to what is covered does not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.transport import message_signature, signatures
from enclaves.transport.errors import RequestRefused, ResponseRefused, TransportError
from enclaves.transport.signatures import (
    content_digest,
    sign_request,
    sign_response,
    verify_request,
    verify_response,
)
from policies.keys import IdentityKey, public_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC = public_key(KEY)
KEYS = {PUBLIC.keyid: PUBLIC}
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NONCE = bytes(range(16))
SCENARIO = "ab" * 32


@dataclass(frozen=True)
class Message:
    """A request as a server receives it."""

    method: str
    authority: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def verify(self, now: datetime = NOW) -> signatures.VerifiedRequest:
        return verify_request(
            method=self.method,
            authority=self.authority,
            path=self.path,
            query=self.query,
            headers=self.headers,
            body=self.body,
            keys=KEYS,
            now=now,
        )

    def with_field(self, name: str, value: str) -> Message:
        kept = tuple((n, v) for n, v in self.headers if n.lower() != name)
        return replace(self, headers=(*kept, (name, value)))

    def field(self, name: str) -> str:
        return next(value for n, value in self.headers if n.lower() == name)


def message(
    *, body: bytes = b'{"a":1}', query: str = "after=3&wait=5", lifetime: timedelta = timedelta(seconds=60)
) -> Message:
    url = f"http://coordinator.test:8443/v1/mailbox{'?' + query if query else ''}"
    fields = sign_request(
        method="POST",
        url=url,
        body=body,
        key=KEY,
        now=NOW,
        nonce=NONCE,
        scenario=SCENARIO,
        lifetime=lifetime,
    )
    return Message("POST", "coordinator.test:8443", "/v1/mailbox", query, tuple(fields.items()), body)


def reference_base(received: Message) -> bytes:
    """The signature base by RFC 9421 section 2.5, written down without the library."""
    params = received.field("signature-input").split("=", 1)[1]
    values = {
        "@method": received.method,
        "@authority": received.authority,
        "@path": received.path,
        "@query": f"?{received.query}",
        "content-digest": f"sha-256=:{base64.b64encode(hashlib.sha256(received.body).digest()).decode()}:",
        "content-type": received.field("content-type"),
        "domicile-scenario": received.field("domicile-scenario"),
    }
    lines = [f'"{name}": {value}' for name, value in values.items()]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def test_a_signed_request_verifies_and_says_who_when_and_for_which_scenario() -> None:
    verified = message().verify()

    created = int(NOW.timestamp())
    assert verified == signatures.VerifiedRequest(PUBLIC.keyid, NONCE.hex(), created, created + 60, SCENARIO)


def test_a_request_without_scenario_says_so_in_the_field() -> None:
    fields = sign_request(method="GET", url="http://a.test/v1/x", body=b"", key=KEY, now=NOW, nonce=NONCE)
    received = Message("GET", "a.test", "/v1/x", "", tuple(fields.items()), b"")

    assert fields["domicile-scenario"] == "-"
    assert received.verify().scenario is None


@settings(max_examples=25, deadline=None)
@given(
    body=st.binary(max_size=200),
    query=st.from_regex(r"[a-z0-9=&%]{0,0}|([a-z]=(%2[0-9A-F]|[a-z])+)", fullmatch=True),
)
def test_the_signature_is_over_the_base_that_the_rfc_describes(body: bytes, query: str) -> None:
    received = message(body=body, query=query)

    signature = base64.b64decode(received.field("signature").split("=", 1)[1].strip(":"))
    KEY.public_key().verify(signature, reference_base(received))
    received.verify()


TAMPERED: dict[str, Callable[[Message], Message]] = {
    "method": lambda m: replace(m, method="PUT"),
    "authority": lambda m: replace(m, authority="coordinator.test:8444"),
    "path": lambda m: replace(m, path="/v1/mailboxes"),
    "path case": lambda m: replace(m, path="/v1/Mailbox"),
    "query": lambda m: replace(m, query="after=3&wait=6"),
    "query order": lambda m: replace(m, query="wait=5&after=3"),
    "no query": lambda m: replace(m, query=""),
    "body": lambda m: replace(m, body=m.body + b" "),
    "body and digest": lambda m: replace(m, body=b"{}").with_field("content-digest", content_digest(b"{}")),
    "content-type": lambda m: m.with_field("content-type", "text/plain"),
    "scenario": lambda m: m.with_field("domicile-scenario", "cd" * 32),
    "no scenario": lambda m: m.with_field("domicile-scenario", "-"),
    "digest by sha-512": lambda m: m.with_field(
        "content-digest", f"sha-512=:{base64.b64encode(hashlib.sha512(m.body).digest()).decode()}:"
    ),
    "second digest": lambda m: m.with_field("content-digest", f"{content_digest(m.body)}, unixsum=1"),
    "nonce": lambda m: m.with_field(
        "signature-input", m.field("signature-input").replace(NONCE.hex(), "0" * 32)
    ),
    "expiry": lambda m: m.with_field(
        "signature-input",
        m.field("signature-input").replace(str(int(NOW.timestamp()) + 60), str(int(NOW.timestamp()) + 90)),
    ),
    "tag": lambda m: m.with_field(
        "signature-input", m.field("signature-input").replace("-http/1", "-http/2")
    ),
    "unknown key": lambda m: m.with_field(
        "signature-input", m.field("signature-input").replace(PUBLIC.keyid, public_key(OTHER).keyid)
    ),
    "signature": lambda m: m.with_field("signature", m.field("signature").replace(":", ":AAAA", 1)),
    "no signature bytes": lambda m: m.with_field("signature", "domicile=::"),
    "label": lambda m: m.with_field("signature", m.field("signature").replace("domicile", "other")),
    "two labels": lambda m: m.with_field(
        "signature-input", f"{m.field('signature-input')}, b={m.field('signature-input').split('=', 1)[1]}"
    ).with_field("signature", f"{m.field('signature')}, b={m.field('signature').split('=', 1)[1]}"),
    "same label twice": lambda m: m.with_field(
        "signature", f"{m.field('signature')}, {m.field('signature')}"
    ),
    "second signature line": lambda m: replace(m, headers=(*m.headers, ("Signature", m.field("signature")))),
    "second input line": lambda m: replace(
        m, headers=(*m.headers, ("Signature-Input", m.field("signature-input")))
    ),
    "second scenario line": lambda m: replace(m, headers=(*m.headers, ("Domicile-Scenario", SCENARIO))),
    "second type line": lambda m: replace(m, headers=(*m.headers, ("content-type", "text/plain"))),
    "no structured field": lambda m: m.with_field("signature-input", "domicile=("),
    "no text at all": lambda m: m.with_field("signature-input", ""),
    "not ASCII": lambda m: m.with_field("content-type", "application/jsön"),
    "endless field": lambda m: m.with_field("signature", "a=:" + "A" * 5000 + ":"),
    "path that is no path": lambda m: replace(m, path="/v1/a b"),
    "path with a host": lambda m: replace(m, path="/../x", authority="user@coordinator.test:8443"),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_changed_request_is_refused(change: Callable[[Message], Message]) -> None:
    received = message()
    received.verify()

    with pytest.raises(RequestRefused) as refusal:
        change(received).verify()
    assert refusal.value.code == "unauthenticated"
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", sorted(signatures._REQUEST_FIELDS))
def test_a_missing_field_is_refused(name: str) -> None:
    received = message()
    without = replace(received, headers=tuple((n, v) for n, v in received.headers if n != name))

    with pytest.raises(RequestRefused, match=name):
        without.verify()


def forged(components: tuple[str, ...] = message_signature.REQUEST_COMPONENTS, **params: object) -> Message:
    """A request whose owner signed another profile than ours, correctly by RFC 9421."""
    received = message()
    created = int(NOW.timestamp())
    values: dict[str, object] = {
        "created": created,
        "keyid": PUBLIC.keyid,
        "alg": "ed25519",
        "expires": created + 60,
        "nonce": NONCE.hex(),
        "tag": "domicile-http/1",
    } | params
    shown = [f';{k}="{v}"' if isinstance(v, str) else f";{k}={v}" for k, v in values.items() if v is not None]
    input_value = "(" + " ".join(f'"{name}"' for name in components) + ")" + "".join(shown)
    received = received.with_field("signature-input", f"domicile={input_value}")
    lines = {line.split(b": ")[0]: line for line in reference_base(received).split(b"\n")}
    base = b"\n".join(lines[f'"{name}"'.encode()] for name in (*components, "@signature-params"))
    return received.with_field("signature", f"domicile=:{base64.b64encode(KEY.sign(base)).decode()}:")


def test_the_forger_of_these_tests_can_also_sign_what_is_accepted() -> None:
    forged().verify()


@pytest.mark.parametrize("path", ["v1/mailbox", "", "*", "http://coordinator.test:8443/v1/mailbox"])
def test_a_target_that_is_no_path_from_the_root_is_refused(path: str) -> None:
    """Read with the slash it lacks, it would verify as another path than the one that was asked for."""
    with pytest.raises(RequestRefused, match="from the root"):
        replace(message(), path=path).verify()


@pytest.mark.parametrize("left_out", message_signature.REQUEST_COMPONENTS)
def test_a_signature_that_leaves_a_component_out_is_refused(left_out: str) -> None:
    components = tuple(name for name in message_signature.REQUEST_COMPONENTS if name != left_out)

    with pytest.raises(RequestRefused, match="exactly the components"):
        forged(components).verify()


def test_components_in_another_order_are_refused() -> None:
    with pytest.raises(RequestRefused, match="exactly the components"):
        forged(message_signature.REQUEST_COMPONENTS[::-1]).verify()


@pytest.mark.parametrize("name", ["created", "expires", "nonce", "keyid", "alg", "tag"])
def test_a_signature_without_a_parameter_is_refused(name: str) -> None:
    with pytest.raises(RequestRefused):
        forged(**{name: None}).verify()


@pytest.mark.parametrize(
    "params",
    [
        {"nonce": "0" * 31},
        {"nonce": "A" * 32},
        {"alg": "hmac-sha256"},
        {"alg": ""},
        {"tag": ""},
        {"tag": "domicile-http/1 "},
        {"extra": "x"},
        {"expires": int(NOW.timestamp()) + 121},
        {"expires": int(NOW.timestamp())},
        {"created": "1772600767"},
        {"keyid": "nobody"},
    ],
    ids=str,
)
def test_a_signature_with_other_parameters_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(RequestRefused):
        forged(**params).verify()


@pytest.mark.parametrize(
    ("offset", "accepted"), [(-61, False), (-60, True), (0, True), (120, True), (121, False), (10_000, False)]
)
def test_the_window_is_sixty_seconds_of_skew_around_created_and_expires(offset: int, accepted: bool) -> None:
    received = message()

    if accepted:
        received.verify(NOW + timedelta(seconds=offset))
    else:
        with pytest.raises(RequestRefused, match="clocks"):
            received.verify(NOW + timedelta(seconds=offset))


def test_a_nonce_is_kept_longer_than_any_signature_can_be_presented() -> None:
    presentable = signatures.SKEW_S + signatures.MAX_LIFETIME_S + signatures.SKEW_S

    assert presentable < signatures.NONCE_KEPT_S


def test_a_nonce_of_another_length_is_not_signed() -> None:
    with pytest.raises(TransportError):
        sign_request(method="GET", url="http://a.test/", body=b"", key=KEY, now=NOW, nonce=b"short")


def signed_response(request: Message, *, status: int = 200, body: bytes = b"{}") -> dict[str, str]:
    return sign_response(
        status=status, body=body, request_signature=request.field("signature"), key=OTHER, now=NOW
    )


def check_response(
    headers: dict[str, str],
    request: Message,
    *,
    status: int = 200,
    body: bytes = b"{}",
    key: IdentityKey = public_key(OTHER),  # noqa: B008 - a constant
    now: datetime = NOW,
) -> None:
    verify_response(
        status=status,
        headers=headers.items(),
        body=body,
        request_signature=request.field("signature"),
        key=key,
        now=now,
    )


def test_a_signed_response_verifies_for_its_request_only() -> None:
    request, another = message(), message(body=b'{"a":2}')
    headers = signed_response(request)

    check_response(headers, request)
    with pytest.raises(ResponseRefused):
        check_response(headers, another)


def without_signature(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "signature"}


CHANGED_RESPONSES: dict[str, Callable[[Message, dict[str, str]], None]] = {
    "status": lambda request, headers: check_response(headers, request, status=201),
    "body": lambda request, headers: check_response(headers, request, body=b"[]"),
    "key": lambda request, headers: check_response(headers, request, key=PUBLIC),
    "time": lambda request, headers: check_response(headers, request, now=NOW + timedelta(seconds=181)),
    "no signature": lambda request, headers: check_response(without_signature(headers), request),
    # A request's signature, reflected, is no signature of the answer.
    "reflected": lambda request, headers: check_response(
        dict(request.headers), request, body=request.body, key=PUBLIC
    ),
}


@pytest.mark.parametrize("check", CHANGED_RESPONSES.values(), ids=CHANGED_RESPONSES.keys())
def test_a_changed_response_is_refused(check: Callable[[Message, dict[str, str]], None]) -> None:
    request = message()
    headers = signed_response(request)
    check_response(headers, request)

    with pytest.raises(ResponseRefused):
        check(request, headers)


def test_the_ed25519_example_of_rfc_9421_b_2_6_verifies() -> None:
    private = load_der_private_key(
        base64.b64decode("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"), None
    )
    assert isinstance(private, Ed25519PrivateKey)
    components = '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    headers = {
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-length": "18",
        "signature-input": f'sig-b26={components};created=1618884473;keyid="test-key-ed25519"',
        "signature": "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    }
    request = message_signature.RequestMessage("POST", "domicile://example.com/foo", headers)

    # The example's profile is not ours, so the step below the profile is asked.
    signed = message_signature.verify(request, {"test-key-ed25519": public_key(private)})
    assert signed.parameters == {"created": 1618884473, "keyid": "test-key-ed25519"}
    headers["content-length"] = "19"
    with pytest.raises(TransportError):
        message_signature.verify(request, {"test-key-ed25519": public_key(private)})
