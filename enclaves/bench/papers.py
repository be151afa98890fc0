"""An aggregate's admission on paper: all the documents a coordinator decides on, made and signed for one bench run.

One department, one partner, one insurer; the parties' keys are drawn here and protect nothing.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from enclaves.bench.people import DEPARTMENT, visits
from enclaves.bench.questions import TIMED
from policies.authorization import data_list_digest
from policies.decision import Case, expected_roster, sealing_key_digest
from policies.documents.authorization import Authorization, Clause, OverallAuthorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.job import Job
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.strict_json import Json
from policies.documents.trust import Role, TrustRoot
from policies.halts import Halts

NOW: Final = datetime.fromisoformat("2026-06-01T09:00:00+00:00")
_TERM: Final[Json] = {"not_before": "2026-01-01T00:00:00Z", "not_after": "2028-01-01T00:00:00Z"}
_PARTIES: Final[tuple[tuple[str, Role, str | None], ...]] = (
    ("operator", Role.OPERATOR, None),
    ("coordinator", Role.COORDINATOR, "operator"),
    ("agency", Role.AGENCY, None),
    ("examiner", Role.EXAMINER, "agency"),
    ("gate", Role.GATE, "agency"),
    (DEPARTMENT, Role.DEPARTMENT, None),
    ("enclave", Role.ENCLAVE, DEPARTMENT),
    ("partner", Role.PARTNER, None),
    ("insurer", Role.INSURER, None),
    ("consent-service", Role.CONSENT_SERVICE, None),
    ("authority", Role.AUTHORITY, None),
)
_SEALED_TO: Final = frozenset({Role.EXAMINER, Role.GATE, Role.ENCLAVE, Role.INSURER})
_AGREED_BY: Final = (DEPARTMENT, "agency", "operator", "partner")


def admission_case() -> Case:
    """A case in which everything speaks for the admission of an aggregate."""
    keys = {party: Ed25519PrivateKey.generate() for party, _, _ in _PARTIES}
    trust = _trust(keys)
    dataset = visits(50_000_000)
    overall, price = _overall(), _price()
    scenario = _scenario(dataset, overall)
    authorization = _authorization(scenario, trust=trust, price=price)
    query = _query(scenario)
    job = _job(scenario, authorization, query)

    def signed(document: Document, *signers: str) -> Envelope:
        return document.envelope(*(keys[signer] for signer in signers))

    return Case(
        trust=trust,
        now=NOW,
        actor=job.submitter,
        halts=Halts(),
        job=signed(job, "partner"),
        scenario=signed(scenario, *_AGREED_BY),
        authorization=signed(authorization, *_AGREED_BY),
        overall=signed(overall, "agency", "operator"),
        price=signed(price, "agency", "operator"),
        query=signed(query, "partner"),
        listed=(signed(dataset, DEPARTMENT),),
        runs_used=0,
        slots_accepted=1,
        fetches_used=0,
    )


def _trust(keys: dict[str, Ed25519PrivateKey]) -> TrustRoot:
    entries: list[Json] = [
        {
            "id": party,
            "role": role.value,
            "owner": owner,
            "name": _two(party),
            "identity_key": _text(keys[party].public_key().public_bytes_raw()),
            "sealing_key": _text(_sealing_key()) if role in _SEALED_TO else None,
            "document": _digest(party),
        }
        for party, role, owner in _PARTIES
    ]
    return TrustRoot.from_body(
        {
            "id": "bench",
            "version": 1,
            "district": _two("bench"),
            "log": {
                "origin": "log.bench/evidence",
                "key": _text(Ed25519PrivateKey.generate().public_key().public_bytes_raw()),
            },
            "parties": entries,
            "witnesses": ["enclave", "gate"],
            "quorum": 2,
            "term": _TERM,
        }
    )


def _overall() -> OverallAuthorization:
    return OverallAuthorization.from_body(
        {
            "id": "overall",
            "agency": "agency",
            "operator": "operator",
            "agreement_number": "1",
            "clauses": [clause.value for clause in Clause],
            "services": ["platform operation"],
            "term": _TERM,
        }
    )


def _scenario(dataset: Dataset, overall: OverallAuthorization) -> Scenario:
    cited: dict[str, Json] = {"department": dataset.owner, "dataset": dataset.id}
    lines: list[Json] = [
        {**cited, "column": column.name, "use": use.value}
        for column in dataset.columns
        for use in column.uses
    ]
    return Scenario.from_body(
        {
            "id": "scenario",
            "version": 1,
            "title": _two("bench"),
            "purpose": {"code": "bench", "text": _two("bench"), "purpose_class": "commercial"},
            "partner": "partner",
            "recipients": ["insurer"],
            "datasets": [{**cited, "digest": dataset.digest}],
            "data_list": lines,
            "modes": ["masked"],
            "consent": {"service": "consent-service"},
            "limits": {"vet_jobs": 10, "score_jobs": 500, "fetches": 1_000_000},
            "price_class": "class",
            "pre_assessment": {
                "assessor": "assessor",
                "assessed_at": "2026-01-01T00:00:00Z",
                "report": _digest("assessment"),
            },
            "overall": overall.digest,
            "term": _TERM,
        }
    )


def _authorization(scenario: Scenario, *, trust: TrustRoot, price: PriceFiling) -> Authorization:
    insurer = trust.party("insurer")
    roster: list[Json] = [member.model_dump(mode="json") for member in expected_roster(scenario, trust) or ()]
    return Authorization.from_body(
        {
            "id": "authorization",
            "version": 1,
            "scenario": scenario.digest,
            "overall": scenario.overall,
            "model": None,
            "vetting_report": None,
            "price_filing": price.digest,
            "queries": {"free": True, "templates": [], "limits": []},
            "data_list": data_list_digest(scenario),
            "job_kinds": ["aggregate"],
            "modes": ["masked"],
            "roster": roster,
            "gate": "gate",
            "recipients": [
                {"party": "insurer", "sealing_key": sealing_key_digest(insurer) if insurer else None}
            ],
            "gate_sees_totals": True,
            "min_log_size": 1,
            "term": _TERM,
        }
    )


def _price() -> PriceFiling:
    return PriceFiling.from_body(
        {
            "id": "price",
            "price_class": "class",
            "product": _two("bench"),
            "usage_form": "report",
            "currency": "CNY",
            "cap": "1.20",
            "price": "0.90",
            "assessment": _digest("cost"),
            "filings": [{"authority": "authority", "number": "1"}],
            "term": _TERM,
        }
    )


def _query(scenario: Scenario) -> Query:
    return Query.from_body(
        {
            "id": "query",
            "partner": "partner",
            "scenario": scenario.digest,
            "title": _two("bench"),
            "parts": [{"department": DEPARTMENT, "sql": TIMED[1].sql}],
            "parameters": [],
            "groups": None,
            "format": "json",
            "rho": None,
        }
    )


def _job(scenario: Scenario, authorization: Authorization, query: Query) -> Job:
    return Job.from_body(
        {
            "id": "job",
            "job_kind": "aggregate",
            "submitter": "partner",
            "purpose": scenario.purpose.code,
            "scenario": scenario.digest,
            "authorization": authorization.digest,
            "model": None,
            "query": query.digest,
            "parameters": [],
            "mode": "masked",
            "subjects": None,
            "recipient": "insurer",
            "submitted_at": "2026-06-01T08:00:00Z",
            "expires_at": "2026-06-01T20:00:00Z",
        }
    )


def _sealing_key() -> bytes:
    """A public key for sealing: ML-KEM-768, then X25519."""
    return (
        MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
        + X25519PrivateKey.generate().public_key().public_bytes_raw()
    )


def _two(text: str) -> Json:
    return {"zh": text, "en": text}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()
