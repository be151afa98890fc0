"""Whatever is sent to the JSON requests, the answer is one clear problem with a stable code, and nothing has changed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.store.tables import METADATA
from tests.enclaves.transport.test_fuzz import lines
from tests.sandbox.inside import Inside, inside
from tests.sandbox.papers import agree, consents

# What each request's body looks like, as members with values of the right and the wrong kind.
ENVELOPE = {"payload": "e30=", "payloadType": "application/vnd.domicile.job+json", "signatures": []}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/v1/documents": ("partner", {"envelope": ENVELOPE}),
    "/v1/consents": ("consents", {"consent": ENVELOPE, "items": []}),
    "/v1/mailboxes/coordinator": (
        "enclave-hospital",
        {"topic": "bundle", "run": "ab" * 32, "body": {}, "attachments": []},
    ),
    "/v1/jobs": ("partner", {"job": ENVELOPE}),
    "/v1/scores/fetch": ("insurer", {"authorization": "ab" * 32, "consents": ["ab" * 16]}),
    "/v1/log/cosignatures": ("gate", {"size": 1, "line": "— gate AAAA\n"}),
}
CODES = {400: {"malformed"}, 403: None, 404: {"not_found"}}
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["ab" * 32, "ab" * 16, "", "\ud800", "0" * 64, "../x", "e30="]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("fuzz"))) as site:
        consents(site, agree(site), 2)
        yield site


def check_problem(site: Inside, name: str, path: str, body: bytes, *, method: str = "POST") -> None:
    """The answer is a problem with a code of its status; no row was written, but for the refusal it may have logged."""
    before = site.state()
    answer = site.ask(name, method, path, body)
    assert answer.status_code in CODES, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    assert "\n" not in problem["detail"]
    allowed = CODES[answer.status_code]
    assert allowed is None or problem["code"] in allowed
    after = site.state()
    for table in METADATA.tables:
        if table not in {"nonces", "answers", "witnesses", "messages"}:
            assert after.get(table) == before.get(table), table


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(REQUESTS)), st.data())
def test_a_crooked_body_gives_a_problem_and_changes_nothing(
    site: Inside, path: str, data: st.DataObject
) -> None:
    name, whole = REQUESTS[path]
    body: Any = dict(whole)
    match data.draw(st.sampled_from(["member", "extra", "missing", "other", "inner"])):
        case "member":
            member = data.draw(st.sampled_from(sorted(body)))
            body[member] = data.draw(VALUES.filter(lambda value: value != whole[member]))
        case "extra":
            body[data.draw(st.text(min_size=1, max_size=8).filter(lambda key: key not in whole))] = 1
        case "missing":
            del body[data.draw(st.sampled_from(sorted(body)))]
        case "other":
            body = data.draw(VALUES)
        case "inner":
            member = data.draw(st.sampled_from(sorted(body)))
            if isinstance(body[member], dict):
                body[member] = {**body[member], data.draw(st.text(max_size=12)): data.draw(VALUES)}
            elif isinstance(body[member], list):
                body[member] = [data.draw(VALUES)]
    check_problem(site, name, path, json.dumps(body).encode())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(REQUESTS)), st.binary(max_size=64))
def test_bytes_that_are_no_json_object_give_a_problem(site: Inside, path: str, body: bytes) -> None:
    check_problem(site, REQUESTS[path][0], path, body)


@pytest.mark.parametrize(
    "body", [b'{"job":1,"job":2}', b'{"job":NaN}', b"[" * 10_000, b'{"job":"\\ud800"}', b""]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/documents"])
def test_json_that_can_be_read_in_two_ways_is_refused(site: Inside, path: str, body: bytes) -> None:
    check_problem(site, REQUESTS[path][0], path, body)


NUMBERS = ("-1", "x", "", "1.5", str(2**63), str(10**40), "NaN")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/mailbox?after={}",
        "/v1/documents?after={}",
        "/v1/log/checkpoint?min_size={}",
        "/v1/log/entries?start={}&end=1",
        "/v1/log/entries?start=0&end={}",
        "/v1/log/proofs/inclusion?index={}&size=1",
        "/v1/log/proofs/inclusion?index=0&size={}",
        "/v1/log/proofs/consistency?old={}&new=1",
        "/v1/usage?period=2026-11&after={}",
    ],
)
def test_a_number_out_of_range_is_refused_everywhere(site: Inside, path: str, number: str) -> None:
    check_problem(site, "agency", path.format(number), b"", method="GET")


def test_a_cursor_out_of_range_does_not_stop_the_clock(site: Inside) -> None:
    site.ask("partner", "GET", f"/v1/mailbox?after={10**30}")
    site.tick()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/documents/xyz",
        "/v1/documents/" + "ab" * 32,
        "/v1/jobs/" + "ab" * 32,
        "/v1/jobs/" + "AB" * 32,
        "/v1/attachments/" + "ab" * 32,
        "/v1/attachments/..%2f..%2fkeys.json",
        "/v1/usage?period=2026-13",
        "/v1/usage",
        "/v1/consents?scenario=x&recipient=y",
        "/v1/schemas/nothing",
        "/v1/nowhere",
    ],
)
def test_what_is_not_there_or_not_named_well_is_a_problem(site: Inside, path: str) -> None:
    check_problem(site, "agency", path, b"", method="GET")


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_a_write_without_a_usable_idempotency_key_is_malformed(site: Inside, key: str) -> None:
    request = site.signed("gate", "POST", "/v1/mailboxes/gate", b'{"topic":"note","body":{}}')
    request.headers["idempotency-key"] = key
    answer = site.web.send(request)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_body_beyond_the_cap_is_refused(site: Inside) -> None:
    large = b'{"job":"' + b"a" * (4 * 1024 * 1024) + b'"}'
    check_problem(site, "partner", "/v1/jobs", large)


def sent_with_mutants(site: Inside, *, count: int, seed: int) -> int:
    """Requests whose fields were changed on the way: refused as nobody's, or malformed, and nothing has changed."""
    chance, refused = random.Random(seed), 0
    before = site.state()
    for _ in range(count):
        request = site.signed("gate", "POST", "/v1/mailboxes/gate", b'{"topic":"note","body":{},"run":7}')
        changed = lines(tuple(request.headers.multi_items()), chance)
        try:
            request.headers = httpx.Headers(
                [(name.encode("ascii"), value.encode("latin-1")) for name, value in changed]
            )
        except UnicodeEncodeError:
            continue
        answer = site.web.send(request)
        assert answer.status_code in {400, 401, 404, 413, 415}, (answer.status_code, answer.text, changed)
        assert answer.headers["content-type"] == "application/problem+json"
        refused += answer.status_code == 401
    after = site.state()
    assert {table for table in after if after[table] != before[table]} <= {"answers"}
    return refused


def test_mutated_fields_of_a_signed_request_authenticate_nobody(site: Inside) -> None:
    assert sent_with_mutants(site, count=120, seed=1) > 40


@pytest.mark.long
def test_mutated_fields_of_a_signed_request_authenticate_nobody_in_five_thousand(site: Inside) -> None:
    assert sent_with_mutants(site, count=5_000, seed=2) > 1_500
