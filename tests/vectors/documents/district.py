"""A district on paper: what its agreements, models and reports say, each citing the ones before it by digest.

Three departments (hospital, social insurance, health insurance) let an insurer fetch a banded pre-policy score for
consenting people. Everything here is invented; no person stands behind a consent.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import district_parties as parties

from policies.documents import strict_json
from policies.documents.authorization import Authorization, Clause, OverallAuthorization, Scenario
from policies.documents.consent import Consent, Grant, pack
from policies.documents.dataset import Dataset
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.job import Job
from policies.documents.model import LinearPart, Model
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.strict_json import Json
from policies.documents.trust import TrustRoot
from policies.documents.vetting import VetBands, VetMetrics, VettingReport
from policies.fixed_point import intercept_bound, stepped, weight_bound
from policies.resident import ResidentId, check_character

DEPARTMENTS = ("health-insurance", "hospital", "social-insurance")
ENCLAVES = {
    "health-insurance": "health-enclave",
    "hospital": "hospital-enclave",
    "social-insurance": "social-enclave",
}
AGREED_BY = (*DEPARTMENTS, "futian-agency", "futian-operator", "actuary-partner")
AGE_BANDS = ("0-17", "18-44", "45-64", "65+")
TERM: Json = {"not_before": "2026-03-01T00:00:00Z", "not_after": "2028-03-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Source:
    """A department's data set and its part of the model, in one line: column → (type, zh, en, high, weight)."""

    department: str
    dataset: str
    zh: str
    en: str
    columns: tuple[tuple[str, str, str, str, str, str], ...]


SOURCES = (
    Source(
        "health-insurance",
        "claims-yearly",
        "医疗保险年度结算",
        "Yearly health insurance settlements",
        (
            ("claims", "integer", "报销次数", "Claims", "60", "0.25"),
            ("paid_yuan", "decimal", "统筹支付金额", "Paid amount", "200000", "0.001"),
        ),
    ),
    Source(
        "hospital",
        "visits-yearly",
        "医院年度就诊",
        "Yearly hospital visits",
        (
            ("visits", "integer", "就诊次数", "Visits", "120", "0.5"),
            ("inpatient_days", "integer", "住院天数", "Inpatient days", "366", "1.5"),
        ),
    ),
    Source(
        "social-insurance",
        "contributions-yearly",
        "社会保险年度缴费",
        "Yearly social insurance contributions",
        (("months_paid", "integer", "缴费月数", "Months paid", "12", "-2"),),
    ),
)


def label_digest(label: str) -> str:
    """Stands for the digest of something that is not a document: an attachment or a paper."""
    return hashlib.sha256(label.encode()).hexdigest()


def two(zh: str, en: str) -> Json:
    return {"zh": zh, "en": en}


def dataset(source: Source) -> Dataset:
    key: list[Json] = [
        _column("person_id", "resident-id", "公民身份号码", "Resident ID", ["person"], None),
        _column("year", "integer", "年度", "Year", ["filter"], {"low": "2015", "high": "2026"}),
    ]
    values = [
        _column(name, kind, zh, en, ["feature"], {"low": "0", "high": high})
        for name, kind, zh, en, high, _ in source.columns
    ]
    figures: list[Json] = [
        {
            **_column("age_band", "text", "年龄段", "Age band", ["group", "filter"], None),
            "categories": list(AGE_BANDS),
        },
        _column("cost_yuan", "decimal", "费用", "Cost", ["measure"], {"low": "0", "high": "200000"}),
    ]
    return Dataset.from_body(
        {
            "id": source.dataset,
            "version": 1,
            "owner": source.department,
            "name": two(source.zh, source.en),
            "format": "parquet",
            "source": two("部门业务系统", "The department's own business system"),
            "library": "population",
            "grade": "general",
            "personal": True,
            "source_frequency": "daily",
            "sync_frequency": "monthly",
            "volume": {"rows": 2400000, "persons": 600000},
            "desensitization": {
                "method": two("去除姓名、住址和联系方式", "Names, addresses and contacts removed"),
                "performed_at": "2026-01-15T08:00:00Z",
            },
            "columns": [*key, *values, *figures],
            "row_key": ["person_id", "year"],
            "person_column": "person_id",
            "order_column": "year",
        }
    )


def _column(name: str, kind: str, zh: str, en: str, uses: list[Json], bounds: Json) -> Json:
    return {
        "name": name,
        "type": kind,
        "title": two(zh, en),
        "grade": "general",
        "sensitive": name != "year",
        "nullable": "feature" in uses,
        "uses": uses,
        "bounds": bounds,
    }


def linear_part(source: Source) -> LinearPart:
    features: list[Json] = [
        {"column": name, "weight": weight, "low": "0", "high": high, "fill": "0"}
        for name, _, _, _, high, weight in source.columns
    ]
    return LinearPart.from_body(
        {
            "id": f"pre-policy-1-{source.department}",
            "department": source.department,
            "dataset": source.dataset,
            "row": {"up_to": 2025},
            "features": features,
        }
    )


def paillier_key(model_digest: str, scenario_digest: str) -> PaillierKey:
    """A key on paper: the modulus is bytes of a label, and nobody could prove anything of it."""
    modulus = b"".join(hashlib.sha256(b"modulus %d" % place).digest() for place in range(12))
    return PaillierKey.from_body(
        {
            "id": "paillier-pre-policy-1",
            "gate": "gate",
            "scenario": scenario_digest,
            "model": model_digest,
            "modulus": base64.b64encode(modulus).decode(),
            "proof": label_digest("proof of the modulus"),
            "made_at": "2026-03-02T01:00:00Z",
        }
    )


def encrypted_weights(model: Model, part: LinearPart, key: PaillierKey) -> EncryptedWeights:
    """What the examiner would sign of `part`; the ciphertexts are on paper only."""
    head = model.part(part.department)
    assert head is not None
    return EncryptedWeights.from_body(
        {
            "id": f"encrypted-{part.id}",
            "examiner": "examiner",
            "partner": "actuary-partner",
            "scenario": model.scenario,
            "model": model.digest,
            "key": key.digest,
            "department": part.department,
            "dataset": part.dataset,
            "part": part.digest,
            "row": None if part.row is None else part.row.model_dump(mode="json"),
            "features": [stepped(feature).model_dump(mode="json") for feature in part.features],
            "weight_bound": weight_bound(head),
            "intercept_bound": intercept_bound(head),
            "ciphertexts": label_digest(f"ciphertexts of {part.department}"),
            "entries": label_digest(f"entries of {part.department}"),
        }
    )


def trust_root() -> TrustRoot:
    return TrustRoot.from_body(
        {
            "id": "futian-trust-root",
            "version": 1,
            "district": two("深圳市福田区", "Futian District, Shenzhen"),
            "log": {"origin": "log.futian.example/evidence", "key": parties.public_base64(parties.LOG_LABEL)},
            "parties": parties.entries(),
            "witnesses": ["gate", "health-enclave", "hospital-enclave", "social-enclave"],
            "quorum": 3,
            "term": {"not_before": "2026-01-01T00:00:00Z", "not_after": "2028-01-01T00:00:00Z"},
        }
    )


def overall_authorization() -> OverallAuthorization:
    return OverallAuthorization.from_body(
        {
            "id": "futian-overall-2026",
            "agency": "futian-agency",
            "operator": "futian-operator",
            "agreement_number": "福数授〔2026〕1号",
            "clauses": [clause.value for clause in Clause],
            "services": ["数据归集 collection", "数据治理 governance", "平台运营 platform operation"],
            "term": {"not_before": "2026-01-01T00:00:00Z", "not_after": "2028-01-01T00:00:00Z"},
        }
    )


def scenario(overall: str, datasets: tuple[Dataset, ...]) -> Scenario:
    citations: list[Json] = [{"department": d.owner, "dataset": d.id, "digest": d.digest} for d in datasets]
    lines: list[Json] = [
        {"department": d.owner, "dataset": d.id, "column": column.name, "use": use.value}
        for d in datasets
        for column in d.columns
        for use in column.uses
    ]
    return Scenario.from_body(
        {
            "id": "pre-policy-score",
            "version": 1,
            "title": two("商业健康险保前风险评分", "Pre-policy risk score for commercial health insurance"),
            "purpose": {
                "code": "pre-policy-score",
                "text": two(
                    "经本人同意，为投保核保提供分档评分", "A banded score for underwriting, by consent"
                ),
                "purpose_class": "commercial",
            },
            "partner": "actuary-partner",
            "recipients": ["insurer-one"],
            "datasets": citations,
            "data_list": lines,
            "modes": ["masked", "bfv"],
            "consent": {"service": "consent-service"},
            "limits": {"vet_jobs": 10, "score_jobs": 500, "fetches": 1000000},
            "price_class": "score-standard",
            "pre_assessment": {
                "assessor": "福田区数据安全评估组",
                "assessed_at": "2026-02-10T02:00:00Z",
                "report": label_digest("pre-assessment report"),
            },
            "overall": overall,
            "term": TERM,
        }
    )


def model(scenario_digest: str, parts: tuple[LinearPart, ...]) -> Model:
    ranges = {"health-insurance": (0, 600, 24), "hospital": (0, 900, 30), "social-insurance": (-48, 0, -24)}
    heads: list[Json] = []
    for part in parts:
        low, high, default = ranges[part.department]
        heads.append(
            {
                "department": part.department,
                "dataset": part.dataset,
                "digest": part.digest,
                "default": default,
                "low": low,
                "high": high,
            }
        )
    return Model.from_body(
        {
            "id": "pre-policy-1",
            "version": 1,
            "partner": "actuary-partner",
            "scenario": scenario_digest,
            "title": two("保前评分线性模型第一版", "Linear pre-policy score, version 1"),
            "grid": "0.5",
            "intercept": 100,
            "cut_points": [80, 140, 220, 400],
            "parts": heads,
        }
    )


def query(scenario_digest: str) -> Query:
    """Persons and cost by age band, asked of all three departments."""
    parts: list[Json] = [
        {
            "department": source.department,
            "sql": "SELECT age_band, COUNT(DISTINCT person_id) AS persons, SUM(cost_yuan) AS cost"
            f' FROM "{source.dataset}" WHERE year = {{year}} GROUP BY age_band',
        }
        for source in SOURCES
    ]
    return Query.from_body(
        {
            "id": "cost-by-age",
            "partner": "actuary-partner",
            "scenario": scenario_digest,
            "title": two("各年龄段费用", "Cost by age band"),
            "parts": parts,
            "parameters": [{"name": "year", "type": "integer", "choices": ["2024", "2025"]}],
            "groups": [[band] for band in AGE_BANDS],
            "format": "csv",
            "rho": None,
        }
    )


def aggregate_job(scenario_digest: str, authorization_digest: str, query_digest: str) -> Job:
    return Job.from_body(
        {
            "id": "aggregate-2026-04-01",
            "job_kind": "aggregate",
            "submitter": "actuary-partner",
            "purpose": "pre-policy-score",
            "scenario": scenario_digest,
            "authorization": authorization_digest,
            "model": None,
            "query": query_digest,
            "parameters": [{"name": "year", "value": "2025"}],
            "mode": "masked",
            "subjects": None,
            "recipient": "insurer-one",
            "submitted_at": "2026-04-01T01:00:00Z",
            "expires_at": "2026-04-01T13:00:00Z",
        }
    )


def consent(scenario_digest: str) -> Consent:
    packed = pack(grants())
    return Consent.from_body(
        {
            "id": "consents-2026-03-02-1",
            "service": "consent-service",
            "scenario": scenario_digest,
            "recipient": "insurer-one",
            "scope": "pre-policy-score",
            "count": 3,
            "grants": hashlib.sha256(packed).hexdigest(),
            "granted_at": "2026-03-02T01:00:00Z",
        }
    )


def grants() -> tuple[Grant, ...]:
    """The consents of three people who do not exist."""
    return tuple(_grant(number) for number in range(3))


def _grant(number: int) -> Grant:
    # 990000 is no division code of GB/T 2260: the number belongs to nobody.
    first_17 = f"99000019700101{number:03}"
    bits = hashlib.sha512(f"domicile-test-grant/{number}".encode()).digest()
    person = ResidentId(first_17 + check_character(first_17))
    return Grant(id=bits[:16], person=person, expires_at=1_803_000_000, salt=bits[16:48])


def vet_job(scenario_digest: str, model_digest: str) -> Job:
    return _job("vet-2026-03-03", "vet", scenario_digest, None, model_digest, "masked", "examiner")


def score_job(scenario_digest: str, authorization_digest: str, model_digest: str) -> Job:
    return _job(
        "score-2026-04-01", "score", scenario_digest, authorization_digest, model_digest, "bfv", "insurer-one"
    )


def _job(
    job_id: str,
    kind: str,
    scenario_digest: str,
    authorization: str | None,
    model_digest: str,
    mode: str,
    to: str,
) -> Job:
    submitter = "actuary-partner" if kind == "vet" else "insurer-one"
    day = "2026-03-03" if kind == "vet" else "2026-04-01"
    return Job.from_body(
        {
            "id": job_id,
            "job_kind": kind,
            "submitter": submitter,
            "purpose": "pre-policy-score",
            "scenario": scenario_digest,
            "authorization": authorization,
            "model": model_digest,
            "mode": mode,
            "subjects": {"count": 3, "sha256": _subjects_digest()},
            "recipient": to,
            "submitted_at": f"{day}T01:00:00Z",
            "expires_at": f"{day}T13:00:00Z",
        }
    )


def _subjects_digest() -> str:
    return hashlib.sha256(b"".join(grant.id for grant in grants())).hexdigest()


def feature_metric(column: str, **changes: Json) -> Json:
    """What an enclave measures of a feature that gives nothing away."""
    leaks: list[Json] = [
        {"share": share, "spearman": rho, "information": information, "gain": gain}
        for share, rho, information, gain in (
            ("1", "0.731", "0.207", "0.083"),
            ("0.9", "0.692", "0.181", "0.071"),
            ("0.6", "0.561", "0.112", "0.04"),
            ("0.3", "0.394", "0.05", "0.016"),
        )
    ]
    return {
        "column": column,
        "persons": 548230,
        "variance": "17.3",
        "sensitive": True,
        "distinct": "0.001",
        "effect": "4320",
        "raw_information": "0.352",
        "sweep": {"levels": 61, "span": 300},
        "leaks": leaks,
        **changes,
    }


def vet_metrics(job: str, model_digest: str, part: LinearPart) -> VetMetrics:
    features: list[Json] = [feature_metric(feature.column) for feature in part.features]
    enclave = ENCLAVES[part.department]
    return VetMetrics.from_body(
        {
            "id": f"metrics-{part.department}",
            "enclave": enclave,
            "department": part.department,
            "job": job,
            "model": model_digest,
            "part": part.digest,
            "persons": 548230,
            "variance": "8640",
            "unique": "0.002",
            "finite": True,
            "graph": None,
            "features": features,
        }
    )


def vet_bands(job: str, model_digest: str) -> VetBands:
    counts: list[Json] = [1200, 2150, 980, 310, 45]
    return VetBands.from_body(
        {
            "id": "bands-1",
            "gate": "gate",
            "job": job,
            "model": model_digest,
            "persons": 4685,
            "counts": counts,
        }
    )


def vetting_report(scenario_digest: str, model_digest: str, metrics: list[Json]) -> VettingReport:
    check: Json = {
        "check": "v6",
        "figure": "total range 1548 grid units, 5 bands",
        "limit": "total range at most 4096 grid units, at most 20 bands",
        "verdict": "pass",
        "reason": two("输出粒度在限值之内", "the output is as coarse as the limit asks"),
    }
    return VettingReport.from_body(
        {
            "id": "vetting-pre-policy-1",
            "examiner": "examiner",
            "scenario": scenario_digest,
            "model": model_digest,
            "metrics": metrics,
            "checks": [check],
            "verdict": "pass",
            "issued_at": "2026-03-10T06:00:00Z",
        }
    )


def price_filing() -> PriceFiling:
    return PriceFiling.from_body(
        {
            "id": "price-score-standard-2026",
            "price_class": "score-standard",
            "product": two("保前风险评分接口", "Pre-policy score interface"),
            "usage_form": "api-call",
            "currency": "CNY",
            "cap": "1.20",
            "price": "0.90",
            "assessment": label_digest("cost assessment 2026"),
            "filings": [
                {"authority": "price-authority", "number": "福价备〔2026〕7号"},
                {"authority": "futian-agency", "number": "福数备〔2026〕3号"},
            ],
            "term": TERM,
        }
    )


def roster() -> list[Json]:
    return [
        {"department": d, "enclave": ENCLAVES[d], "keyid": parties.keyid(ENCLAVES[d])} for d in DEPARTMENTS
    ]


def authorization(cited: Scenario, *, model: str, report: str, filing: str) -> Authorization:
    lines = cited.to_body()["data_list"]
    sealing = hashlib.sha256(parties.sealing_base64("insurer-one").encode()).hexdigest()
    return Authorization.from_body(
        {
            "id": "authorization-pre-policy-1",
            "version": 1,
            "scenario": cited.digest,
            "overall": cited.overall,
            "model": model,
            "vetting_report": report,
            "price_filing": filing,
            "queries": {"free": True, "templates": [], "limits": [{"name": "persons", "value": "20"}]},
            "data_list": strict_json.digest(lines),
            "job_kinds": ["score", "aggregate"],
            "modes": ["masked", "bfv"],
            "roster": roster(),
            "gate": "gate",
            "recipients": [{"party": "insurer-one", "sealing_key": sealing}],
            "gate_sees_totals": False,
            "min_log_size": 42,
            "term": TERM,
        }
    )
