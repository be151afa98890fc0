"""A model's parts go sealed to their own domain and to the examiner, who judges the whole of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from enclaves.protocols.errors import SealBroken
from enclaves.protocols.sealing import open_sealed, seal
from enclaves.transport.endpoint import Endpoint
from enclaves.transport.party import sealing_key
from enclaves.transport.sealed_mail import graph_info, part_info
from policies.authorization import check_signed
from policies.documents import strict_json
from policies.documents.model import LinearPart, Model, OnnxInput, OnnxPart
from policies.documents.vetting import (
    FeatureMetric,
    GraphMetric,
    Leak,
    Sweep,
    Verdict,
    VetBands,
    VetMetrics,
    VettingReport,
)
from policies.vetting import REQUIRED_CHECKS
from sandbox.client import Examiner, Partner
from sandbox.client.errors import InputMalformed, NothingYet, TookTooLong
from sandbox.client.submission import pack_ids
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.sandbox.client.paper import DEPARTMENTS, Signed, model, scenario

Open = Callable[[str], Endpoint]
HEAD, PARTS = model(scenario().digest)


@pytest.fixture
def partner(signed: Signed, endpoint: Open, coordinator: LittleCoordinator) -> Partner:
    envelope = signed.scenario()
    coordinator.documents[envelope.digest] = envelope
    return Partner(endpoint("partner"), signed.district.keys("partner"))


@pytest.fixture
def examiner(signed: Signed, endpoint: Open, tmp_path: Path) -> Examiner:
    return Examiner(endpoint("examiner"), signed.district.keys("examiner"), folder=tmp_path)


def test_each_part_opens_for_its_own_enclave_and_for_nobody_else(
    partner: Partner, signed: Signed, coordinator: LittleCoordinator
) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)

    for department, part in zip(DEPARTMENTS, PARTS, strict=True):
        enclave = f"{department}-enclave"
        (message,) = coordinator.mail[enclave]
        assert message["body"] == {"model": digest, "department": department}
        sealed, readers = coordinator.attachments[message["attachments"][0]]
        assert readers == {"partner", enclave}
        key = signed.district.keys(enclave).sealing
        assert key is not None
        plain = open_sealed(key, sealed, info=part_info(digest, department, enclave))
        assert plain == strict_json.canonical(part.to_body())
        with pytest.raises(SealBroken):
            open_sealed(key, sealed, info=graph_info(digest, department, enclave))
        gate = signed.district.keys("gate").sealing
        assert gate is not None
        with pytest.raises(SealBroken):
            open_sealed(gate, sealed, info=part_info(digest, department, enclave))


def test_the_coordinator_never_holds_a_weight(partner: Partner, coordinator: LittleCoordinator) -> None:
    partner.seal_and_submit_model(HEAD, PARTS)

    held = b"".join(data for data, _ in coordinator.attachments.values())
    held += b"".join(envelope.body for envelope in coordinator.documents.values())
    assert b"1.25" not in held
    assert b"weight" not in held


def test_parts_that_are_not_the_heads_are_not_sent(partner: Partner, coordinator: LittleCoordinator) -> None:
    other = PARTS[0].model_copy(update={"id": "other"})
    for parts, graphs in (
        (PARTS[:2], {}),
        ((other, *PARTS[1:]), {}),
        ((*PARTS, PARTS[0]), {}),
        (PARTS, {"hospital": b"graph"}),
    ):
        with pytest.raises(InputMalformed):
            partner.seal_and_submit_model(HEAD, parts, graphs)
    assert coordinator.mail == {}
    assert coordinator.attachments == {}


@pytest.mark.parametrize(("part", "reader"), [(PARTS[0], LinearPart)], ids=["linear"])
def test_the_examiner_collects_every_part_once(
    partner: Partner, examiner: Examiner, part: LinearPart, reader: type[LinearPart]
) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)

    assert examiner.collect() == [digest]
    assert examiner.collect() == []
    assert examiner.parts(digest) == list(PARTS)


def test_an_onnx_part_brings_its_graph(partner: Partner, examiner: Examiner) -> None:
    graph = b"a graph"
    onnx = OnnxPart(
        id="part-hospital",
        department="hospital",
        dataset="visits",
        inputs=(OnnxInput(column="cost", low="0", high="1", fill="0"),),
        graph=hashlib.sha256(graph).hexdigest(),
    )
    heads = [
        p.model_copy(update={"digest": onnx.digest}) if p.department == "hospital" else p for p in HEAD.parts
    ]
    head = HEAD.model_copy(update={"parts": tuple(heads)})

    digest = partner.seal_and_submit_model(head, (PARTS[0], onnx, PARTS[2]), {"hospital": graph})
    examiner.collect()

    assert examiner.parts(digest)[1] == onnx
    assert examiner.graph(digest, "hospital") == graph
    with pytest.raises(NothingYet):
        examiner.graph(digest, "health-insurance")


def test_mail_that_does_not_count_is_left_aside(
    partner: Partner, examiner: Examiner, endpoint: Open, signed: Signed
) -> None:
    digest = partner.submit_document(HEAD).digest
    public = sealing_key(signed.district.trust.party("examiner"), "the examiner")
    good = strict_json.canonical(PARTS[1].to_body())
    info = part_info(digest, "hospital", "examiner")
    body: dict[str, strict_json.Json] = {"model": digest, "department": "hospital"}

    def mail(sender: str, data: bytes, sent: dict[str, strict_json.Json], *, label: bytes = info) -> None:
        line = endpoint(sender)
        attachment = line.put_attachment(seal(public, data, info=label), audience=("examiner",))
        line.send("examiner", "model-part", sent, attachments=(attachment,))

    mail("insurer", good, body)
    mail("partner", good, body, label=part_info(digest, "hospital", "gate"))
    mail("partner", strict_json.canonical(PARTS[0].to_body()), body)
    mail("partner", b"[", body)
    mail("partner", good, {"model": "ab" * 32, "department": "hospital"})
    mail("partner", good, {"model": "no digest", "department": "hospital"})
    mail("partner", good, {"model": digest, "department": "../x"})
    mail("partner", good, {"model": digest})
    endpoint("partner").send("examiner", "model-part", body)
    endpoint("partner").send("examiner", "model-part", body, attachments=["ab" * 32])

    assert examiner.collect() == []
    mail("partner", good, body)
    assert examiner.collect() == [digest]


def findings(signed: Signed, coordinator: LittleCoordinator, *, variances: tuple[str, str], job: str) -> None:
    """What enclaves and gate post after a vet job."""
    for part in PARTS:
        metrics = VetMetrics(
            id=f"metrics-{part.department}",
            enclave=f"{part.department}-enclave",
            department=part.department,
            job=job,
            model=HEAD.digest,
            part=part.digest,
            persons=2000,
            variance="1",
            unique="0.1",
            finite=True,
            graph=None,
            features=tuple(
                FeatureMetric(
                    column=f.column,
                    persons=2000,
                    variance=v,
                    sensitive=True,
                    distinct="0.01",
                    effect=v,
                    raw_information="0.4",
                    sweep=Sweep(levels=2, span=1),
                    leaks=(Leak(share="1", spearman="0.6", information="0.2", gain="0.1"),),
                )
                for f, v in zip(part.features, variances, strict=True)
            ),
        )
        envelope = signed.by(metrics, f"{part.department}-enclave")
        coordinator.documents[envelope.digest] = envelope
    bands = VetBands(
        id="bands", gate="gate", job=job, model=HEAD.digest, persons=2000, counts=(600, 700, 700)
    )
    envelope = signed.by(bands, "gate")
    coordinator.documents[envelope.digest] = envelope


def vet_job(signed: Signed, coordinator: LittleCoordinator) -> str:
    job = signed.job([b"1" * 16]).model_copy(
        update={"job_kind": "vet", "authorization": None, "recipient": "examiner", "model": HEAD.digest}
    )
    envelope = signed.by(job, "partner")
    coordinator.documents[envelope.digest] = envelope
    return envelope.digest


def test_an_honest_model_passes_and_a_hidden_feature_does_not(
    partner: Partner, examiner: Examiner, signed: Signed, coordinator: LittleCoordinator
) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)
    examiner.collect()
    with pytest.raises(NothingYet):
        examiner.judge(digest)
    job = vet_job(signed, coordinator)
    findings(signed, coordinator, variances=("2", "3"), job=job)

    report = examiner.judge(digest)

    assert report.verdict is Verdict.PASS
    stored = coordinator.documents[report.digest]
    check_signed(stored, VettingReport.read(stored), signed.district.trust)
    assert len(report.metrics) == 4
    assert {check.check for check in report.checks} == REQUIRED_CHECKS


@pytest.mark.req("RQ-289")
def test_a_graph_that_may_not_run_is_rejected_by_a_signed_report(
    partner: Partner, examiner: Examiner, signed: Signed, coordinator: LittleCoordinator
) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)
    job = vet_job(signed, coordinator)
    graph = GraphMetric(
        faults=("v11", "v12"),
        nodes=1,
        constant_bytes=0,
        parameters=0,
        largest_table=0,
        trees=0,
        depth=0,
        small_leaf=None,
        row_independent=None,
    )
    feature = FeatureMetric(
        column="cost",
        persons=2000,
        variance="1",
        sensitive=True,
        distinct=None,
        effect=None,
        raw_information=None,
        sweep=None,
        leaks=(),
    )
    metrics = VetMetrics(
        id="metrics",
        enclave="hospital-enclave",
        department="hospital",
        job=job,
        model=digest,
        part=PARTS[1].digest,
        persons=2000,
        variance=None,
        unique=None,
        finite=None,
        graph=graph,
        features=(feature,),
    )
    envelope = signed.by(metrics, "hospital-enclave")
    coordinator.documents[envelope.digest] = envelope

    report = examiner.judge(digest, accept_overrides=True)

    assert report.verdict is Verdict.REJECT
    assert report.metrics == (metrics.digest,)
    assert {check.check for check in report.checks} == REQUIRED_CHECKS
    refused = {check.check for check in report.checks if check.figure != "not measured"}
    assert refused == {"v11", "v12"}


def test_metrics_of_another_than_the_enclave_do_not_count(
    partner: Partner, examiner: Examiner, signed: Signed, coordinator: LittleCoordinator
) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)
    examiner.collect()
    findings(signed, coordinator, variances=("2", "3"), job=vet_job(signed, coordinator))
    forged = next(e for e in coordinator.documents.values() if e.kind == "vet-metrics")
    metrics = VetMetrics.read(forged)
    coordinator.documents[forged.digest] = signed.by(metrics, "partner")

    with pytest.raises(Exception, match="vet-metrics"):
        examiner.judge(digest)


def test_subjects_are_ids_in_slot_order_each_once() -> None:
    ids = [f"{number:032x}" for number in (3, 1, 2)]
    assert pack_ids(ids) == b"".join(bytes.fromhex(one) for one in ids)
    for wrong in ([], ["xy"], ["ab"], ["ab" * 16, "ab" * 16]):
        with pytest.raises(InputMalformed):
            pack_ids(wrong)


def test_a_job_names_its_subjects_and_only_enclaves_and_recipient_read_them(
    partner: Partner, coordinator: LittleCoordinator
) -> None:
    taken: list[dict[str, object]] = []

    def take(call: object) -> object:
        taken.append(call.json)  # type: ignore[attr-defined]  # a Call
        return {"job": "ab" * 32, "state": "submitted"}

    coordinator.routes[("POST", "/v1/jobs")] = take
    ids = [f"{number:032x}" for number in range(5)]
    digest = scenario().digest

    partner.submit_job(digest, model="cd" * 32, consents=ids, recipient="insurer", authorization="ef" * 32)
    partner.submit_vet_job(digest, model="cd" * 32, consents=ids[:2])

    scored, vetted = (
        coordinator.attachments[hashlib.sha256(pack_ids(some)).hexdigest()] for some in (ids, ids[:2])
    )
    enclaves = {f"{department}-enclave" for department in DEPARTMENTS}
    assert scored == (pack_ids(ids), enclaves | {"partner", "insurer"})
    assert vetted == (pack_ids(ids[:2]), enclaves | {"partner"})
    assert len(taken) == 2


def test_waiting_ends_with_the_job_or_with_patience(partner: Partner, coordinator: LittleCoordinator) -> None:
    states = iter(["keys", "opening", "done"])
    status = {"job": "ab" * 32, "attempt": 1, "reason": None, "progress": [], "releases": []}
    coordinator.routes[("GET", "/v1/jobs/([0-9a-f]{64})")] = lambda *_: status | {"state": next(states)}
    told: list[str] = []

    ended = partner.wait("ab" * 32, lambda s: told.append(s.state), every=0.01)

    assert ended.state == "done"
    assert told == ["keys", "opening", "done"]
    coordinator.routes[("GET", "/v1/jobs/([0-9a-f]{64})")] = lambda *_: status | {"state": "keys"}
    with pytest.raises(TookTooLong):
        partner.wait("ab" * 32, seconds=0.02, every=0.01)


def test_a_models_head_is_what_was_posted(partner: Partner) -> None:
    digest = partner.seal_and_submit_model(HEAD, PARTS)
    assert partner.document(Model, digest) == HEAD
