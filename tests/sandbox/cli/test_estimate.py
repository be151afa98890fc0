"""`domicile estimate`: error, epsilon and budgets of a query, or why it would not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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
    assert found["epsilon"].startswith("0.4299")
    assert found["outputs"] == [{"name": "persons", "error_95": "20"}]
    assert found["budgets"]["scenario"] == {"budget": "0.1", "share": "0.05", "remaining": "0.095"}
    assert found["budgets"]["person"] == {"budget": "0.5", "share": "0.01", "remaining": "0.495"}
    assert found["budgets"]["releases_that_fit"] == 20


def test_people_read_lines(call: Call, listed: Path) -> None:
    result = call("estimate", "--data-list", listed, "--sql", COUNT)
    assert "persons  ± 20" in result.out
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


def test_more_rows_and_groups_a_person_mean_more_error(call: Call, listed: Path) -> None:
    sql = "SELECT sex, SUM(cost) AS total FROM visit GROUP BY sex"
    errors = [
        float(
            call("estimate", "--data-list", listed, "--sql", sql, "--json", *more).json["outputs"][0][
                "error_95"
            ]
        )
        for more in ((), ("--rows", 4), ("--rows", 4, "--groups", 4))
    ]
    assert errors[1] == pytest.approx(4 * errors[0], rel=1e-3)
    assert errors[2] == pytest.approx(8 * errors[0], rel=1e-3)


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
        ("--groups", "501"),
        ("--person-spent", "x"),
    ],
)
def test_what_cannot_be_meant_is_malformed(call: Call, listed: Path, given: tuple[str, str]) -> None:
    assert call("estimate", "--data-list", listed, "--sql", COUNT, *given).status == 2


def test_a_list_that_cannot_be_read_is_malformed(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert call("estimate", "--data-list", tmp_path / "bad.json", "--sql", COUNT).status == 2
    assert call("estimate", "--data-list", tmp_path / "none.json", "--sql", COUNT).status == 2
