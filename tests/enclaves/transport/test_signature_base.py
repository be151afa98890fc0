"""What is written directly is what the library writes, byte for byte; what is not plain is left to the library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.transport import message_signature, signature_base
from enclaves.transport.message_signature import (
    REQUEST_COMPONENTS,
    RESPONSE_COMPONENTS,
    RequestMessage,
    ResponseMessage,
)
from enclaves.transport.signatures import content_digest
from policies.keys import public_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_key(KEY)
KEYS = {PUBLIC.keyid: PUBLIC}
DIGEST = content_digest(b"a body")
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

requests = st.builds(
    lambda method, host, path, query, fields: RequestMessage(
        method,
        f"domicile://{host}{path}{query}",
        {"content-digest": DIGEST, **dict(zip(("content-type", "domicile-scenario"), fields, strict=True))},
    ),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.from_regex(r"[a-z][a-z0-9.-]{0,8}[a-z0-9](:[1-9][0-9]{0,3})?", fullmatch=True),
    st.from_regex(r"(/[A-Za-z0-9_-]{1,8}){1,4}|/|//a|/a%20b|/a/\.\./b|/%zz", fullmatch=True),
    st.from_regex(
        r"(\?([a-z]{1,5}=[A-Za-z0-9_-]{0,8})(&[a-z]=[0-9]{1,3})*)?|\?|\?a=%2F|\?a#b", fullmatch=True
    ),
    st.tuples(*[st.text(st.characters(max_codepoint=255), min_size=1, max_size=12)] * 2),
)


def library(
    message: RequestMessage | ResponseMessage, components: tuple[str, ...]
) -> tuple[str, bytes] | None:
    request = isinstance(message, RequestMessage)
    try:
        return message_signature._library_base(
            message,
            PUBLIC.keyid,
            NOW,
            components=components,
            expires=NOW + timedelta(seconds=60) if request else None,
            nonce="ab" * 16 if request else None,
        )
    except message_signature.TransportError:
        return None


def direct(
    message: RequestMessage | ResponseMessage, components: tuple[str, ...]
) -> tuple[str, bytes] | None:
    request = isinstance(message, RequestMessage)
    params = signature_base.write_input(
        message_signature._written(components),
        created=int(NOW.timestamp()),
        keyid=PUBLIC.keyid,
        alg="ed25519",
        tag=message_signature.TAG,
        expires=int(NOW.timestamp()) + 60 if request else None,
        nonce="ab" * 16 if request else None,
    )
    base = message_signature._plain_base(message, components, params)
    return None if base is None else (params, base)


@settings(max_examples=300, deadline=None)
@given(message=requests)
def test_whatever_is_written_directly_is_what_the_library_writes(message: RequestMessage) -> None:
    written = direct(message, REQUEST_COMPONENTS)
    assert written is None or written == library(message, REQUEST_COMPONENTS)


@settings(max_examples=100, deadline=None)
@given(status=st.integers(100, 599), signature=st.text(min_size=1, max_size=20))
def test_of_a_response_too(status: int, signature: str) -> None:
    request = RequestMessage("GET", "domicile://request/", {"signature": signature})
    message = ResponseMessage(status, {"content-digest": DIGEST}, request)
    written = direct(message, RESPONSE_COMPONENTS)
    assert written is None or written == library(message, RESPONSE_COMPONENTS)


@pytest.mark.parametrize(
    "url",
    [
        "domicile://127.0.0.1:8300/v1/mailbox?after=12&wait=25",
        "domicile://coordinator.test/v1/jobs/0f3a",
        "domicile://coordinator:80/v1/log/proofs/inclusion?index=3&size=4",
    ],
)
def test_the_requests_of_every_day_are_plain(url: str) -> None:
    message = RequestMessage(
        "POST",
        url,
        {"content-digest": DIGEST, "content-type": "application/json", "domicile-scenario": "-"},
    )
    written = direct(message, REQUEST_COMPONENTS)
    assert written is not None
    assert written == library(message, REQUEST_COMPONENTS)


@pytest.mark.parametrize(
    "url",
    [
        "domicile://host/a%20b",
        "domicile://host/a/../b",
        "domicile://host//a",
        "domicile://[::1]:80/a",
        "domicile://host:080/a",
        "domicile://host/a?b=%2F",
        "domicile://host/a?b#c",
        "domicile://user@host/a",
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_left_to_the_library(url: str) -> None:
    fields = {"content-digest": DIGEST, "content-type": "y", "domicile-scenario": "-"}
    assert direct(RequestMessage("GET", url, fields), REQUEST_COMPONENTS) is None


@pytest.mark.parametrize("field", [" x", "x ", "x\ty", "x\ny", "é", ""])
def test_a_field_that_is_not_plain_text_is_left_to_the_library(field: str) -> None:
    fields = {"content-digest": DIGEST, "content-type": field, "domicile-scenario": "-"}
    assert direct(RequestMessage("GET", "domicile://host/a", fields), REQUEST_COMPONENTS) is None


def test_another_spelling_of_the_parameters_is_read_by_the_library_alone() -> None:
    fields = {"content-digest": DIGEST, "content-type": "y", "domicile-scenario": "-"}
    message = RequestMessage("GET", "domicile://host/a", fields)
    other = (
        '("@method" "@authority" "@path" "@query" "content-digest" "content-type" "domicile-scenario")'
        f';keyid="{PUBLIC.keyid}";created=1772600767;expires=1772600827;nonce="{"ab" * 16}"'
        f';tag="{message_signature.TAG}";alg="ed25519"'
    )
    base = message_signature._plain_base(message, REQUEST_COMPONENTS, other)
    assert base is not None
    signature = message_signature.base64.b64encode(KEY.sign(base)).decode()
    message.headers |= {"signature-input": f"domicile={other}", "signature": f"domicile=:{signature}:"}
    assert message_signature._verified_plain(message, KEYS) is None
    assert message_signature.verify(message, KEYS).parameters["created"] == 1772600767
