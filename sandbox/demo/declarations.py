"""What the demo's departments and agency declare: data sets, agreement, price, scenarios, authorization.

Plain documents, as a district would write them; signing and submitting is left to the story.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

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
from policies.documents.dataset import (
    BaseLibrary,
    Bounds,
    Column,
    ColumnType,
    Dataset,
    Desensitization,
    Grade,
    SyncFrequency,
    Use,
    Volume,
)
from policies.documents.document import Term
from policies.documents.fields import Bilingual, instant_text
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.trust import Role, TrustRoot
from sandbox.demo.partner import FEATURES
from sandbox.demo.rand import AGE_GROUPS, HEALTH, TERMS

DEPARTMENTS: Final = ("health-insurance", "hospital", "social-insurance")
PERSONS: Final = 5_912
ROWS: Final = 20_190
_SEXES: Final = ("F", "M")


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric column of the demo in one line."""

    name: str
    zh: str
    type: ColumnType
    low: str
    high: str
    sensitive: bool = True
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Coarse:
    """A text column of few categories in one line."""

    name: str
    zh: str
    categories: tuple[str, ...]
    sensitive: bool = False
    feature: bool = False
    """Whether a model may read it too."""


_INT, _DEC = ColumnType.INTEGER, ColumnType.DECIMAL
_VISITS: Final = (
    Numeric("year", "年度", _INT, "1", "5", sensitive=False),
    Numeric("outpatient_spending", "门诊支出", _DEC, "0", "3000"),
    Numeric("inpatient_spending", "住院支出", _DEC, "0", "40000"),
    Numeric("drug_spending", "药品支出", _DEC, "0", "1000"),
    Numeric("doctor_visits", "就诊次数", _INT, "0", "100"),
    Numeric("other_visits", "其他就诊次数", _INT, "0", "120"),
    Numeric("admissions", "住院次数", _INT, "0", "10"),
    Numeric("chronic_diseases", "慢性病指数", _DEC, "0", "60"),
    Numeric("physical_limitation", "身体活动受限", _DEC, "0", "1"),
    Numeric("general_health", "一般健康指数", _DEC, "0", "100", nullable=True),
    Numeric("mental_health", "心理健康指数", _DEC, "0", "100"),
    Numeric("coinsurance", "自付比例", _INT, "0", "100", sensitive=False),
)
_INSURED: Final = (
    Numeric("year", "年度", _INT, "1", "5", sensitive=False),
    Numeric("age", "年龄", _DEC, "0", "120", sensitive=False),
    Numeric("income", "家庭收入", _DEC, "0", "50000"),
    Numeric("education_years", "受教育年限", _DEC, "0", "30", nullable=True),
    Numeric("family_size", "家庭人口", _INT, "1", "20", sensitive=False),
)
_PLANS: Final = (
    Numeric("year", "年度", _INT, "1", "5", sensitive=False),
    Numeric("plan", "参保计划", _INT, "1", "24", sensitive=False),
    Numeric("coinsurance", "自付比例", _INT, "0", "100", sensitive=False),
    Numeric("individual_deductible", "个人免赔计划", _INT, "0", "1", sensitive=False),
    Numeric("spending_limit", "最高自付额", _DEC, "0", "1000", sensitive=False, nullable=True),
    Numeric("site", "地区", _INT, "1", "6", sensitive=False),
    Numeric("chronic_diseases", "慢性病指数", _DEC, "0", "60"),
)


def datasets(now: datetime) -> dict[str, Dataset]:
    """Each department's one data set, by department."""
    return {
        "hospital": _dataset(
            "visits",
            "hospital",
            Bilingual(zh="就诊与支出", en="Visits and spending"),
            "Parquet",
            _VISITS,
            now,
            coarse=(
                Coarse("sex", "性别", _SEXES),
                Coarse("age_group", "入组年龄段", AGE_GROUPS),
                Coarse("self_rated_health", "自评健康", HEALTH, sensitive=True),
                Coarse("term", "参与年限", TERMS),
            ),
        ),
        "social-insurance": _dataset(
            "insured",
            "social-insurance",
            Bilingual(zh="参保人员", en="Insured persons"),
            "CSV",
            _INSURED,
            now,
            coarse=(
                Coarse("sex", "性别", _SEXES, feature=True),
                Coarse("age_group", "入组年龄段", AGE_GROUPS),
            ),
        ),
        "health-insurance": _dataset(
            "plans",
            "health-insurance",
            Bilingual(zh="医保计划", en="Insurance plans"),
            "Arrow IPC",
            _PLANS,
            now,
            coarse=(Coarse("sex", "性别", _SEXES), Coarse("age_group", "入组年龄段", AGE_GROUPS)),
        ),
    }


def overall_authorization(now: datetime) -> OverallAuthorization:
    """The agreement between agency and operator: services, no data."""
    return OverallAuthorization(
        id="overall-futian",
        agency="agency",
        operator="operator",
        agreement_number="FT-DATA-2026-001",
        clauses=tuple(Clause),
        services=("aggregation", "governance", "development", "operation"),
        term=term(now, days=730),
    )


def price_filing(now: datetime) -> PriceFiling:
    """The score's price per call, under its filed cap."""
    return PriceFiling(
        id="price-medical-score",
        price_class="medical-score",
        product=Bilingual(zh="次年医疗支出风险评分", en="Risk score of next-year medical spending"),
        usage_form=UsageForm.API_CALL,
        currency="CNY",
        cap="2.40",
        price="1.86",
        assessment=hashlib.sha256(b"third-party assessment of price-medical-score").hexdigest(),
        filings=(Filing(authority="price-authority", number="FT-PRICE-2026-017"),),
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
    """One purpose with its one data list: the model's features, who a row is of, and the year it is chosen by."""
    lines = dict.fromkeys((spec.department, spec.dataset, spec.column) for spec in FEATURES)
    return Scenario(
        id=scenario_id,
        version=1,
        title=title,
        purpose=Purpose(code=purpose, text=title, purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer",),
        datasets=citations(cited),
        data_list=tuple(
            ListedColumn(department=department, dataset=dataset, column=column, use=use)
            for department, dataset, column, use in (
                *((d, cited[d].id, "person", Use.PERSON) for d in DEPARTMENTS),
                *((d, cited[d].id, "year", Use.FILTER) for d in DEPARTMENTS),
                *((*line, Use.FEATURE) for line in lines),
            )
        ),
        modes=(Mode.MASKED, Mode.BFV),
        consent=ConsentBasis(service="consent-service"),
        limits=Limits(vet_jobs=10, score_jobs=100, fetches=100_000),
        price_class="medical-score",
        pre_assessment=pre_assessment(scenario_id, now=now),
        overall=overall,
        term=term(now, days=365),
    )


def authorization(
    now: datetime, *, trust: TrustRoot, approved: Scenario, model: str, report: str, price: str, log_size: int
) -> Authorization:
    """Permits scores with one vetted model under one scenario."""
    return Authorization(
        id=f"authorization-{model[:12]}",
        version=1,
        scenario=approved.digest,
        overall=approved.overall,
        model=model,
        vetting_report=report,
        price_filing=price,
        data_list=data_list_digest(approved),
        job_kinds=(JobKind.SCORE,),
        modes=(Mode.MASKED, Mode.BFV),
        roster=roster(trust, approved.departments),
        gate=trust.sole(Role.GATE).id,
        recipients=(insurer_of(trust),),
        gate_sees_totals=False,
        min_log_size=log_size,
        term=term(now, days=180),
    )


def citations(cited: Mapping[str, Dataset]) -> tuple[DatasetCitation, ...]:
    """Each department's data set by its digest."""
    return tuple(
        DatasetCitation(department=department, dataset=cited[department].id, digest=cited[department].digest)
        for department in DEPARTMENTS
    )


def pre_assessment(scenario_id: str, *, now: datetime) -> PreAssessment:
    """The security assessment that stood before the scenario."""
    return PreAssessment(
        assessor="Futian data security assessment office",
        assessed_at=instant_text(now - timedelta(days=20)),
        report=hashlib.sha256(b"pre-assessment of " + scenario_id.encode()).hexdigest(),
    )


def insurer_of(trust: TrustRoot) -> Recipient:
    """The insurer under the sealing key that the trust root pins."""
    insurer = trust.party("insurer")
    if insurer is None or insurer.sealing_key is None:
        raise LookupError("expected an insurer with a sealing key in the trust root")
    return Recipient(party=insurer.id, sealing_key=hashlib.sha256(insurer.sealing_key.encode()).hexdigest())


def roster(trust: TrustRoot, departments: Sequence[str]) -> tuple[RosterMember, ...]:
    """The departments' enclaves as the trust root pins them."""
    members = []
    for department in sorted(departments):
        enclave = trust.enclave_of(department)
        if enclave is None:
            raise LookupError(f"expected an enclave of `{department}` in the trust root")
        members.append(RosterMember(department=department, enclave=enclave.id, keyid=enclave.key.keyid))
    return tuple(members)


def _dataset(
    dataset_id: str,
    owner: str,
    name: Bilingual,
    file_format: str,
    columns: Sequence[Numeric],
    now: datetime,
    *,
    coarse: Sequence[Coarse],
) -> Dataset:
    person = Column(
        name="person",
        type=ColumnType.RESIDENT_ID,
        title=Bilingual(zh="身份号码（虚构）", en="resident ID (invented)"),
        grade=Grade.IMPORTANT,
        sensitive=True,
        nullable=False,
        uses=(Use.PERSON,),
    )
    return Dataset(
        id=dataset_id,
        version=1,
        owner=owner,
        name=name,
        format=file_format,
        source=Bilingual(
            zh="兰德医疗保险实验（公开数据）", en="RAND Health Insurance Experiment (public data)"
        ),
        library=BaseLibrary.POPULATION,
        grade=Grade.IMPORTANT,
        personal=True,
        source_frequency=SyncFrequency.YEARLY,
        sync_frequency=SyncFrequency.YEARLY,
        volume=Volume(rows=ROWS, persons=PERSONS),
        desensitization=Desensitization(
            method=Bilingual(
                zh="剔除姓名与住址，身份号码仅以密钥摘要使用",
                en="names and addresses removed; IDs used only as keyed digests",
            ),
            performed_at=instant_text(now - timedelta(days=30)),
        ),
        columns=(person, *(_numeric(column) for column in columns), *(_coarse(column) for column in coarse)),
        row_key=("person", "year"),
        person_column="person",
        order_column="year",
    )


def _numeric(column: Numeric) -> Column:
    return Column(
        name=column.name,
        type=column.type,
        title=Bilingual(zh=column.zh, en=column.name.replace("_", " ")),
        grade=Grade.IMPORTANT if column.sensitive else Grade.GENERAL,
        sensitive=column.sensitive,
        nullable=column.nullable,
        uses=(Use.FEATURE, Use.GROUP, Use.FILTER, Use.MEASURE),
        bounds=Bounds(low=column.low, high=column.high),
    )


def _coarse(column: Coarse) -> Column:
    return Column(
        name=column.name,
        type=ColumnType.TEXT,
        title=Bilingual(zh=column.zh, en=column.name.replace("_", " ")),
        grade=Grade.IMPORTANT if column.sensitive else Grade.GENERAL,
        sensitive=column.sensitive,
        nullable=False,
        uses=(Use.FEATURE, Use.GROUP, Use.FILTER) if column.feature else (Use.GROUP, Use.FILTER),
        categories=column.categories,
    )


def term(now: datetime, *, days: int) -> Term:
    """From a minute ago, so that clocks of the parties may differ a little."""
    return Term(
        not_before=instant_text(now - timedelta(minutes=1)),
        not_after=instant_text(now + timedelta(days=days)),
    )
