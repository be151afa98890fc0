"""The district's documents of every kind, in the order in which they come to be, with who signs each."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import district as d
import district_parties as parties

from policies.documents import strict_json
from policies.documents.document import Document
from policies.documents.halts import Revocation, Suspension
from policies.documents.job import HeKey, Job, Plan, Receipt, Release, TableRelease
from policies.documents.review import OutputReview
from policies.documents.run import Boot, Bundle, Contribution, Transcript, transcript_digest
from policies.documents.survivors import Agreement, Survivors, Unmasking

# A key of the hospital enclave's process, certified by its identity key in the `boot` document.
BOOT_LABEL = "hospital-enclave/boot-7"


@dataclass(frozen=True, slots=True)
class Signed:
    """A document and the labels of the parties that sign it."""

    document: Document
    signers: tuple[str, ...]


def all_documents() -> dict[str, Signed]:
    """One document of every kind; the metrics, the part and the data set shown are the hospital's."""
    datasets = tuple(d.dataset(source) for source in d.SOURCES)
    parts = tuple(d.linear_part(source) for source in d.SOURCES)
    overall = d.overall_authorization()
    scenario = d.scenario(overall.digest, datasets)
    model = d.model(scenario.digest, parts)
    vet_job = d.vet_job(scenario.digest, model.digest)
    metrics = tuple(d.vet_metrics(vet_job.digest, model.digest, part) for part in parts)
    bands = d.vet_bands(vet_job.digest, model.digest)
    cited = [*(metric.digest for metric in metrics), bands.digest]
    report = d.vetting_report(scenario.digest, model.digest, list(cited))
    filing = d.price_filing()
    authorization = d.authorization(scenario, model=model.digest, report=report.digest, filing=filing.digest)
    job = d.score_job(scenario.digest, authorization.digest, model.digest)
    he_key = _he_key(job)
    key = d.paillier_key(model.digest, scenario.digest)
    plan = _plan(job, he_key)
    boot = _boot()
    bundle = _bundle(plan, boot)
    transcript = _transcript(plan, bundle)
    release = _release(job, plan, model.bands)
    query = d.query(scenario.digest)
    table = _table_release(d.aggregate_job(scenario.digest, authorization.digest, query.digest))
    signed = (
        Signed(d.trust_root(), ("futian-agency", "futian-operator")),
        Signed(parties.party_document(parties.PARTIES[5]), ("hospital",)),
        Signed(datasets[1], ("hospital",)),
        Signed(overall, ("futian-agency", "futian-operator")),
        Signed(scenario, d.AGREED_BY),
        Signed(model, ("actuary-partner",)),
        Signed(parts[1], ("actuary-partner",)),
        Signed(query, ("actuary-partner",)),
        Signed(metrics[1], ("hospital-enclave",)),
        Signed(bands, ("gate",)),
        Signed(report, ("examiner",)),
        Signed(filing, ("futian-agency", "futian-operator")),
        Signed(authorization, d.AGREED_BY),
        Signed(d.consent(scenario.digest), ("consent-service",)),
        Signed(job, ("insurer-one",)),
        Signed(he_key, ("gate",)),
        Signed(key, ("gate",)),
        Signed(d.encrypted_weights(model, parts[1], key), ("examiner",)),
        Signed(plan, ("coordinator",)),
        Signed(boot, ("hospital-enclave",)),
        Signed(bundle, (BOOT_LABEL,)),
        Signed(transcript, (BOOT_LABEL,)),
        Signed(_contribution(bundle, transcript), (BOOT_LABEL,)),
        Signed(_survivors(plan), ("coordinator",)),
        Signed(_agreement(transcript), (BOOT_LABEL,)),
        Signed(_unmasking(transcript), (BOOT_LABEL,)),
        Signed(release, ("gate",)),
        Signed(table, ("gate",)),
        Signed(_output_review(table), ("examiner",)),
        Signed(_receipt(release), ("coordinator",)),
        Signed(_suspension(authorization.digest), ("hospital",)),
        Signed(_revocation(), ("consent-service",)),
    )
    return {item.document.kind: item for item in signed}


def _he_key(job: Job) -> HeKey:
    context = d.label_digest("public BFV context")
    return HeKey.from_body(
        {"id": "he-key-score-2026-04-01", "gate": "gate", "job": job.digest, "attempt": 1, "context": context}
    )


def _plan(job: Job, he_key: HeKey) -> Plan:
    return Plan.from_body(
        {
            "id": "plan-score-2026-04-01-1",
            "job": job.digest,
            "attempt": 1,
            "job_kind": "score",
            "scenario": job.scenario,
            "authorization": job.authorization,
            "model": job.model,
            "mode": "bfv",
            "roster": d.roster(),
            "gate": "gate",
            "gate_keyid": parties.keyid("gate"),
            "recipient": "insurer-one",
            "recipient_sealing_key": _insurer_key(),
            "subjects": job.to_body()["subjects"],
            "he_key": he_key.digest,
            "intent": 43,
            "expires_at": "2026-04-01T13:00:00Z",
        }
    )


def _boot() -> Boot:
    return Boot.from_body(
        {
            "id": "boot-hospital-enclave-7",
            "party": "hospital-enclave",
            "key": parties.public_base64(BOOT_LABEL),
            "started_at": "2026-03-30T22:00:00Z",
        }
    )


def _bundle(plan: Plan, boot: Boot) -> Bundle:
    return Bundle.from_body(
        {
            "id": "bundle-hospital",
            "run": plan.sid.hex(),
            "department": "hospital",
            "enclave": "hospital-enclave",
            "boot": boot.digest,
            "ephemeral_key": parties.x25519_base64("bundle-hospital"),
            # Three slots, all accepted: the three most significant bits of one byte.
            "accepts": hashlib.sha256(b"\xe0").hexdigest(),
        }
    )


def _transcript(plan: Plan, bundle: Bundle) -> Transcript:
    others = [d.label_digest(f"bundle of {name}") for name in ("health-enclave", "social-enclave")]
    return Transcript.from_body(
        {
            "id": "transcript-hospital",
            "run": plan.sid.hex(),
            "enclave": "hospital-enclave",
            "transcript": transcript_digest(plan.sid.hex(), [bundle.digest, *others]),
        }
    )


def _contribution(bundle: Bundle, transcript: Transcript) -> Contribution:
    return Contribution.from_body(
        {
            "id": "contribution-hospital",
            "run": bundle.run,
            "department": bundle.department,
            "enclave": bundle.enclave,
            "transcript": transcript.transcript,
            "permit": d.label_digest("permit of the hospital enclave"),
            "vectors": [d.label_digest("framed ciphertexts, chunk 0")],
            "receiver_key": None,
            "commitment": d.label_digest("commitment to the encoded input"),
        }
    )


def _survivors(plan: Plan) -> Survivors:
    return Survivors.from_body(
        {"id": "survivors-1", "run": plan.sid.hex(), "survivors": sorted(m.enclave for m in plan.roster)}
    )


def _agreement(transcript: Transcript) -> Agreement:
    return Agreement.from_body(
        {
            "id": "agreement-hospital",
            "run": transcript.run,
            "enclave": transcript.enclave,
            "transcript": transcript.transcript,
            "survivors": ["health-enclave", "hospital-enclave", "social-enclave"],
            "signature": _invented("signature over the set", 64),
        }
    )


def _unmasking(transcript: Transcript) -> Unmasking:
    return Unmasking.from_body(
        {
            "id": "unmasking-hospital",
            "run": transcript.run,
            "enclave": transcript.enclave,
            "transcript": transcript.transcript,
            "survivors": ["health-enclave", "hospital-enclave", "social-enclave"],
            "shares": _invented("shares sealed to the gate", 96),
        }
    )


def _invented(label: str, count: int) -> str:
    """Base64 of `count` bytes that stand for nothing."""
    return base64.b64encode((d.label_digest(label) * 4).encode()[:count]).decode()


def _insurer_key() -> str:
    return hashlib.sha256(parties.sealing_base64("insurer-one").encode()).hexdigest()


def _release(job: Job, plan: Plan, bands: int) -> Release:
    return Release.from_body(
        {
            "id": "release-score-2026-04-01-1",
            "gate": "gate",
            "run": plan.sid.hex(),
            "job": job.digest,
            "authorization": job.authorization,
            "model": job.model,
            "recipient": "insurer-one",
            "recipient_sealing_key": _insurer_key(),
            "bands": bands,
            "sealed": {
                "count": 3,
                "wrap": "c2VhbGVkIGNvbnRlbnQga2V5",
                "root": d.label_digest("root of the sealed slots"),
                "slots": d.label_digest("sealed slots"),
                "expires_at": "2026-07-01T00:00:00Z",
            },
            "issued_at": "2026-04-01T01:05:00Z",
        }
    )


def _table_release(job: Job) -> TableRelease:
    return TableRelease.from_body(
        {
            "id": "table-2026-04-01-1",
            "gate": "gate",
            "run": d.label_digest("run of the aggregate job"),
            "job": job.digest,
            "authorization": job.authorization,
            "query": job.query,
            "recipient": "insurer-one",
            "recipient_sealing_key": _insurer_key(),
            "cells": 4,
            "report": d.label_digest("disclosure report"),
            "sealed": {
                "sha256": d.label_digest("sealed table"),
                "size": 2048,
                "expires_at": "2026-07-01T00:00:00Z",
            },
            "review": True,
            "reviewers": [{"reviewer": "examiner", "sha256": d.label_digest("table sealed to the examiner")}],
            "issued_at": "2026-04-01T01:05:00Z",
        }
    )


def _output_review(table: TableRelease) -> OutputReview:
    return OutputReview.from_body(
        {
            "id": "review-table-1-examiner",
            "reviewer": "examiner",
            "release": table.digest,
            "finding": "approve",
            "reason": d.two(
                "各格人数充足，无个人信息", "Every cell holds enough persons and nothing about anybody"
            ),
            "reviewed_at": "2026-04-01T03:00:00Z",
        }
    )


def _receipt(release: Release) -> Receipt:
    return Receipt.from_body(
        {
            "id": "receipt-0001",
            "operator": "futian-operator",
            "recipient": "insurer-one",
            "authorization": release.authorization,
            "deliveries": strict_json.digest([{"release": release.digest, "slot": 1}]),
            "units": 1,
            "unit_price": "0.90",
            "currency": "CNY",
            "delivered_at": "2026-04-02T03:04:05Z",
        }
    )


def _suspension(authorization: str) -> Suspension:
    return Suspension.from_body(
        {
            "id": "suspension-hospital-1",
            "target": {"kind": "authorization", "digest": authorization},
            "by": "hospital",
            "reason": d.two("就诊数据质量复核", "The quality of the visit data is being reviewed"),
            "at": "2026-05-01T00:00:00Z",
        }
    )


def _revocation() -> Revocation:
    return Revocation.from_body(
        {
            "id": "withdrawals-2026-05-02",
            "target": "consent",
            "digests": [d.grants()[2].commitment],
            "by": "consent-service",
            "reason": d.two("本人撤回同意", "Withdrawn by the data subject"),
            "at": "2026-05-02T00:00:00Z",
        }
    )
