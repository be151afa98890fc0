"""The first rooms over the real server: documents, attachments, mailboxes, log."""

from __future__ import annotations

import time

import httpx
import pytest

from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.documents.fields import Bilingual
from policies.documents.halts import HaltedDocument, Suspension, SuspensionTarget
from policies.documents.strict_json import Json
from policies.documents.trust import PartyDocument, Role
from policies.keys import public_key
from policies.log.entry import Entry
from policies.log.merkle import check_inclusion, leaf_hash
from policies.log.note import Note, check_signature, cosign
from tests.sandbox.kit import DEPARTMENTS, WITNESSES, Site, both, key_of


def party_document(name: str) -> PartyDocument:
    return PartyDocument(
        id=name,
        name=both(name),
        role=Role.PARTNER,
        responsible="someone",
        identity_key=public_key(key_of(name)).to_base64(),
    )


@pytest.mark.req("RQ-316")
def test_an_attachment_is_read_by_owner_and_audience_only(site: Site) -> None:
    sha256 = site.endpoint("enclave-hospital").put_attachment(b"masked words", audience=["gate"])
    assert site.endpoint("gate").get_attachment(sha256) == b"masked words"
    assert site.endpoint("enclave-hospital").get_attachment(sha256) == b"masked words"
    for stranger in ("partner", "insurer", "enclave-social", "operator"):
        with pytest.raises(NotFound):
            site.endpoint(stranger).get_attachment(sha256)


def test_a_forbidden_attachment_looks_like_a_missing_one(site: Site) -> None:
    sha256 = site.endpoint("enclave-hospital").put_attachment(b"private")
    with pytest.raises(NotFound) as forbidden:
        site.endpoint("partner").get_attachment(sha256)
    with pytest.raises(NotFound) as missing:
        site.endpoint("partner").get_attachment("0" * 64)
    assert forbidden.value.problem.detail.replace(sha256[:16], "") == missing.value.problem.detail.replace(
        "0" * 16, ""
    )


def test_a_document_gathers_signatures_and_is_logged_when_first_stored(site: Site) -> None:
    envelope = party_document("partner").envelope(key_of("partner"))
    posted = site.endpoint("partner").post_document(envelope)
    again = site.endpoint("agency").post_document(envelope)
    assert posted == again
    assert posted.signers == ("partner",)
    entry = Entry.parse(site.endpoint("auditor").entries(posted.index or 0, (posted.index or 0) + 1)[0])
    assert entry.digests == {"party": envelope.digest}
    assert entry.actor == "partner"


def test_a_document_without_its_signer_is_refused_and_the_refusal_logged(site: Site) -> None:
    log = site.endpoint("auditor")
    with pytest.raises(Refused, match="signatures_missing"):
        site.endpoint("insurer").post_document(party_document("partner").envelope(key_of("insurer")))
    time.sleep(1.3)
    size = log.latest().size
    entry = Entry.parse(log.entries(size - 1, size)[0])
    assert (entry.type, entry.actor, entry.facts["code"]) == ("refusal", "insurer", "signatures_missing")


def test_a_document_in_another_spelling_is_malformed(site: Site) -> None:
    envelope = party_document("partner").envelope(key_of("partner"))
    with pytest.raises(Malformed):
        site.endpoint("partner").post_json("/v1/documents", {"envelope": envelope.to_json(), "more": 1})
    with pytest.raises(Malformed):
        site.endpoint("partner").post_json("/v1/documents", {"envelope": {"payload": "x"}})


def test_a_message_waits_for_its_recipient_and_wakes_a_long_poll(site: Site) -> None:
    gate = site.endpoint("gate")
    last = max((message.seq for message in gate.receive()), default=0)
    sent = site.endpoint("enclave-hospital").send("gate", "bundle", {"a": 1}, run="ab" * 32)
    received = gate.receive(last, 5)
    assert [(m.seq, m.sender, m.topic, m.run, m.body) for m in received if m.topic == "bundle"] == [
        (sent, "enclave-hospital", "bundle", "ab" * 32, {"a": 1})
    ]


def test_a_message_of_a_run_is_said_once(site: Site) -> None:
    hospital = site.endpoint("enclave-hospital")
    first = hospital.send("gate", "transcript", {"a": 1}, run="cd" * 32)
    assert hospital.send("gate", "transcript", {"a": 1}, run="cd" * 32) == first


def test_the_same_idempotency_key_gets_the_first_answer_and_never_another_request(site: Site) -> None:
    hospital = site.endpoint("enclave-hospital")
    body: dict[str, Json] = {"topic": "note", "run": None, "body": {"n": 1}, "attachments": []}
    first = hospital.post_json("/v1/mailboxes/gate", body, idempotency_key="k1")
    assert hospital.post_json("/v1/mailboxes/gate", body, idempotency_key="k1") == first
    with pytest.raises(Malformed, match="idempotency_conflict"):
        hospital.post_json("/v1/mailboxes/gate", body | {"topic": "other"}, idempotency_key="k1")
    assert site.endpoint("insurer").post_json("/v1/mailboxes/gate", body, idempotency_key="k1") != first


def test_a_head_is_served_once_a_quorum_has_cosigned_it(site: Site) -> None:
    auditor = site.endpoint("auditor")
    note = auditor.latest()
    key = public_key(key_of("log")).raw
    head = check_signature(Note.parse(note.note), origin=site.trust.log.origin, log_key=key)
    for witness in WITNESSES[:3]:
        with pytest.raises(NotFound):
            auditor.checkpoint(head.size)
        line = cosign(head, key_of(witness), name=witness, at=int(time.time()))
        site.endpoint(witness).post_cosignature(head.size, line)
    assert auditor.checkpoint(head.size).size >= head.size
    leaf = leaf_hash(auditor.entries(0, 1)[0])
    check_inclusion(leaf, 0, size=head.size, path=auditor.inclusion(0, head.size), root=head.root)


def test_nobody_cosigns_for_another(site: Site) -> None:
    note = site.endpoint("auditor").latest()
    key = public_key(key_of("log")).raw
    head = check_signature(Note.parse(note.note), origin=site.trust.log.origin, log_key=key)
    line = cosign(head, key_of("gate"), name="gate", at=int(time.time()))
    with pytest.raises(Malformed):
        site.endpoint("enclave-social").post_cosignature(head.size, line)
    with pytest.raises(Refused):
        site.endpoint("partner").post_cosignature(head.size, line)


@pytest.mark.req("RQ-319")
def test_a_suspension_is_logged_checkpointed_and_mailed_at_once(site: Site) -> None:
    suspension = Suspension(
        id="stop-1",
        target=HaltedDocument(kind=SuspensionTarget.PARTY, party="other-insurer"),
        by="agency",
        reason=Bilingual(zh="停", en="stop"),
        at="2026-11-24T00:00:00Z",
    )
    posted = site.endpoint("agency").post_document(suspension.envelope(key_of("agency")))
    latest = site.endpoint("auditor").latest()
    entries = [Entry.parse(e) for e in site.endpoint("auditor").entries(posted.index or 0, latest.size)]
    assert [e.target.id for e in entries if e.target] == ["other-insurer"]


def test_a_department_cannot_suspend_a_party_it_is_not(site: Site) -> None:
    suspension = Suspension(
        id="stop-2",
        target=HaltedDocument(kind=SuspensionTarget.PARTY, party="insurer"),
        by=DEPARTMENTS[0],
        reason=Bilingual(zh="停", en="stop"),
        at="2026-11-24T00:00:00Z",
    )
    with pytest.raises(Refused, match="halt_not_allowed"):
        site.endpoint(DEPARTMENTS[0]).post_document(suspension.envelope(key_of(DEPARTMENTS[0])))


def test_an_unsigned_request_is_not_authenticated(site: Site) -> None:
    answer = httpx.get(f"{site.url}/v1/log/latest")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


def test_the_interface_describes_itself_and_its_health(site: Site) -> None:
    paths = httpx.get(f"{site.url}/openapi.json").json()["paths"]
    assert {"/v1/documents", "/v1/mailbox", "/v1/log/checkpoint"} <= set(paths)
    assert httpx.get(f"{site.url}/healthz").json() == {"status": "ok"}
    assert "domicile_log_entries" in httpx.get(f"{site.url}/metrics").text
    assert httpx.get(f"{site.url}/v1/nothing").json()["code"] == "not_found"
