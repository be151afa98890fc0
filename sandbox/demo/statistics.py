"""What the demo's parties agree on so that questions may be asked: a scenario of statistics, its price, its authorization.

The data list names each column with the uses it is put to in statistics: keys and conditions over coarse columns, measures
within declared bounds. `mental_health` is listed as a feature, so that a model may read it one day and no question ever.
Plain documents, as in `sandbox.demo.declarations`; signing them is left to `sandbox.demo.asking`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from types import MappingProxyType
from typing import Final

from policies.authorization import data_list_digest
from policies.documents.authorization import (
    Authorization,
    ConsentBasis,
    JobKind,
    Limits,
    ListedColumn,
    Mode,
    Purpose,
    PurposeClass,
    QueryTerms,
    Scenario,
)
from policies.documents.dataset import Dataset, Use
from policies.documents.fields import Bilingual
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.trust import Role, TrustRoot
from sandbox.demo.declarations import DEPARTMENTS, citations, insurer_of, pre_assessment, roster, term

PRICE_CLASS: Final = "health-statistics"
_PERSON, _KEY, _CONDITION = (Use.PERSON,), (Use.GROUP, Use.FILTER), (Use.FILTER,)
_MEASURE, _BOTH, _FEATURE = (Use.MEASURE,), (Use.MEASURE, Use.FILTER), (Use.FEATURE,)
USES: Final = MappingProxyType(
    {
        "hospital": {
            "person": _PERSON,
            "year": _KEY,
            "sex": _KEY,
            "age_group": _KEY,
            "term": _KEY,
            "coinsurance": _KEY,
            "self_rated_health": _KEY,
            "outpatient_spending": _MEASURE,
            "inpatient_spending": _MEASURE,
            "drug_spending": _MEASURE,
            "doctor_visits": _BOTH,
            "admissions": _BOTH,
            "mental_health": _FEATURE,
        },
        "social-insurance": {
            "person": _PERSON,
            "sex": _KEY,
            "age": _CONDITION,
            "age_group": _KEY,
            "income": _MEASURE,
        },
        "health-insurance": {
            "person": _PERSON,
            "sex": _KEY,
            "age_group": _KEY,
            "coinsurance": _KEY,
            "site": _KEY,
            "chronic_diseases": _CONDITION,
        },
    }
)
"""Uses of each listed column by department."""


def price_filing(now: datetime) -> PriceFiling:
    """The price of a table."""
    return PriceFiling(
        id="price-health-statistics",
        price_class=PRICE_CLASS,
        product=Bilingual(zh="医疗统计表", en="Table of health statistics"),
        usage_form=UsageForm.REPORT,
        currency="CNY",
        cap="30.00",
        price="20.00",
        assessment=hashlib.sha256(b"third-party assessment of price-health-statistics").hexdigest(),
        filings=(Filing(authority="price-authority", number="FT-PRICE-2026-018"),),
        term=term(now, days=365),
    )


def scenario(
    now: datetime,
    *,
    overall: str,
    cited: dict[str, Dataset],
    scenario_id: str,
    purpose: str,
    title: Bilingual,
) -> Scenario:
    """One purpose of statistics with its one data list."""
    return Scenario(
        id=scenario_id,
        version=1,
        title=title,
        purpose=Purpose(code=purpose, text=title, purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer",),
        datasets=citations(cited),
        data_list=tuple(
            ListedColumn(department=department, dataset=cited[department].id, column=column, use=use)
            for department in DEPARTMENTS
            for column, uses in USES[department].items()
            for use in uses
        ),
        modes=(Mode.MASKED,),
        consent=ConsentBasis(service="consent-service"),
        limits=Limits(vet_jobs=1, score_jobs=1, aggregate_jobs=200, fetches=1000),
        price_class=PRICE_CLASS,
        pre_assessment=pre_assessment(scenario_id, now=now),
        overall=overall,
        term=term(now, days=365),
    )


def authorization(now: datetime, *, trust: TrustRoot, approved: Scenario, price: str) -> Authorization:
    """Permits any governed question over the data list; its recipient is the insurer.

    Questions of one domain show the gate totals of pseudonymous cells: the signers say that they know.
    """
    return Authorization(
        id=f"authorization-{approved.id}",
        version=1,
        scenario=approved.digest,
        overall=approved.overall,
        model=None,
        vetting_report=None,
        queries=QueryTerms(free=True),
        price_filing=price,
        data_list=data_list_digest(approved),
        job_kinds=(JobKind.AGGREGATE,),
        modes=(Mode.MASKED,),
        roster=roster(trust, approved.departments),
        gate=trust.sole(Role.GATE).id,
        recipients=(insurer_of(trust),),
        gate_sees_totals=True,
        min_log_size=0,
        term=term(now, days=180),
    )
