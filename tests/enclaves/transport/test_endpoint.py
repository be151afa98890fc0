"""Each request of docs/protocol.md: sent as it says, read as it says, and refused when the answer has another form."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from enclaves.transport.endpoint import Endpoint, FetchedSlot, FetchRefused, NotFound
from enclaves.transport.errors import ResponseRefused, TransportError
from enclaves.transport.jobs import ConsentItem
from policies.documents.fields import Bilingual
from policies.documents.halts import HaltedDocument, Suspension, SuspensionTarget
from sandbox.founding import FoundedDistrict
from tests.enclaves.transport.little_coordinator import LittleCoordinator

Open = Callable[..., Endpoint]
A, B = "aa" * 32, "bb" * 32


def suspension(number: int) -> Suspension:
    return Suspension(
        id=f"stop-{number}",
        target=HaltedDocument(kind=SuspensionTarget.PARTY, party="partner"),
        by="agency",
        reason=Bilingual(zh="停", en="stop"),
        at="2026-03-04T05:06:07Z",
    )


def test_documents_are_posted_found_and_listed_over_pages(endpoint: Open, founded: FoundedDistrict) -> None:
    agency, key = endpoint("agency"), founded.keys("agency").identity
    documents = [suspension(number) for number in range(5)]
    for document in documents:
        posted = agency.post_document(document.envelope(key))
        assert posted.digest == document.digest
        assert posted.signers == ("agency",)

    found = list(endpoint("partner").documents("suspension"))

    assert [line.digest for line in found] == [document.digest for document in documents]
    assert found[0].id == "stop-0"
    assert Suspension.read(agency.get_document(documents[2].digest)) == documents[2]


def test_signatures_of_two_parties_are_merged(endpoint: Open, founded: FoundedDistrict) -> None:
    document = suspension(1)
    endpoint("agency").post_document(document.envelope(founded.keys("agency").identity))

    posted = endpoint("operator").post_document(document.envelope(founded.keys("operator").identity))

    assert posted.signers == ("agency", "operator")


def test_an_attachment_is_for_its_audience_only(endpoint: Open) -> None:
    sha256 = endpoint("partner").put_attachment(b"sealed", audience=("gate", "examiner"))

    assert endpoint("gate").get_attachment(sha256) == b"sealed"
    with pytest.raises(NotFound):
        endpoint("insurer").get_attachment(sha256)


def test_an_attachment_above_the_limit_is_not_sent(endpoint: Open) -> None:
    with pytest.raises(TransportError, match="at most"):
        endpoint("partner").put_attachment(bytes(16 * 1024 * 1024 + 64 * 1024 + 1))


def test_other_bytes_than_those_asked_for_are_refused(endpoint: Open, coordinator: LittleCoordinator) -> None:
    sha256 = endpoint("partner").put_attachment(b"sealed")
    coordinator.attachments[sha256] = (b"other", {"partner"})

    with pytest.raises(ResponseRefused):
        endpoint("partner").get_attachment(sha256)


def test_consents_are_registered_in_pages_under_their_scenario(
    endpoint: Open, coordinator: LittleCoordinator, founded: FoundedDistrict
) -> None:
    items = [ConsentItem(f"{number:032x}", 2_000_000_000, A) for number in range(1201)]
    head = suspension(1).envelope(founded.keys("consent-service").identity)

    assert endpoint("consent-service").register_consents(head, items, scenario=B) == 1201
    assert len(coordinator.consents) == 1201
    assert {verified.scenario for _, _, verified, _ in coordinator.calls} == {B}


def _others(coordinator: LittleCoordinator, method: str, path: str) -> dict[Any, Any]:
    return {route: handler for route, handler in coordinator.routes.items() if route != (method, path)}


def answer(coordinator: LittleCoordinator, method: str, path: str, value: object) -> None:
    coordinator.routes = {(method, path): lambda *_: value, **_others(coordinator, method, path)}


def test_a_fetch_reads_sealed_and_refused_slots(
    endpoint: Open, coordinator: LittleCoordinator, founded: FoundedDistrict
) -> None:
    envelope = suspension(1).envelope(founded.keys("gate").identity)
    value = {
        "results": [
            {
                "consent": "c1",
                "status": "sealed",
                "release": A,
                "slot": 4,
                "sealed": base64.b64encode(b"x" * 24).decode(),
                "proof": [A, B],
            },
            {"consent": "c2", "status": "refused", "code": "consent_withdrawn"},
        ],
        "releases": {A: envelope.to_json()},
        "receipt": None,
    }
    answer(coordinator, "POST", "/v1/scores/fetch", value)

    fetched = endpoint("insurer").fetch_scores(B, ["c1", "c2"], scenario=A)

    assert fetched.results[0] == FetchedSlot("c1", A, 4, b"x" * 24, (bytes.fromhex(A), bytes.fromhex(B)))
    assert fetched.results[1] == FetchRefused("c2", "consent_withdrawn")
    assert fetched.releases[A] == envelope
    assert fetched.receipt is None


@pytest.mark.parametrize("count", [0, 1001])
def test_a_fetch_of_none_or_too_many_is_not_sent(endpoint: Open, count: int) -> None:
    with pytest.raises(TransportError, match="1 to 1000"):
        endpoint("insurer").fetch_scores(A, ["00"] * count)


def test_a_job_tells_state_steps_and_reason(endpoint: Open, coordinator: LittleCoordinator) -> None:
    value = {
        "job": A,
        "state": "refused",
        "attempt": 1,
        "reason": {"code": "purpose_mismatch"},
        "progress": [{"at": "2026-03-04T05:06:07Z", "step": "intent"}],
        "releases": [B],
    }
    answer(coordinator, "GET", "/v1/jobs/[0-9a-f]{64}", value)

    status = endpoint("partner").job(A)

    assert (status.state, status.attempt, status.releases) == ("refused", 1, (B,))
    assert status.progress[0].step == "intent"
    assert status.reason == {"code": "purpose_mismatch"}


def test_the_log_is_read_as_notes_entries_and_paths(endpoint: Open, coordinator: LittleCoordinator) -> None:
    answer(coordinator, "GET", "/v1/log/checkpoint", {"note": "n\n", "size": 7})
    answer(coordinator, "GET", "/v1/log/entries", {"entries": [base64.b64encode(b"{}").decode()]})
    answer(coordinator, "GET", "/v1/log/proofs/inclusion", {"proof": [A]})
    answer(coordinator, "POST", "/v1/log/cosignatures", {"size": 7})
    line = endpoint("gate")

    assert line.checkpoint(3).size == 7
    assert line.entries(0, 1) == [b"{}"]
    assert line.inclusion(0, 7) == [bytes.fromhex(A)]
    assert line.post_cosignature(7, "line") == 7


JOB = {"job": A, "state": "x", "attempt": 0, "reason": None, "progress": [], "releases": []}
BROKEN: list[tuple[str, str, object, Callable[[Endpoint], object]]] = [
    ("GET", "/v1/mailbox", {"messages": {}}, lambda e: e.receive()),
    ("GET", "/v1/mailbox", {"messages": [1]}, lambda e: e.receive()),
    ("GET", "/v1/mailbox", {"messages": [{}]}, lambda e: e.receive()),
    ("GET", "/v1/mailbox", b"[]", lambda e: e.receive()),
    ("GET", "/v1/mailbox", b'{"messages": [], "messages": []}', lambda e: e.receive()),
    ("GET", "/v1/mailbox", b"\xff", lambda e: e.receive()),
    ("GET", "/v1/documents/.*", {"envelope": None}, lambda e: e.get_document(A)),
    ("GET", "/v1/documents", {"items": [], "next": []}, lambda e: list(e.documents("job"))),
    ("GET", "/v1/jobs/.*", {**JOB, "attempt": "0"}, lambda e: e.job(A)),
    ("GET", "/v1/jobs/.*", {**JOB, "releases": ["x"]}, lambda e: e.job(A)),
    ("GET", "/v1/jobs/.*", {**JOB, "progress": [{"at": 1, "step": "s"}]}, lambda e: e.job(A)),
    ("GET", "/v1/log/entries", {"entries": ["%"]}, lambda e: e.entries(0, 1)),
    ("GET", "/v1/log/proofs/inclusion", {"proof": ["A0"]}, lambda e: e.inclusion(0, 1)),
    ("GET", "/v1/log/latest", {"note": 1, "size": 1}, lambda e: e.latest()),
    ("POST", "/v1/scores/fetch", {"results": [], "releases": []}, lambda e: e.fetch_scores(A, ["c"])),
    ("POST", "/v1/documents", {"digest": A, "signers": [], "index": 1}, lambda e: e.post_document(ENVELOPE)),
]
ENVELOPE = suspension(9).envelope()


@pytest.mark.parametrize(("method", "path", "value", "ask"), BROKEN)
def test_an_answer_of_another_form_is_refused(
    endpoint: Open,
    coordinator: LittleCoordinator,
    method: str,
    path: str,
    value: Any,
    ask: Callable[[Endpoint], object],
) -> None:
    answer(coordinator, method, path, value)

    with pytest.raises(ResponseRefused):
        ask(endpoint("auditor"))


def test_the_trust_root_is_taken_only_if_it_is_the_pinned_one(
    endpoint: Open, coordinator: LittleCoordinator, founded: FoundedDistrict
) -> None:
    envelope = founded.config("auditor").trust_envelope()
    coordinator.documents["trust-root"] = envelope
    assert endpoint("auditor").trust_root() == envelope

    coordinator.documents["trust-root"] = suspension(1).envelope()
    with pytest.raises(ResponseRefused, match="pinned"):
        endpoint("auditor").trust_root()
