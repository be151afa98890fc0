"""`domicile estimate`: error, epsilon and budgets of a query, or why it would not run."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from policies.aggregate.listing import data_list_of
from policies.aggregate.question import asked_of
from tests.policies.decision.example import amended, district, whole
from tests.sandbox.cli.conftest import Call

COLUMNS = [
    {"name": "pid", "type": "VARCHAR", "uses": ["person"]},
    {"name": "sex", "type": "VARCHAR", "uses": ["group"]},
    {"name": "cost", "type": "DOUBLE", "uses": ["measure"], "bounds": [0, 1000]},
    {"name": "risk", "type": "DOUBLE", "uses": ["feature"]},
]
COUNT = "SELECT sex, COUNT(DISTINCT pid) AS persons FROM visit GROUP BY sex"
MEAN = "SELECT sex, AVG(cost) AS mean FROM visit GROUP BY sex"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    table: dict[str, Any] = {"name": "visit", "domain": "health", "person_key": "pid", "rows": 9}
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"tables": [table | {"columns": COLUMNS}]}), encoding="utf-8")
    return path


def test_a_count_at_the_default_is_priced(call: Call, listed: Path) -> None:
    result = call("estimate", "--data-list", listed, "--sql", COUNT, "--json")
    found = result.json
    assert result.status == 0
    assert (found["rho"], found["delta"]) == ("0.005", "0.000001")
    assert found["epsilon"] == "0.43"
    # Nobody said how many rows a person has: 16, each perhaps in another of up to 500 cells, so σ² = 16/2ρ.
    assert found["assumed"] == {"domains": 1, "rows": 16, "cells": 500, "persons": None}
    assert found["outputs"] == [{"name": "persons", "error_95": "78"}]
    assert found["budgets"]["scenario"] == {"budget": "0.1", "share": "0.05", "remaining": "0.095"}
    assert found["budgets"]["person"] == {"budget": "0.5", "share": "0.01", "remaining": "0.495"}
    assert found["budgets"]["releases_that_fit"] == 20


def test_people_read_lines(call: Call, listed: Path) -> None:
    result = call("estimate", "--data-list", listed, "--sql", COUNT, "--rows", 1, "--cells", 2)
    assert "persons  ± 20" in result.out
    assert "supposing 1 domain, 1 row of a person, 2 cells" in result.out
    assert "epsilon 0.43 at delta 0.000001" in result.out
    assert "5.0% of 0.1, 0.095 left after 1" in result.out


def test_an_average_needs_the_size_of_the_cells(call: Call, listed: Path) -> None:
    assert "give --persons" in call("estimate", "--data-list", listed, "--sql", MEAN).out
    small, large = (
        call("estimate", "--data-list", listed, "--sql", MEAN, "--persons", n, "--json").json
        for n in (100, 1000)
    )
    assert float(small["outputs"][0]["error_95"]) == pytest.approx(
        10 * float(large["outputs"][0]["error_95"])
    )


def test_repeats_use_up_what_is_left_and_too_many_are_refused(call: Call, listed: Path) -> None:
    given = ("estimate", "--data-list", listed, "--sql", COUNT, "--json", "--scenario-spent", "0.08")
    fits, over = call(*given, "--releases", 4), call(*given, "--releases", 5)
    assert (fits.status, fits.json["fits"]) == (0, True)
    assert fits.json["budgets"]["scenario"]["remaining"] == "0"
    assert (over.status, over.json["fits"]) == (3, False)
    people = call("estimate", "--data-list", listed, "--sql", COUNT, "--person-spent", "0.5")
    assert people.status == 3
    assert "refused: 1 do not fit" in people.out


def test_more_rows_and_domains_mean_more_error_and_cells_count_for_persons_alone(
    call: Call, listed: Path
) -> None:
    sql = "SELECT sex, SUM(cost) AS total, COUNT(DISTINCT pid) AS persons FROM visit GROUP BY sex"

    def errors(*more: object) -> tuple[float, float]:
        total, persons = call("estimate", "--data-list", listed, "--sql", sql, "--json", *more).json[
            "outputs"
        ]
        return float(total["error_95"]), float(persons["error_95"])

    least = errors("--rows", 1)
    four, wide = (errors("--rows", 4, "--cells", cells) for cells in (1, 4))
    assert four[0] == pytest.approx(4 * least[0], rel=1e-3)
    assert four[1] == least[1]
    assert wide[0] == four[0]
    assert wide[1] == pytest.approx(2 * least[1], rel=0.05)
    # Of three domains one may collude: each adds 3²/2 of the noise of one, all together 3·9/2.
    three = errors("--rows", 1, "--domains", 3)
    assert three[0] == pytest.approx(least[0] * 13.5**0.5, rel=1e-3)


def test_a_total_has_one_cell(call: Call, listed: Path) -> None:
    given = ("estimate", "--data-list", listed, "--sql", "SELECT COUNT(*) AS n FROM visit", "--json")
    assert call(*given).json["assumed"]["cells"] == 1
    assert call(*given, "--cells", 2).status == 2


def test_a_statement_that_no_job_answers_is_not_priced(call: Call, listed: Path) -> None:
    sql = "SELECT AVG(CASE WHEN sex = 'f' THEN cost ELSE 0 END) AS mean FROM visit"
    result = call("estimate", "--data-list", listed, "--sql", sql, "--json")
    assert (result.status, result.json["error"]["code"]) == (3, "question_unreadable")
    assert "ELSE 0" in result.json["error"]["detail"]


ASKED = (
    "SELECT age_band, COUNT(DISTINCT person_id) AS persons, COUNT(*) FILTER (WHERE year = 2025) AS late,"
    " SUM(cost_yuan) AS cost, AVG(cost_yuan) AS mean, STDDEV_SAMP(cost_yuan) AS spread,"
    " VAR_POP(cost_yuan) AS dispersion FROM {table} GROUP BY age_band"
)


@pytest.mark.parametrize("departments", [("hospital",), tuple(s.department for s in district.SOURCES)])
def test_what_is_estimated_is_what_the_enclaves_draw(
    call: Call, tmp_path: Path, departments: tuple[str, ...]
) -> None:
    papers, rho = whole(), "0.03"
    parts = [
        {"department": s.department, "sql": ASKED.replace("{table}", f'"{s.dataset}"')}
        for s in district.SOURCES
        if s.department in departments
    ]
    query = amended(papers.query, {"parts": parts, "parameters": [], "rho": rho})
    drawn = asked_of(query, (), scenario=papers.scenario, datasets=papers.datasets).noise
    assert drawn is not None
    found = call(
        *("estimate", "--data-list", _list_of(tmp_path, "hospital"), "--rho", rho, "--json"),
        *("--sql", ASKED.replace("{table}", '"visits-yearly"'), "--persons", 100),
        *("--domains", len(departments), "--rows", 12, "--cells", len(query.groups or ())),
    ).json
    told = drawn.as_json()
    assert {name: found[name] for name in ("rho", "epsilon", "delta")} == {
        name: told[name] for name in ("rho", "epsilon", "delta")
    }
    assert [Fraction(number["variance"]) for number in found["released"]] == list(drawn.variances)
    assert [number["rho"] for number in found["released"]] == [
        format(Decimal(int(noise.rho * 10**9)).scaleb(-9).normalize(), "f") for noise in drawn.lanes
    ]
    widths = {(n["measure"], n["number"]): n["half_width_95"] for n in told["noise"]}  # type: ignore[union-attr,index,call-overload]  # JSON objects
    shown = {output["name"]: float(output["error_95"]) for output in found["outputs"]}
    for name, lane in (
        ("persons", (None, "persons")),
        ("late", ("late", "rows")),
        ("cost", ("cost", "total")),
    ):
        assert shown[name] == pytest.approx(float(str(widths[lane])), rel=1e-5)
    # By hand: both noises of a mean, the rows at the largest cost, over the rows of the cell.
    totals = {(noise.lane.measure, noise.lane.lane): noise.share.total for noise in drawn.lanes}
    scale = 10 ** drawn.shape.measures[3].scale
    both = float(totals[3, "total"] / scale**2 + 200_000**2 * totals[3, "rows"])
    assert shown["mean"] == pytest.approx(1.96 * both**0.5 / 100, rel=1e-4)
    assert shown["spread"] == pytest.approx(shown["dispersion"] ** 0.5, rel=1e-4)


def _list_of(folder: Path, department: str) -> Path:
    """LIST.json of `department` as the scenario of the paper district makes it."""
    (table,) = data_list_of(whole().scenario, whole().datasets, department).tables
    columns = [
        {
            "name": column.name,
            "type": column.type.name,
            "uses": sorted(column.uses),
            "bounds": None
            if column.bounds is None
            else [float(column.bounds.low), float(column.bounds.high)],
        }
        for column in table.columns
    ]
    listed = {"name": table.name, "domain": table.domain, "person_key": table.person_key, "rows": table.rows}
    path = folder / "list.json"
    path.write_text(json.dumps({"tables": [{**listed, "columns": columns}]}), encoding="utf-8")
    return path


def test_a_refused_query_is_not_priced_but_explained(call: Call, listed: Path) -> None:
    sql = "SELECT MAX(cost), COUNT(risk) FROM visit"
    result = call("estimate", "--data-list", listed, "--sql", sql, "--json")
    assert (result.status, result.json["allowed"]) == (3, False)
    assert {"AGGREGATE", "FEATURE_ONLY"} <= {reason["code"] for reason in result.json["reasons"]}
    assert all(reason["hint"] for reason in result.json["reasons"])
    assert "refused by the query gate" in call("estimate", "--data-list", listed, "--sql", sql).out


@pytest.mark.parametrize(
    "given",
    [
        ("--rho", "1e-3"),
        ("--rho", "0"),
        ("--rho", "-1"),
        ("--rows", "0"),
        ("--rows", "367"),
        ("--rho", "0.2"),
        ("--cells", "501"),
        ("--domains", "51"),
        ("--person-spent", "x"),
    ],
)
def test_what_cannot_be_meant_is_malformed(call: Call, listed: Path, given: tuple[str, str]) -> None:
    assert call("estimate", "--data-list", listed, "--sql", COUNT, *given).status == 2


def test_a_data_list_may_name_tables_as_the_gate_reads_them(call: Call, listed: Path) -> None:
    listed.write_text(listed.read_text().replace('"visit"', '"Visit"'))
    assert call("estimate", "--data-list", listed, "--sql", COUNT.replace("visit", "Visit")).status == 0


def test_a_list_that_cannot_be_read_is_malformed(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert call("estimate", "--data-list", tmp_path / "bad.json", "--sql", COUNT).status == 2
    assert call("estimate", "--data-list", tmp_path / "none.json", "--sql", COUNT).status == 2
