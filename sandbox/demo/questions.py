"""What the demo asks of the RAND data and what it asks in vain: ten questions, and the attempts that must fail.

How the dimensions were chosen. Every answer parts the people of a department, and what all answers together part must hold
at least ten people everywhere (the atom rule, protocols.md section 6.3). So keys are coarse columns that do not change from
year to year; the same keys asked again with other measures cost nothing; and each department is asked along few keys. Not
everybody took part in all years, so questions that speak of single years are asked of those who completed their term:
there a question by year tells nobody from anybody else.

Cells are listed in a public dictionary throughout, so that a withheld cell is seen as withheld.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policies.documents.fields import Bilingual
from sandbox.charts import Bars
from sandbox.demo.declarations import DEPARTMENTS
from sandbox.demo.rand import AGE_GROUPS

Groups = tuple[tuple[str, ...], ...]
TABLES: Final[Mapping[str, str]] = {
    "hospital": "visits",
    "social-insurance": "insured",
    "health-insurance": "plans",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question: a statement for each department asked, the public cells, the chart of its answer."""

    name: str
    title: Bilingual
    sql: Mapping[str, str]
    groups: Groups | None
    chart: Bars
    rho: str | None = None


class Kind(Enum):
    """What an attempt in vain does."""

    ASK = "ask"
    """Asks a question that is refused or whose cells are withheld."""
    OTHER_AUTHORIZATION = "other_authorization"
    """Asks a good question under the authorization of another scenario."""


@dataclass(frozen=True, slots=True)
class Vain:
    """A question that is refused, or answered with what offends withheld, and one near it that passes."""

    name: str
    title: Bilingual
    sql: Mapping[str, str]
    instead: Mapping[str, str]
    """Statements that may be asked; those of `sql` where only something beside them is at fault."""
    groups: Groups | None = None
    kind: Kind = Kind.ASK


_SEXES: Final = ("F", "M")
_RATES: Final = ("0", "25", "50", "95", "100")
_CARE: Final = ("free", "shared")
_HEALTH: Final = ("excellent", "good", "fair or poor")
# Statements whose parts repeat; all of them are fixed here, nothing comes from outside.
_CARE_KEY: Final = "CASE WHEN coinsurance = 0 THEN 'free' ELSE 'shared' END AS care"
_HEALTH_KEY: Final = (
    "CASE self_rated_health WHEN 'excellent' THEN 'excellent' WHEN 'good' THEN 'good' "
    "ELSE 'fair or poor' END AS health"
)
_BY_CARE: Final = "SELECT sex, {key}, AVG(outpatient_spending) AS mean FROM visits GROUP BY ALL"
_BY_YEAR: Final = (
    "SELECT year, {key}, AVG(doctor_visits) AS visits FROM visits "
    "WHERE term <> 'other' AND year <= 3 GROUP BY ALL"
)
_BY_HEALTH: Final = (
    "SELECT {key}, AVG(outpatient_spending) AS outpatient, AVG(drug_spending) AS drugs FROM visits "
    "WHERE term <> 'other' AND year <= 3 GROUP BY 1"
)
_HELD: Final = "SELECT sex, COUNT(DISTINCT person) AS persons, COUNT(*) AS records FROM {table} GROUP BY sex"
_RECORDS: Final = "SELECT sex, COUNT(*) AS records FROM {table} GROUP BY sex"
_BINS: Final = (
    "SELECT floor(inpatient_spending/{width})*{width} AS bin, COUNT(*) AS records FROM visits GROUP BY 1"
)
_BY_SEX: Final = "SELECT sex, COUNT(DISTINCT person) AS persons FROM insured{where} GROUP BY sex"
_DOLLARS: Final = Bilingual(zh="美元（1970 年代）", en="US dollars of the 1970s")
_WORDS: Final[Mapping[str, Bilingual]] = {
    name: Bilingual(zh=zh, en=en)
    for name, zh, en in (
        ("age_group", "入组年龄段", "age when enrolled"),
        ("sex", "性别", "sex"),
        ("care", "自付方式", "who pays"),
        ("year", "年度", "year"),
        ("coinsurance", "自付比例（%）", "coinsurance (%)"),
        ("health", "自评健康", "self-rated health"),
        ("bin", "家庭年收入下限（美元）", "family income from (US dollars)"),
        ("outpatient", "门诊", "outpatient"),
        ("inpatient", "住院", "inpatient"),
        ("drugs", "药品", "drugs"),
        ("visits", "年均就诊次数", "doctor visits a year"),
        ("persons", "人数", "persons"),
        ("records", "记录数", "records"),
        ("chronic", "慢性病指数不低于 14", "chronic index of 14 or more"),
        ("mean", "平均值（美元）", "mean (US dollars)"),
    )
}


def _one(*values: str) -> Groups:
    return tuple((value,) for value in values)


def _product(*levels: Sequence[str]) -> Groups:
    return tuple(itertools.product(*levels))


def _chart(title: Bilingual, x: str, *values: str, color: str | None = None) -> Bars:
    named = {name: _WORDS[name] for name in (x, *values, *([color] if color else []))}
    unit = _DOLLARS if "outpatient" in values else None
    return Bars(title=title, x=x, values=values, color=color, words=named, unit=unit)


def _question(
    name: str,
    zh: str,
    en: str,
    *,
    sql: Mapping[str, str],
    groups: Groups,
    bars: tuple[str, ...],
    color: str | None = None,
    rho: str | None = None,
) -> Question:
    """`bars` are the key along x and the measures drawn."""
    title = Bilingual(zh=zh, en=en)
    return Question(name, title, sql, groups, _chart(title, *bars, color=color), rho)


QUESTIONS: Final = (
    _question(
        "spending-by-age",
        "各年龄段的年均支出",
        "Mean spending a year by age when enrolled",
        sql={
            "hospital": (
                "SELECT age_group, AVG(outpatient_spending) AS outpatient, AVG(inpatient_spending) AS inpatient, "
                "AVG(drug_spending) AS drugs FROM visits GROUP BY age_group"
            )
        },
        groups=_one(*AGE_GROUPS),
        bars=("age_group", "outpatient", "inpatient", "drugs"),
    ),
    _question(
        "spending-by-sex-and-plan",
        "按性别与自付方式的门诊年均支出",
        "Mean outpatient spending a year by sex and plan",
        sql={"hospital": _BY_CARE.format(key=_CARE_KEY)},
        groups=_product(_SEXES, _CARE),
        bars=("care", "mean"),
        color="sex",
    ),
    _question(
        "visits-by-year-and-plan",
        "按年度与自付方式的人均就诊次数",
        "Doctor visits by year and plan",
        sql={"hospital": _BY_YEAR.format(key=_CARE_KEY)},
        groups=_product(("1", "2", "3"), _CARE),
        bars=("year", "visits"),
        color="care",
    ),
    _question(
        "persons-by-plan",
        "各医保计划的参保人数",
        "Persons by coinsurance and sex",
        sql={
            "health-insurance": (
                "SELECT sex, coinsurance, COUNT(DISTINCT person) AS persons FROM plans GROUP BY sex, coinsurance"
            )
        },
        groups=_product(_SEXES, _RATES),
        bars=("coinsurance", "persons"),
        color="sex",
    ),
    _question(
        "spending-by-health",
        "自评健康与年均支出",
        "Mean spending a year by self-rated health",
        sql={"hospital": _BY_HEALTH.format(key=_HEALTH_KEY)},
        groups=_one(*_HEALTH),
        bars=("health", "outpatient", "drugs"),
    ),
    _question(
        "inpatient-share-by-age",
        "各年龄段支出构成：住院占多少",
        "What is spent on what, by age: the share of inpatient care",
        sql={
            "hospital": (
                "SELECT age_group, SUM(inpatient_spending) AS inpatient, SUM(outpatient_spending) AS outpatient, "
                "SUM(drug_spending) AS drugs FROM visits GROUP BY age_group"
            )
        },
        groups=_one(*AGE_GROUPS),
        bars=("age_group", "inpatient", "outpatient", "drugs"),
    ),
    _question(
        "chronic-by-sex",
        "慢性病指数较高的人数",
        "Persons with many chronic conditions, by sex",
        sql={
            "health-insurance": (
                "SELECT sex, COUNT(DISTINCT person) AS persons, "
                "COUNT(DISTINCT CASE WHEN chronic_diseases >= 14 THEN person END) AS chronic FROM plans GROUP BY sex"
            )
        },
        groups=_one(*_SEXES),
        bars=("sex", "persons", "chronic"),
    ),
    _question(
        "persons-in-three-departments",
        "三个部门登记的人次与记录数",
        "Persons and records that the three departments hold, added up inside the ring",
        sql={department: _HELD.format(table=table) for department, table in sorted(TABLES.items())},
        groups=_one(*_SEXES),
        bars=("sex", "persons", "records"),
    ),
    _question(
        "income-histogram",
        "家庭收入分布",
        "Persons by family income, in bins of 2,500 US dollars",
        sql={
            "social-insurance": (
                "SELECT floor(income/2500)*2500 AS bin, COUNT(DISTINCT person) AS persons FROM insured GROUP BY 1"
            )
        },
        groups=_one(*(str(low) for low in range(0, 30_000, 2500))),
        bars=("bin", "persons"),
    ),
    _question(
        "income-by-sex-noised",
        "差分隐私：按性别的平均家庭收入",
        "Differentially private: persons and mean family income by sex",
        sql={
            "social-insurance": (
                "SELECT sex, COUNT(DISTINCT person) AS persons, AVG(income) AS mean FROM insured GROUP BY sex"
            )
        },
        groups=_one(*_SEXES),
        bars=("sex", "mean"),
        rho="0.05",
    ),
)
"""In this order; a later one is weighed against all earlier ones."""

IN_VAIN: Final = (
    Vain(
        "raw-rows",
        Bilingual(zh="逐人列出住院支出", en="Every person's inpatient spending"),
        {"hospital": "SELECT person, inpatient_spending FROM visits"},
        {"hospital": "SELECT age_group, AVG(inpatient_spending) AS mean FROM visits GROUP BY age_group"},
    ),
    Vain(
        "largest-bill",
        Bilingual(zh="最高药品支出", en="The largest drug bill"),
        {"hospital": "SELECT sex, MAX(drug_spending) AS most FROM visits GROUP BY sex"},
        {"hospital": "SELECT sex, AVG(drug_spending) AS mean FROM visits GROUP BY sex"},
    ),
    Vain(
        "by-person",
        Bilingual(zh="按人分组", en="One group for each person"),
        {"hospital": "SELECT person, COUNT(*) AS records FROM visits GROUP BY person"},
        {"hospital": "SELECT COUNT(DISTINCT person) AS persons, COUNT(*) AS records FROM visits"},
    ),
    Vain(
        "feature-column",
        Bilingual(zh="统计仅供模型使用的列", en="A column that only a model may read"),
        {"hospital": "SELECT sex, AVG(mental_health) AS mean, COUNT(*) AS records FROM visits GROUP BY sex"},
        {"hospital": "SELECT sex, COUNT(*) AS records FROM visits GROUP BY sex"},
    ),
    Vain(
        "tiny-bins",
        Bilingual(zh="按百元分档住院支出", en="Inpatient spending in bins of 100 dollars"),
        {"hospital": _BINS.format(width=100)},
        {"hospital": _BINS.format(width=800)},
    ),
    Vain(
        "two-departments",
        Bilingual(zh="只问两个部门", en="Two departments alone"),
        {name: _RECORDS.format(table=TABLES[name]) for name in sorted(DEPARTMENTS)[:2]},
        {name: _RECORDS.format(table=TABLES[name]) for name in sorted(DEPARTMENTS)},
        groups=_one(*_SEXES),
    ),
    Vain(
        "other-authorization",
        Bilingual(zh="借用其他场景的授权", en="Another scenario's authorization"),
        {"social-insurance": _BY_SEX.format(where="")},
        {"social-insurance": _BY_SEX.format(where="")},
        groups=_one(*_SEXES),
        kind=Kind.OTHER_AUTHORIZATION,
    ),
    Vain(
        "one-less",
        Bilingual(
            zh="相同的统计，但去掉最年长的一人（两表相减即得此人）",
            en="The same count without the oldest person: the difference would be that person",
        ),
        {"social-insurance": _BY_SEX.format(where=" WHERE age < 64.2")},
        {"social-insurance": _BY_SEX.format(where="")},
        groups=_one(*_SEXES),
    ),
)
"""Asked after all `QUESTIONS`."""
