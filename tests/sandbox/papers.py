"""The signed documents of one scenario, small and whole: what a score job needs to be allowed."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from policies.authorization import data_list_digest
from policies.documents.authorization import (
    Authorization,
    Clause,
    ConsentBasis,
    DatasetCitation,
    JobKind,
    Limits,
    ListedColumn,
    Mode,
    OverallAuthorization,
    PreAssessment,
    Purpose,
    PurposeClass,
    Recipient,
    RosterMember,
    Scenario,
)
from policies.documents.consent import Consent, commitment
from policies.documents.dataset import Use
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.job import Job, Subjects
from policies.documents.model import Model, PartHead
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.vetting import Check, Verdict, VettingReport
from policies.keys import public_key
from policies.vetting import REQUIRED_CHECKS
from tests.sandbox.kit import DEPARTMENTS, SEALING, TERM, Site, both, key_of

AGREED = (*DEPARTMENTS, "agency", "operator", "partner")
CUT_POINTS = (10, 20, 30)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def signed(document: Document, *names: str) -> Envelope:
    return document.envelope(*(key_of(name) for name in names))


@dataclass(frozen=True)
class Papers:
    """Everything agreed for one scenario, posted to a site."""

    scenario: Scenario
    model: Model
    filing: PriceFiling
    authorization: Authorization

    def job(self, consent_ids: list[bytes], **changes: object) -> Job:
        now = datetime.now(UTC)
        body = {
            "id": f"job-{secrets.token_hex(4)}",
            "job_kind": "score",
            "submitter": "partner",
            "purpose": self.scenario.purpose.code,
            "scenario": self.scenario.digest,
            "authorization": self.authorization.digest,
            "model": self.model.digest,
            "mode": "masked",
            "subjects": Subjects(
                count=len(consent_ids), sha256=hashlib.sha256(b"".join(consent_ids)).hexdigest()
            ).model_dump(),
            "recipient": "insurer",
            "submitted_at": instant_text(now),
            "expires_at": instant_text(now + timedelta(hours=1)),
        }
        return Job.from_body({**body, **changes})  # type: ignore[dict-item]  # changes are JSON by use


def agree(
    site: Site,
    *,
    name: str = "claims",
    limits: Limits | None = None,
    purpose_class: PurposeClass = PurposeClass.COMMERCIAL,
    price: str = "1.25",
) -> Papers:
    """Sign and post overall authorization, scenario, model, report, price and authorization."""
    overall = OverallAuthorization(
        id="overall",
        agency="agency",
        operator="operator",
        agreement_number="2026-1",
        clauses=tuple(Clause),
        services=("hosting",),
        term=TERM,
    )
    scenario = _scenario(overall, name, limits, purpose_class)
    model = _model(scenario)
    report = _report(scenario, model)
    filing = PriceFiling(
        id=f"price-{name}",
        price_class=scenario.price_class,
        product=both("score"),
        usage_form=UsageForm.API_CALL,
        currency="CNY",
        cap="2.00",
        price=price,
        assessment=digest_of("assessment"),
        filings=(Filing(authority="price-office", number="1"),),
        term=TERM,
    )
    authorization = Authorization(
        id=f"authorization-{name}",
        version=1,
        scenario=scenario.digest,
        overall=overall.digest,
        model=model.digest,
        vetting_report=report.digest,
        price_filing=filing.digest,
        data_list=data_list_digest(scenario),
        job_kinds=(JobKind.SCORE,),
        modes=(Mode.MASKED, Mode.BFV),
        roster=tuple(
            RosterMember(
                department=name, enclave=f"enclave-{name}", keyid=public_key(key_of(f"enclave-{name}")).keyid
            )
            for name in DEPARTMENTS
        ),
        gate="gate",
        recipients=(Recipient(party="insurer", sealing_key=digest_of(SEALING)),),
        gate_sees_totals=False,
        min_log_size=0,
        term=TERM,
    )
    poster = site.endpoint("operator")
    for envelope in (
        signed(overall, "agency", "operator"),
        signed(scenario, *AGREED),
        signed(model, "partner"),
        signed(report, "examiner"),
        signed(filing, "operator", "agency"),
        signed(authorization, *AGREED),
    ):
        poster.post_document(envelope)
    return Papers(scenario, model, filing, authorization)


def consents(site: Site, papers: Papers, count: int, *, recipient: str = "insurer") -> list[Registered]:
    """Register `count` fresh consents and return them."""
    grants = [Registered(secrets.token_bytes(16), int(time.time()) + 86400) for _ in range(count)]
    head = Consent(
        id=f"consents-{secrets.token_hex(4)}",
        service="consents",
        scenario=papers.scenario.digest,
        recipient=recipient,
        scope="claims",
        count=count,
        grants=digest_of(secrets.token_hex(8)),
        granted_at=instant_text(datetime.now(UTC)),
    )
    items = [
        {"id": grant.id.hex(), "expires_at": grant.expires_at, "commitment": grant.commitment}
        for grant in grants
    ]
    for start in range(0, count, 500):
        body = {"consent": signed(head, "consents").to_json(), "items": items[start : start + 500]}
        site.endpoint("consents").post_json("/v1/consents", body)  # type: ignore[arg-type]  # JSON by construction
    return grants


@dataclass(frozen=True)
class Registered:
    """What the coordinator is told of a consent."""

    id: bytes
    expires_at: int

    @property
    def commitment(self) -> str:
        return commitment(self.id, hashlib.sha256(self.id).digest())


def _scenario(
    overall: OverallAuthorization, name: str, limits: Limits | None, purpose_class: PurposeClass
) -> Scenario:
    return Scenario(
        id=f"scenario-{name}",
        version=1,
        title=both("claims"),
        purpose=Purpose(code="claims", text=both("claims"), purpose_class=purpose_class),
        partner="partner",
        recipients=("insurer", "other-insurer"),
        datasets=tuple(
            DatasetCitation(department=d, dataset="rows", digest=digest_of(f"{d} rows")) for d in DEPARTMENTS
        ),
        data_list=tuple(
            ListedColumn(department=d, dataset="rows", column=column, use=use)
            for d in DEPARTMENTS
            for column, use in (("person", Use.PERSON), ("value", Use.FEATURE))
        ),
        modes=(Mode.MASKED, Mode.BFV),
        consent=ConsentBasis(service="consents"),
        limits=limits or Limits(vet_jobs=10, score_jobs=1000, fetches=100_000),
        price_class="score",
        pre_assessment=PreAssessment(
            assessor="agency", assessed_at="2026-01-01T00:00:00Z", report=digest_of("r")
        ),
        overall=overall.digest,
        term=TERM,
    )


def _model(scenario: Scenario) -> Model:
    return Model(
        id="model",
        version=1,
        partner="partner",
        scenario=scenario.digest,
        title=both("model"),
        grid="0.01",
        intercept=0,
        cut_points=CUT_POINTS,
        parts=tuple(
            PartHead(department=d, dataset="rows", digest=digest_of(f"{d} part"), default=5, low=0, high=20)
            for d in DEPARTMENTS
        ),
    )


def _report(scenario: Scenario, model: Model) -> VettingReport:
    return VettingReport(
        id="report",
        examiner="examiner",
        scenario=scenario.digest,
        model=model.digest,
        metrics=(digest_of("metrics"),),
        checks=tuple(
            Check(check=check, figure="1", limit="1", verdict=Verdict.PASS, reason=both("ok"))
            for check in sorted(REQUIRED_CHECKS)
        ),
        verdict=Verdict.PASS,
        issued_at="2026-01-02T00:00:00Z",
    )
