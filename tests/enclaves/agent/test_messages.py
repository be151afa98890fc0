"""What arrives between runs and at a plan: every message that does not hold is dropped, or refused with its own code."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from enclaves.agent.stages import Stage
from enclaves.protocols.sealing import seal
from enclaves.run.errors import RunRefused
from enclaves.transport.mailbox import Message
from enclaves.transport.sealed_mail import consent_info, part_info
from policies.documents import strict_json
from policies.documents.consent import Consent, Grant, pack
from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.job import Plan
from policies.log.entry import EntryType
from policies.resident import ResidentId
from tests.enclaves.agent.district import NAMES, NOW, Body, District, found, resident
from tests.enclaves.agent.relay import Line, entry
from tests.enclaves.worker.domain import part

PEOPLE = [resident(number) for number in range(3)]
ENCLAVE = "enclave-hospital"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), NAMES[:2])


def batch_of(district: District, packed: bytes, **changes: Any) -> Consent:
    head = Consent(
        id=f"batch-{secrets.token_hex(4)}",
        service="consents",
        scenario=district.scenario.digest,
        recipient="insurer",
        scope="score",
        count=len(packed) // 74,
        grants=hashlib.sha256(packed).hexdigest(),
        granted_at=instant_text(NOW),
    )
    return head.model_copy(update=changes)


def deliver(district: District, envelope: Envelope, packed: bytes, *, sealed_for: str = ENCLAVE) -> bool:
    """Mail a batch to one enclave; whether it is held afterwards."""
    keys = district.parties[ENCLAVE].sealing
    assert keys is not None
    sealed = seal(keys.public, packed, info=consent_info(envelope.digest, sealed_for))
    service = Line(district.relay, "consents")
    attachment = service.put_attachment(sealed, audience=(ENCLAVE,))
    service.send(ENCLAVE, "consent", {"consent": envelope.to_json()}, attachments=(attachment,))
    district.pump()
    return district.domains["hospital"].house.consents.holds(envelope.digest)


def packed_grants() -> bytes:
    expires = int((NOW + timedelta(days=9)).timestamp())
    return pack(
        [Grant(secrets.token_bytes(16), ResidentId(p), expires, secrets.token_bytes(32)) for p in PEOPLE]
    )


@pytest.mark.req("RQ-299")
def test_a_batch_is_held_only_if_head_seal_count_and_bytes_agree(district: District) -> None:
    packed, service = packed_grants(), district.parties["consents"].identity
    good = batch_of(district, packed)
    assert not deliver(district, good.envelope(district.parties["partner"].identity), packed)
    assert not deliver(district, batch_of(district, packed, count=2).envelope(service), packed)
    assert not deliver(district, batch_of(district, packed, grants="0" * 64).envelope(service), packed)
    other = batch_of(district, packed).envelope(service)
    assert not deliver(district, other, packed, sealed_for="enclave-social")
    assert not deliver(district, other, packed[:-1])
    assert deliver(district, other, packed)


def test_a_part_under_another_digest_or_department_is_not_stored(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    house = district.domains["hospital"].house
    before = house.parts.open(district.model.digest, district.model)
    keys = district.parties[ENCLAVE].sealing
    assert keys is not None
    line = Line(district.relay, "partner")
    for body, department in ((part("social"), "hospital"), (part("hospital", ("9", "9", "9")), "hospital")):
        info = part_info(district.model.digest, department, ENCLAVE)
        sealed = seal(keys.public, strict_json.canonical(body.to_body()), info=info)
        attachment = line.put_attachment(sealed, audience=(ENCLAVE,))
        message = {"model": district.model.digest, "department": department}
        line.send(ENCLAVE, "model-part", message, attachments=(attachment,))
    district.pump()
    assert house.parts.open(district.model.digest, district.model) == before


def test_a_part_that_leaves_out_a_default_is_not_stored(district: District) -> None:
    """It reads as the same part, and would have another digest than the one its metrics name."""
    body = part("hospital").to_body()
    del body["suite"]
    data = strict_json.canonical(body)
    held = district.model
    head = held.parts[0].model_copy(update={"digest": hashlib.sha256(data).hexdigest()})
    model = held.model_copy(update={"id": "other", "parts": (head, *held.parts[1:])})
    house, keys = district.domains["hospital"].house, district.parties[ENCLAVE].sealing
    assert keys is not None
    sealed = seal(keys.public, data, info=part_info(model.digest, "hospital", ENCLAVE))
    with pytest.raises(RunRefused, match="one spelling"):
        house.parts.add(model.digest, model, part=sealed, graph=None)


def unsigned(district: District, digest: str) -> None:
    """The coordinator serves a document without its signatures; its digest is the same."""
    held = district.relay.documents[digest]
    district.relay.documents[digest] = Envelope(held.payload_type, held.body)


def swapped(district: District, digest: str) -> None:
    """The coordinator serves another document under the digest asked for."""
    district.relay.documents[digest] = district.relay.documents[district.model.digest]


Change = Callable[[District, Plan], None]
TAMPERED: dict[str, tuple[Change, str]] = {
    "scenario unsigned": (lambda d, p: unsigned(d, p.scenario), "signatures_missing"),
    "authorization unsigned": (lambda d, p: unsigned(d, p.authorization or ""), "signatures_missing"),
    "model unsigned": (lambda d, p: unsigned(d, p.model), "signatures_missing"),
    "job unsigned": (lambda d, p: unsigned(d, p.job), "signatures_missing"),
    "scenario swapped": (lambda d, p: swapped(d, p.scenario), "document_mismatch"),
    "authorization swapped": (lambda d, p: swapped(d, p.authorization or ""), "document_mismatch"),
    "job swapped": (lambda d, p: swapped(d, p.job), "document_mismatch"),
}


@pytest.mark.req("RQ-030", "RQ-306")
@pytest.mark.parametrize("case", TAMPERED)
def test_a_tampered_document_refuses_the_run_with_its_code(district: District, case: str) -> None:
    change, code = TAMPERED[case]
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    kept = dict(district.relay.documents)
    try:
        change(district, plan)
        district.start(plan, body)
    finally:
        district.relay.documents = kept
    assert district.refusals(plan) == [code] * 2
    assert district.relay.said("bundle", plan.sid.hex()) == []


PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "gate": ({"gate_keyid": "ab" * 32}, "roster_mismatch"),
    "recipient key": ({"recipient_sealing_key": "ab" * 32}, "plan_mismatch"),
    "recipient": ({"recipient": "examiner"}, "plan_mismatch"),
    "expired": ({"expires_at": instant_text(NOW)}, "plan_expired"),
    "intent": ({"intent": 1}, "intent_missing"),
}


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_that_departs_from_its_job_is_refused(district: District, case: str) -> None:
    changes, code = PLANS[case]
    if case == "intent":
        changes = {"intent": district.log(entry(EntryType.DELIVERY, facts={"n": 1}))}
    job = district.job(district.consent(PEOPLE))
    plan, body = district.plan(job)
    plan = plan.model_copy(update=changes)
    body = {**body, "plan": plan.envelope(district.parties["coordinator"].identity).to_json()}
    district.start(plan, body)
    assert district.refusals(plan) == [code] * 2
    assert district.relay.said("bundle", plan.sid.hex()) == []


@pytest.mark.req("RQ-306")
def test_an_expired_job_and_a_stale_checkpoint_are_refused(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    ids = district.consent(PEOPLE)
    plan, body = district.plan(district.job(ids, expires_at=instant_text(NOW)))
    district.start(plan, body)
    late, body = district.plan(district.job(ids))
    district.clock.now += 601
    district.start(late, body)
    assert district.refusals(plan) == ["job_expired"] * 2
    assert district.refusals(late) == ["checkpoint_stale"] * 2


def test_a_data_set_declared_anew_needs_a_new_list(tmp_path: Path) -> None:
    """The scenario cites the declaration by digest; rows under another one are not its rows."""
    district = found(tmp_path, NAMES[:2])
    domain = district.domains["hospital"]
    held, other = domain.house.datasets()
    from policies.documents.dataset import Dataset

    changed = Dataset.read(held).model_copy(update={"version": 2})
    envelope = changed.envelope(district.parties["hospital"].identity)
    domain.agent._house = replace(domain.house, datasets=lambda: (envelope, other))
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    assert [m.sender for m in district.relay.said("refusal", plan.sid.hex())] == [ENCLAVE]
    assert district.refusals(plan) == ["dataset_changed"]


def test_a_plan_under_another_run_id_leaves_nothing_behind(district: District) -> None:
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    sessions = district.domains["hospital"].house.sessions
    for run in (None, "0" * 64, plan.sid.hex().upper()):
        district.relay.mail(ENCLAVE, "plan", body, run=run)
    district.pump()
    assert sessions.find(plan.sid) is None
    district.start(plan, body)
    session = sessions.find(plan.sid)
    assert session is not None
    assert session.stage == Stage.BUNDLED


@pytest.mark.parametrize("topic", ["bundles", "transcripts", "abort"])
def test_a_run_under_another_spelling_of_its_id_is_no_run(district: District, topic: str) -> None:
    """Looked up by bytes it would be this run, by text another: its row would end while its keys live on."""
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    run, domain = plan.sid.hex(), district.domains["hospital"]
    for spelled in (run.upper(), run + "\n", f"{run[:2]} {run[2:]}", f" {run}"):
        district.relay.mail(ENCLAVE, topic, {"items": []}, run=spelled)
    district.pump()
    session = domain.house.sessions.find(plan.sid)
    assert session is not None
    assert session.stage == Stage.BUNDLED
    assert run in domain.agent._live
    assert district.refusals(plan) == []


def test_a_message_that_breaks_its_handler_does_not_stop_the_mailbox(
    district: District, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("secret-value")

    agent = district.domains["hospital"].agent
    monkeypatch.setitem(agent._now, "consent", broken)
    agent.take(Message(1, "consents", "consent", None, {}, (), "2026-06-01T00:00:00Z"))
    assert "internal_error" in caplog.text
    assert "secret-value" not in caplog.text
    body: Body = {}
    monkeypatch.setitem(agent._now, "log", lambda _: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        agent.take(Message(2, "coordinator", "log", None, body, (), "2026-06-01T00:00:00Z"))


def test_a_graph_that_no_part_names_is_not_kept(district: District) -> None:
    house, model = district.domains["hospital"].house, district.model
    keys = district.parties[ENCLAVE].sealing
    assert keys is not None
    data = strict_json.canonical(part("hospital").to_body())
    sealed = seal(keys.public, data, info=part_info(model.digest, "hospital", ENCLAVE))
    with pytest.raises(RunRefused, match="exactly with an ONNX part"):
        house.parts.add(model.digest, model, part=sealed, graph=b"bytes that nobody would ever open")
