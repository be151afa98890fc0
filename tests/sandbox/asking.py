"""The signed documents of one scenario under which queries may be asked, small and whole."""

from __future__ import annotations

import secrets
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
    QueryTerms,
    Recipient,
    RosterMember,
    Scenario,
)
from policies.documents.dataset import (
    Bounds,
    Column,
    ColumnType,
    Dataset,
    Desensitization,
    Grade,
    Use,
    Volume,
)
from policies.documents.fields import instant_text
from policies.documents.job import Job
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.query import Query
from policies.keys import public_key
from tests.sandbox.kit import DEPARTMENTS, SEALING, TERM, Site, both, key_of
from tests.sandbox.papers import AGREED, digest_of, signed

SQL = "SELECT sex, COUNT(DISTINCT person) AS persons, SUM(cost) AS total FROM visits GROUP BY sex"
USES = (
    ("person", Use.PERSON),
    ("sex", Use.GROUP),
    ("sex", Use.FILTER),
    ("cost", Use.MEASURE),
)


@dataclass(frozen=True)
class Questions:
    """Everything agreed for one scenario of queries, posted to a site."""

    scenario: Scenario
    filing: PriceFiling
    authorization: Authorization

    def query(self, *departments: str, sql: str = SQL, **changes: object) -> Query:
        """A query of `departments`, over a public dictionary where they are several."""
        body = {
            "id": f"query-{secrets.token_hex(4)}",
            "partner": "partner",
            "scenario": self.scenario.digest,
            "title": both("cost by sex").model_dump(),
            "parts": [{"department": d, "sql": sql} for d in sorted(departments)],
            "groups": [["f"], ["m"]] if len(departments) > 1 else None,
        }
        return Query.from_body({**body, **changes})  # type: ignore[dict-item]  # changes are JSON by use

    def job(self, query: Query, **changes: object) -> Job:
        now = datetime.now(UTC)
        body = {
            "id": f"job-{secrets.token_hex(4)}",
            "job_kind": "aggregate",
            "submitter": "partner",
            "purpose": self.scenario.purpose.code,
            "scenario": self.scenario.digest,
            "authorization": self.authorization.digest,
            "model": None,
            "query": query.digest,
            "mode": "masked",
            "subjects": None,
            "recipient": "insurer",
            "submitted_at": instant_text(now),
            "expires_at": instant_text(now + timedelta(hours=12)),
        }
        return Job.from_body({**body, **changes})  # type: ignore[dict-item]  # changes are JSON by use


def dataset(owner: str) -> Dataset:
    """Visits of one department: a person, a sex to group by, a cost to sum."""

    def column(name: str, kind: ColumnType, *uses: Use, bounds: Bounds | None = None) -> Column:
        return Column(
            name=name, type=kind, title=both(name), grade=Grade.GENERAL, sensitive=False, nullable=True,
            uses=uses, bounds=bounds,
        )  # fmt: skip

    return Dataset.from_body(
        {
            "id": "visits",
            "version": 1,
            "owner": owner,
            "name": both("visits").model_dump(),
            "format": "CSV",
            "source": both("visits").model_dump(),
            "library": "population",
            "grade": "general",
            "personal": True,
            "source_frequency": "daily",
            "sync_frequency": "monthly",
            "volume": Volume(rows=1000, persons=900).model_dump(),
            "desensitization": Desensitization(method=both("ids"), performed_at=TERM.not_before).model_dump(),
            "columns": [
                column("person", ColumnType.RESIDENT_ID, Use.PERSON).model_dump(mode="json"),
                column("sex", ColumnType.TEXT, Use.GROUP, Use.FILTER).model_dump(mode="json"),
                column(
                    "cost", ColumnType.INTEGER, Use.MEASURE, bounds=Bounds(low="0", high="100000")
                ).model_dump(mode="json"),
            ],
            "row_key": ["person"],
            "person_column": "person",
        }
    )


def agree_on_queries(
    site: Site,
    *,
    name: str = "statistics",
    limits: Limits | None = None,
    terms: QueryTerms | None = None,
) -> Questions:
    """Sign and post data sets, overall authorization, scenario, price and authorization."""
    datasets = [dataset(department) for department in DEPARTMENTS]
    overall = OverallAuthorization(
        id="overall",
        agency="agency",
        operator="operator",
        agreement_number="2026-1",
        clauses=tuple(Clause),
        services=("hosting",),
        term=TERM,
    )
    scenario = _scenario(overall, datasets, name, limits)
    filing = PriceFiling(
        id=f"price-{name}",
        price_class=scenario.price_class,
        product=both("report"),
        usage_form=UsageForm.REPORT,
        currency="CNY",
        cap="30.00",
        price="20.00",
        assessment=digest_of("assessment"),
        filings=(Filing(authority="price-office", number="2"),),
        term=TERM,
    )
    authorization = Authorization(
        id=f"authorization-{name}",
        version=1,
        scenario=scenario.digest,
        overall=overall.digest,
        model=None,
        vetting_report=None,
        queries=terms or QueryTerms(free=True),
        price_filing=filing.digest,
        data_list=data_list_digest(scenario),
        job_kinds=(JobKind.AGGREGATE,),
        modes=(Mode.MASKED,),
        roster=tuple(
            RosterMember(department=d, enclave=f"enclave-{d}", keyid=public_key(key_of(f"enclave-{d}")).keyid)
            for d in DEPARTMENTS
        ),
        gate="gate",
        recipients=tuple(
            Recipient(party=party, sealing_key=digest_of(SEALING)) for party in ("insurer", "partner")
        ),
        gate_sees_totals=True,
        min_log_size=0,
        term=TERM,
    )
    poster = site.endpoint("operator")
    for envelope in (
        *(signed(document, document.owner) for document in datasets),
        signed(overall, "agency", "operator"),
        signed(scenario, *AGREED),
        signed(filing, "operator", "agency"),
        signed(authorization, *AGREED),
    ):
        poster.post_document(envelope)
    return Questions(scenario, filing, authorization)


def post_query(site: Site, query: Query) -> Query:
    """Sign and post a query as its partner."""
    site.endpoint("partner").post_document(signed(query, "partner"))
    return query


def _scenario(
    overall: OverallAuthorization, datasets: list[Dataset], name: str, limits: Limits | None
) -> Scenario:
    return Scenario(
        id=f"scenario-{name}",
        version=1,
        title=both("statistics"),
        purpose=Purpose(code="statistics", text=both("statistics"), purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer", "other-insurer", "partner"),
        datasets=tuple(DatasetCitation(department=d.owner, dataset=d.id, digest=d.digest) for d in datasets),
        data_list=tuple(
            ListedColumn(department=d.owner, dataset=d.id, column=column, use=use)
            for d in datasets
            for column, use in USES
        ),
        modes=(Mode.MASKED,),
        consent=ConsentBasis(service="consents"),
        limits=limits or Limits(vet_jobs=10, score_jobs=1000, fetches=100),
        price_class="report",
        pre_assessment=PreAssessment(
            assessor="agency", assessed_at="2026-01-01T00:00:00Z", report=digest_of("r")
        ),
        overall=overall.digest,
        term=TERM,
    )
