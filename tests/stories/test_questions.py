"""`domicile demo --questions`: real processes over real data, every answer against plain arithmetic on the source files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from policies.aggregate.question import asked_of
from policies.documents.query import Query, QueryPart
from sandbox.demo import declarations, statistics
from sandbox.demo.page import HEAD, IMAGES, figures
from sandbox.demo.questions import IN_VAIN, QUESTIONS, Vain
from sandbox.demo.rand import write_sources

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "questions.md").read_text(encoding="utf-8")
NAMES = [question.name for question in QUESTIONS]
EXACT = [question.name for question in QUESTIONS if question.rho is None]

Row = dict[str, Any]
Cells = dict[tuple[str, ...], list[Row]]
Numbers = dict[tuple[str, ...], list[Fraction | int]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("questions") / "charts"


@pytest.fixture(scope="module")
def told(drawn: Path) -> dict[str, Any]:
    """One run, its JSON answer."""
    argv = [sys.executable, "-m", "sandbox.cli.main", "demo", "--questions", "--json", "--charts", str(drawn)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """Every department's rows."""
    sources = write_sources(tmp_path_factory.mktemp("sources"))
    as_text = pa.csv.ConvertOptions(column_types={"person": pa.string()})
    return {
        "hospital": pa.parquet.read_table(sources.hospital).to_pylist(),
        "social-insurance": pa.csv.read_csv(sources.social_insurance, convert_options=as_text).to_pylist(),
        "health-insurance": pa.feather.read_table(sources.health_insurance).to_pylist(),
    }


# --- plain arithmetic -----------------------------------------------------------------------------------------------


def grouped(rows: Iterable[Row], key: Callable[[Row], tuple[object, ...]]) -> Cells:
    cells: Cells = {}
    for row in rows:
        cells.setdefault(tuple(map(str, key(row))), []).append(row)
    return cells


def to_base(count: int) -> int:
    """The nearest multiple of five; there is no tie."""
    return (count + 2) // 5 * 5


def to_digits(value: Fraction) -> Fraction:
    """Three significant digits, half to even."""
    if not value:
        return value
    unit = Fraction(1)
    while abs(value) / unit >= 1000:
        unit *= 10
    while abs(value) / unit < 100:
        unit /= 10
    return round(value / unit) * unit


def persons(rows: Sequence[Row]) -> int:
    return to_base(len({row["person"] for row in rows}))


def total(rows: Sequence[Row], column: str) -> Fraction:
    return to_digits(sum((Fraction(str(row[column])) for row in rows), Fraction(0)))


def mean(rows: Sequence[Row], column: str) -> Fraction:
    """From the rounded parts, as released."""
    return to_digits(total(rows, column) / to_base(len(rows)))


def care(row: Row) -> str:
    return "free" if row["coinsurance"] == 0 else "shared"


def health(row: Row) -> str:
    rated = row["self_rated_health"]
    return str(rated) if rated in {"excellent", "good"} else "fair or poor"


def in_term(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["term"] != "other" and row["year"] <= 3]


def expected(name: str, held: dict[str, list[Row]]) -> Numbers:
    """Every cell of the answer as if nothing were withheld."""
    hospital, social, plans = (held[d] for d in ("hospital", "social-insurance", "health-insurance"))
    match name:
        case "spending-by-age":
            names = ("outpatient_spending", "inpatient_spending", "drug_spending")
            cells = grouped(hospital, lambda r: (r["age_group"],))
            return {key: [mean(rows, n) for n in names] for key, rows in cells.items()}
        case "spending-by-sex-and-plan":
            cells = grouped(hospital, lambda r: (r["sex"], care(r)))
            return {key: [mean(rows, "outpatient_spending")] for key, rows in cells.items()}
        case "visits-by-year-and-plan":
            cells = grouped(in_term(hospital), lambda r: (r["year"], care(r)))
            return {key: [mean(rows, "doctor_visits")] for key, rows in cells.items()}
        case "persons-by-plan":
            cells = grouped(plans, lambda r: (r["sex"], r["coinsurance"]))
            return {key: [persons(rows)] for key, rows in cells.items()}
        case "spending-by-health":
            names = ("outpatient_spending", "drug_spending")
            cells = grouped(in_term(hospital), lambda r: (health(r),))
            return {key: [mean(rows, n) for n in names] for key, rows in cells.items()}
        case "inpatient-share-by-age":
            names = ("inpatient_spending", "outpatient_spending", "drug_spending")
            cells = grouped(hospital, lambda r: (r["age_group"],))
            return {key: [total(rows, n) for n in names] for key, rows in cells.items()}
        case "chronic-by-sex":
            cells = grouped(plans, lambda r: (r["sex"],))
            return {
                key: [persons(rows), persons([r for r in rows if r["chronic_diseases"] >= 14])]
                for key, rows in cells.items()
            }
        case "persons-in-three-departments":
            parts = [grouped(rows, lambda r: (r["sex"],)) for rows in held.values()]
            return {
                key: [
                    to_base(sum(len({r["person"] for r in part[key]}) for part in parts)),
                    to_base(sum(len(part[key]) for part in parts)),
                ]
                for key in parts[0]
            }
        case "income-histogram":
            cells = grouped(social, lambda r: (int(r["income"] // 2500) * 2500,))
            return {key: [persons(rows)] for key, rows in cells.items()}
        case _:
            raise LookupError(name)


def answered(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(answer for answer in told["questions"] if answer["name"] == name)


def shown(answer: dict[str, Any]) -> Numbers:
    """Released cells as exact numbers."""
    return {
        tuple(row["key"]): [Fraction(Decimal(str(value))) for value in row["values"]]
        for row in answer["rows"]
        if None not in row["values"]
    }


# --- answered -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_every_released_number_is_that_of_plain_arithmetic_on_the_sources(
    told: dict[str, Any], held: dict[str, list[Row]], name: str
) -> None:
    numbers, plain = shown(answered(told, name)), expected(name, held)
    assert numbers
    assert numbers == {key: plain[key] for key in numbers}


def test_only_the_thin_end_of_the_incomes_is_withheld(
    told: dict[str, Any], held: dict[str, list[Row]]
) -> None:
    """Four bins at the top: fewer than ten in three of them; with the fourth too few people would be left over."""
    for name in EXACT:
        answer = answered(told, name)
        hidden = {row["key"][0] for row in answer["rows"] if None in row["values"]}
        top = {"20000", "22500", "25000", "27500"} if name == "income-histogram" else set()
        assert hidden == top, name
        assert answer["withheld_cells"] == len(top)
        assert sum(answer["cells_by_rule"].values()) == len(top)
    cells = grouped(held["social-insurance"], lambda r: (r["sex"], int(r["income"] // 2500) * 2500))
    left = [
        len({r["person"] for r in cells.get((sex, low), [])}) for sex in "FM" for low in ("20000", "22500")
    ]
    assert min(left) < 10


def test_two_reviewers_looked_at_the_first_table_and_at_no_other(told: dict[str, Any]) -> None:
    assert [answer["reviewed"] for answer in told["questions"]] == [True] + [False] * (len(NAMES) - 1)


def test_the_noised_answer_is_off_by_no_more_than_its_noise(
    told: dict[str, Any], held: dict[str, list[Row]]
) -> None:
    answer = answered(told, "income-by-sex-noised")
    half = {
        (noise["measure"], noise["number"]): Fraction(noise["half_width_95"])
        for noise in answer["privacy"]["noise"]
    }
    assert answer["privacy"]["rho"] == "0.05"
    cells = grouped(held["social-insurance"], lambda r: (r["sex"],))
    assert set(shown(answer)) == set(cells)
    for key, (people, average) in shown(answer).items():
        rows = cells[key]
        exact = len({row["person"] for row in rows})
        # 95 % lie within one half width; beyond five of them (ten deviations) lies nobody.
        assert abs(people - exact) <= 5 * half[None, "persons"]
        amount, count = sum(Fraction(str(row["income"])) for row in rows), len(rows)
        slack, fewest = 5 * half["mean", "total"], count - 5 * half["mean", "rows"]
        assert abs(average - amount / count) <= (slack + amount / count * (count - fewest)) / fewest + 1


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.req("RQ-011", "RQ-309")
def test_what_was_asked_in_vain_is_refused_each_with_its_code(told: dict[str, Any]) -> None:
    assert [(one["name"], one["code"]) for one in told["refused"]] == [
        ("raw-rows", "raw_export"),
        ("largest-bill", "query_refused"),
        ("by-person", "query_refused"),
        ("feature-column", "query_refused"),
        ("tiny-bins", "query_refused"),
        ("two-departments", "domains_too_few"),
        ("other-authorization", "scenario_mismatch"),
        ("one-less", "withheld"),
    ]
    statement = {one["name"]: one["statement"] for one in told["refused"] if one["statement"]}
    assert statement["largest-bill"] == ["AGGREGATE"]
    assert statement["by-person"] == ["PERSON_COLUMN"]
    assert statement["feature-column"] == ["FEATURE_ONLY"]
    assert statement["tiny-bins"] == ["BIN_TOO_FINE"]


def test_every_refusal_names_a_change_in_both_languages(told: dict[str, Any]) -> None:
    for one in told["refused"]:
        assert one["reason"]["zh"]
        assert one["code"] == "withheld" or (one["change"]["zh"] and one["change"]["en"]), one["name"]


@pytest.mark.parametrize("vain", IN_VAIN, ids=lambda vain: str(vain.name))
def test_what_may_be_asked_instead_is_governed(vain: Vain) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    declared = declarations.datasets(now)
    scenario = statistics.scenario(
        now, overall="0" * 64, cited=declared, scenario_id="s", purpose="p", title=vain.title
    )
    query = Query(
        id="instead",
        partner="partner",
        scenario=scenario.digest,
        title=vain.title,
        parts=tuple(QueryPart(department=d, sql=text) for d, text in sorted(vain.instead.items())),
        groups=vain.groups,
    )
    asked = asked_of(query, (), scenario=scenario, datasets=tuple(declared.values()))
    assert asked.reasons() == []
    assert asked.layout is not None


@pytest.mark.req("RQ-309")
def test_of_everybody_but_one_the_cell_of_that_one_is_withheld_and_the_other_is_told(
    told: dict[str, Any], held: dict[str, list[Row]]
) -> None:
    answer = next(one["answer"] for one in told["refused"] if one["name"] == "one-less")
    oldest = {row["person"]: row["sex"] for row in held["social-insurance"] if row["age"] >= 64.2}
    assert len(oldest) == 1
    (sex,) = oldest.values()
    rows = {row["key"][0]: row["values"][0] for row in answer["rows"]}
    assert rows[sex] is None
    (other,) = set(rows) - {sex}
    assert rows[other] == persons([row for row in held["social-insurance"] if row["sex"] == other])


def bars(picture: Path) -> list[str | None]:
    """What each bar is said to stand for; the layout around them depends on the fonts of a machine."""
    root = ET.parse(picture).getroot()
    found = [e.get("aria-label") for e in root.iter() if e.get("aria-roledescription") == "bar"]
    assert found
    return found


# --- the page and its charts ----------------------------------------------------------------------------------------


def test_charts_are_drawn_as_asked(told: dict[str, Any], drawn: Path) -> None:
    assert sorted(told["charts"]) == sorted(path.name for path in drawn.iterdir())
    assert len(told["charts"]) == 4 * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_the_numbers_of_a_fresh_run(told: dict[str, Any], drawn: Path, name: str) -> None:
    answer = answered(told, name)
    section = PAGE.split(f"`{name}`")[1].split("### ")[0]
    assert [line for line in figures(answer) if line not in section] == []
    if answer["privacy"] is None:
        for language in ("zh", "en"):
            picture = f"{name}.{language}.svg"
            assert bars(DOCS / IMAGES / picture) == bars(drawn / picture)


def test_the_page_says_what_the_writer_of_the_page_says() -> None:
    assert PAGE.startswith(HEAD)


def test_charts_without_questions_are_refused() -> None:
    for options in (("--charts", "x"), ("--questions", "--serve")):
        argv = [sys.executable, "-m", "sandbox.cli.main", "demo", *options]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "--questions" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_page_names_every_question_with_its_statement_and_pictures_that_are_charts(name: str) -> None:
    question = next(question for question in QUESTIONS if question.name == name)
    section = PAGE.split(f"`{name}`")[1].split("### ")[0]
    for department, sql in question.sql.items():
        assert f"-- {department}" in section
        assert sql.split()[1] in section
    for language in ("zh", "en"):
        picture = f"{name}.{language}.svg"
        assert f"({IMAGES}/{picture})" in section
        assert ET.parse(DOCS / IMAGES / picture).getroot().tag.endswith("svg")


def test_the_page_names_everything_that_was_refused_with_a_change(told: dict[str, Any]) -> None:
    for vain, one in zip(IN_VAIN, told["refused"], strict=True):
        section = PAGE.split(f"`{vain.name}`")[1].split("### ")[0]
        assert f"`{one['code']}`" in section
        assert one["reason"]["en"] in section
        for change in filter(None, [one["change"]]):
            assert change["en"] in section
            assert change["zh"] in section
