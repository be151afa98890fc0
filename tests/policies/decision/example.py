"""The paper district of tests/vectors/documents as cases: every document signed, every count in order, and amendable.

`papers(scenario={…}, …)` amends bodies before the documents that cite them are made, so that one change meets the decision
alone; `unsigned={"scenario": {"hospital"}}` leaves signatures out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from policies.aggregate.question import Asked, asked_of, columns_asked
from policies.authorization import data_list_digest
from policies.decision import Action, Case, columns_of, expected_roster, sealing_key_digest
from policies.documents.authorization import Authorization, OverallAuthorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.envelope import Envelope
from policies.documents.job import Job, Plan, Release, TableRelease
from policies.documents.model import LinearPart, Model
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.trust import TrustRoot
from policies.documents.vetting import VetBands, VetMetrics, VettingReport
from policies.errors import PolicyError
from policies.halts import Halts
from policies.vetting import judge, verdict

sys.path.insert(0, str(Path(__file__).parents[2] / "vectors" / "documents"))
import district
import district_documents
import district_parties

NOW = datetime(2026, 4, 1, 2, 0, 0, tzinfo=UTC)
VARIANCES = {
    "claims": "25.0",
    "paid_yuan": "2250000",
    "visits": "16.0",
    "inpatient_days": "2.25",
    "months_paid": "1.00",
}
AGGREGATING = {Action.ADMIT_AGGREGATE, Action.AGGREGATE, Action.RELEASE_CELLS}
Amendments = Mapping[str, Any]
D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """All documents of one scenario and the envelopes they travel in (`envelopes` by kind; data sets by department)."""

    trust: TrustRoot
    datasets: tuple[Dataset, ...]
    parts: tuple[LinearPart, ...]
    overall: OverallAuthorization
    scenario: Scenario
    model: Model
    metrics: tuple[VetMetrics, ...]
    bands: VetBands
    report: VettingReport
    price: PriceFiling
    authorization: Authorization
    job: Job
    vet_job: Job
    plan: Plan
    vet_plan: Plan
    release: Release
    query: Query
    aggregate_job: Job
    aggregate_plan: Plan
    table: TableRelease
    key: PaillierKey
    weights: tuple[EncryptedWeights, ...]
    envelopes: Mapping[str, Envelope]


def amended(document: D, changes: Amendments | None) -> D:
    """The document with members of its body replaced."""
    return type(document).from_body({**document.to_body(), **(changes or {})})


def signed(document: Document, *labels: str) -> Envelope:
    return document.envelope(*(district_parties.private_key(label) for label in labels))


@cache
def whole() -> Papers:
    """The papers as they should be."""
    return papers()


def papers(
    *,
    unsigned: Mapping[str, set[str]] | None = None,
    paillier: bool = False,
    **changes: Amendments,
) -> Papers:
    """The papers with `changes` by document name; see `Papers` for the names. `paillier` permits and asks for that mode."""
    if paillier:
        modes = {"modes": ["masked", "bfv", "paillier"]}
        changes = {**changes, "scenario": {**modes, **changes.get("scenario", {})}}
    trust = amended(district.trust_root(), changes.get("trust"))
    datasets = tuple(
        amended(district.dataset(s), changes.get(f"dataset_{s.department}")) for s in district.SOURCES
    )
    parts = tuple(
        amended(district.linear_part(s), changes.get(f"part_{s.department}")) for s in district.SOURCES
    )
    overall = amended(district.overall_authorization(), changes.get("overall"))
    scenario = amended(district.scenario(overall.digest, datasets), changes.get("scenario"))
    model = amended(district.model(scenario.digest, parts), changes.get("model"))
    key = amended(district.paillier_key(model.digest, scenario.digest), changes.get("key"))
    weights = tuple(
        amended(district.encrypted_weights(model, part, key), changes.get(f"weights_{part.department}"))
        for part in parts
    )
    cited = {
        "key": key.digest,
        "weights": [{"department": item.department, "digest": item.digest} for item in weights],
    }
    asks: Amendments = {"mode": "paillier", "encryption": cited} if paillier else {"mode": "masked"}
    vet_job = amended(district.vet_job(scenario.digest, model.digest), asks)
    vet_job = amended(vet_job, changes.get("vet_job"))
    metrics = tuple(_metrics(vet_job, model, part) for part in parts)
    bands = amended(district.vet_bands(vet_job.digest, model.digest), {"counts": [1200, 2150, 980, 310, 55]})
    report = amended(_report(scenario, model, parts, metrics=metrics, bands=bands), changes.get("report"))
    price = amended(district.price_filing(), changes.get("price"))
    authorization = amended(
        district.authorization(scenario, model=model.digest, report=report.digest, filing=price.digest),
        {
            "data_list": data_list_digest(scenario),
            "roster": [member.model_dump(mode="json") for member in expected_roster(scenario, trust) or ()],
            **({"modes": ["masked", "bfv", "paillier"], "encryption": cited} if paillier else {}),
            **changes.get("authorization", {}),
        },
    )
    job = amended(district.score_job(scenario.digest, authorization.digest, model.digest), asks)
    job = amended(job, changes.get("job"))
    plan = amended(_plan(job, trust, authorization.roster), changes.get("plan"))
    vet_plan = amended(_plan(vet_job, trust, authorization.roster), changes.get("vet_plan"))
    release = amended(district_documents._release(job, plan, model.bands), changes.get("release"))
    query = amended(district.query(scenario.digest), changes.get("query"))
    aggregate_job = amended(
        district.aggregate_job(scenario.digest, authorization.digest, query.digest),
        changes.get("aggregate_job"),
    )
    asked = _asked(query, aggregate_job, scenario=scenario, datasets=datasets)
    lanes = 1 if asked is None or asked.layout is None else asked.layout.lanes
    roster = [member for member in authorization.roster if member.department in query.departments]
    aggregate_plan = amended(
        _plan(aggregate_job, trust, tuple(roster), lanes=lanes), changes.get("aggregate_plan")
    )
    table = amended(_table(aggregate_job, aggregate_plan), changes.get("table"))
    made = {
        "overall": (overall, ("futian-agency", "futian-operator")),
        "scenario": (scenario, district.AGREED_BY),
        "model": (model, ("actuary-partner",)),
        "report": (report, ("examiner",)),
        "price": (price, ("futian-agency", "futian-operator")),
        "authorization": (authorization, district.AGREED_BY),
        "job": (job, (job.submitter,)),
        "vet_job": (vet_job, (vet_job.submitter,)),
        "plan": (plan, ("coordinator",)),
        "vet_plan": (vet_plan, ("coordinator",)),
        "release": (release, ("gate",)),
        "query": (query, ("actuary-partner",)),
        "aggregate_job": (aggregate_job, (aggregate_job.submitter,)),
        "aggregate_plan": (aggregate_plan, ("coordinator",)),
        "table": (table, ("gate",)),
        "key": (key, ("gate",)),
        **{f"weights_{item.department}": (item, ("examiner",)) for item in weights},
        **{f"dataset_{item.owner}": (item, (item.owner,)) for item in datasets},
    }
    envelopes = {
        name: signed(document, *(s for s in signers if s not in (unsigned or {}).get(name, ())))
        for name, (document, signers) in made.items()
    }
    return Papers(
        trust=trust,
        datasets=datasets,
        parts=parts,
        overall=overall,
        scenario=scenario,
        model=model,
        metrics=metrics,
        bands=bands,
        report=report,
        price=price,
        authorization=authorization,
        job=job,
        vet_job=vet_job,
        plan=plan,
        vet_plan=vet_plan,
        release=release,
        query=query,
        aggregate_job=aggregate_job,
        aggregate_plan=aggregate_plan,
        table=table,
        key=key,
        weights=weights,
        envelopes=envelopes,
    )


def case_for(
    action: Action, of: Papers | None = None, *, department: str = "hospital", **changes: Any
) -> Case:
    """A case in which everything speaks for `action`, in the place where it is decided; `changes` replace its fields."""
    of = of or whole()
    if action in AGGREGATING or action is Action.DELIVER_TABLE:
        return _aggregate_case(action, of, department=department, changes=changes)
    vet = action in {Action.ADMIT_VET, Action.VET, Action.RELEASE_BANDS}
    run = action in {Action.SCORE, Action.VET, Action.RELEASE, Action.RELEASE_BANDS}
    enclave = action in {Action.SCORE, Action.VET}
    job_name = "vet_job" if vet else "job"
    job = of.vet_job if vet else of.job
    deliver = action is Action.DELIVER
    part = next(part for part in of.parts if part.department == department)
    dataset = next(item for item in of.datasets if item.owner == department)
    fields: dict[str, Any] = {
        "trust": of.trust,
        "now": datetime(2026, 3, 3, 2, 0, 0, tzinfo=UTC) if vet else NOW,
        "actor": "insurer-one" if deliver else job.submitter,
        "halts": Halts(),
        "department": department if enclave else None,
        "job": None if deliver else of.envelopes[job_name],
        "plan": of.envelopes["vet_plan" if vet else "plan"] if run else None,
        "scenario": of.envelopes["scenario"],
        "authorization": None if vet else of.envelopes["authorization"],
        "overall": of.envelopes["overall"],
        "model": of.envelopes["model"],
        "report": None if vet else of.envelopes["report"],
        "price": None if vet else of.envelopes["price"],
        "key": of.envelopes["key"] if job.encryption and not deliver else None,
        "weights": tuple(of.envelopes[f"weights_{item.department}"] for item in of.weights)
        if job.encryption and not deliver
        else (),
        "datasets": (of.envelopes[f"dataset_{department}"],) if enclave else (),
        "releases": (of.envelopes["release"],) if deliver else (),
        "columns": columns_of(part, dataset) if enclave else None,
        "intent_included": True if run else None,
        "checkpoint_size": 60 if run else None,
        "checkpoint_age_s": 5 if run else None,
        "runs_used": 0,
        "slots_accepted": 3,
        "fetches_used": 0,
    }
    return Case(**{**fields, **changes})


def _aggregate_case(action: Action, of: Papers, *, department: str, changes: Mapping[str, Any]) -> Case:
    run = action in {Action.AGGREGATE, Action.RELEASE_CELLS}
    enclave, deliver = action is Action.AGGREGATE, action is Action.DELIVER_TABLE
    listed = tuple(of.envelopes[f"dataset_{item.owner}"] for item in of.datasets)
    asked = _asked(of.query, of.aggregate_job, scenario=of.scenario, datasets=of.datasets)
    readable = asked is not None and asked.layout is not None
    fields: dict[str, Any] = {
        "trust": of.trust,
        "now": NOW,
        "actor": "insurer-one" if deliver else of.aggregate_job.submitter,
        "halts": Halts(),
        "department": department if enclave else None,
        "job": None if deliver else of.envelopes["aggregate_job"],
        "plan": of.envelopes["aggregate_plan"] if run else None,
        "scenario": of.envelopes["scenario"],
        "authorization": of.envelopes["authorization"],
        "overall": of.envelopes["overall"],
        "price": of.envelopes["price"],
        "query": None if deliver else of.envelopes["query"],
        "listed": () if deliver else listed,
        "datasets": (of.envelopes[f"dataset_{department}"],) if enclave else (),
        "releases": (of.envelopes["table"],) if deliver else (),
        "columns": columns_asked(asked, department) if enclave and asked is not None and readable else None,
        "intent_included": True if run else None,
        "checkpoint_size": 60 if run else None,
        "checkpoint_age_s": 5 if run else None,
        "runs_used": 0,
        "slots_accepted": 1,
        "fetches_used": 0,
    }
    return Case(**{**fields, **changes})


def _asked(query: Query, job: Job, *, scenario: Scenario, datasets: tuple[Dataset, ...]) -> Asked | None:
    """The question; None where it cannot be read, which the decision must find out for itself."""
    try:
        return asked_of(query, job.parameters, scenario=scenario, datasets=datasets)
    except PolicyError:
        return None


def _table(job: Job, plan: Plan) -> TableRelease:
    body = district_documents._table_release(job).to_body()
    return TableRelease.from_body(
        {**body, "run": plan.sid.hex(), "recipient_sealing_key": plan.recipient_sealing_key}
    )


def _metrics(job: Job, model: Model, part: LinearPart) -> VetMetrics:
    features = [
        district.feature_metric(f.column, variance=VARIANCES.get(f.column, "1.00")) for f in part.features
    ]
    return amended(district.vet_metrics(job.digest, model.digest, part), {"features": features})


def _report(
    scenario: Scenario,
    model: Model,
    parts: tuple[LinearPart, ...],
    *,
    metrics: tuple[VetMetrics, ...],
    bands: VetBands,
) -> VettingReport:
    checks = judge(model, parts, metrics=metrics, bands=bands)
    cited = [*(item.digest for item in metrics), bands.digest]
    return amended(
        district.vetting_report(scenario.digest, model.digest, list(cited)),
        {"checks": [check.model_dump(mode="json") for check in checks], "verdict": str(verdict(checks))},
    )


def _plan(job: Job, trust: TrustRoot, roster: tuple[Any, ...], *, lanes: int | None = None) -> Plan:
    recipient, gate = trust.party(job.recipient), trust.party("gate")
    known_kind = job.job_kind if job.job_kind in {"score", "vet", "aggregate"} else "score"
    authorization = None if known_kind == "vet" else (job.authorization or job.scenario)
    return Plan.from_body(
        {
            "id": f"plan-{job.id}-1",
            "job": job.digest,
            "attempt": 1,
            "job_kind": known_kind,
            "scenario": job.scenario,
            "authorization": authorization,
            "model": job.model,
            "mode": str(job.mode),
            "encryption": None if job.encryption is None else job.encryption.model_dump(mode="json"),
            "roster": [member.model_dump(mode="json") for member in roster],
            "gate": "gate",
            "gate_keyid": gate.key.keyid if gate else "0" * 64,
            "recipient": job.recipient,
            "recipient_sealing_key": (sealing_key_digest(recipient) if recipient else None) or "0" * 64,
            "query": job.query,
            "subjects": None if job.subjects is None else job.subjects.model_dump(mode="json"),
            "lanes": lanes,
            "he_key": "0" * 64 if job.mode == "bfv" else None,
            "intent": 43,
            "expires_at": job.expires_at,
        }
    )
