"""A statement is read for whoever asks, by a scenario's list or by the caller's own, and nothing comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.aggregate.listing import data_list_of
from policies.sql.data_list import DataList
from policies.sql.gate import check, check_batch
from tests.sandbox.asking import SQL, Questions, agree_on_queries, dataset
from tests.sandbox.inside import Inside, inside

LIST: dict[str, Any] = {
    "tables": [
        {
            "name": "visits",
            "domain": "hospital",
            "person_key": "person",
            "rows": 10,
            "columns": [
                {"name": "person", "type": "BIGINT", "uses": ["person"]},
                {"name": "sex", "type": "VARCHAR", "uses": ["group"]},
            ],
        }
    ]
}
COUNT = "SELECT sex, COUNT(DISTINCT person) AS n FROM visits GROUP BY sex"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("sql"))) as site:
        yield site


@pytest.fixture(scope="module")
def questions(site: Inside) -> Questions:
    return agree_on_queries(site)


@pytest.mark.parametrize(
    "sql", [SQL, "SELECT * FROM visits", "SELECT MAX(cost) FROM visits", "drop table visits", ""]
)
def test_the_verdict_is_the_gates_for_the_scenarios_list(
    site: Inside, questions: Questions, sql: str
) -> None:
    told = site.endpoint("partner").check_sql("hospital", sql, scenario=questions.scenario.digest)
    listed = data_list_of(questions.scenario, (dataset("hospital"),), "hospital")
    verdict = check(sql, listed)
    assert (told["allowed"], told["statement"]) == (verdict.allowed, verdict.statement)
    assert told["reasons"] == [{**r.to_json(), "hint_zh": r.hint_zh} for r in verdict.reasons]


@pytest.mark.parametrize("sql", [COUNT, "SELECT cost FROM visits"])
def test_the_verdict_is_that_of_the_command_line_for_a_given_list(site: Inside, sql: str) -> None:
    told: Any = site.endpoint("insurer").check_sql("hospital", sql, data_list=LIST)
    line = json.dumps({"id": "q", "sql": sql}).encode()
    (printed,) = check_batch([line], DataList.read(json.dumps(LIST).encode()))
    plain = [{name: reason[name] for name in reason if name != "hint_zh"} for reason in told["reasons"]]
    assert {"id": "q", **told, "reasons": plain} == printed


def test_nothing_is_stored_by_reading(site: Inside, questions: Questions) -> None:
    before = site.state()
    site.endpoint("partner").check_sql("hospital", SQL, scenario=questions.scenario.digest)
    assert site.state() == before


def test_what_is_not_there_is_not_read_against(site: Inside, questions: Questions) -> None:
    partner, digest = site.endpoint("partner"), questions.scenario.digest
    with pytest.raises(NotFound):
        partner.check_sql("hospital", SQL, scenario="ab" * 32)
    with pytest.raises(Malformed):
        partner.check_sql("insurer", SQL, scenario=digest)
    with pytest.raises(Malformed):
        partner.check_sql("hospital", SQL, scenario=questions.authorization.digest)
    for both in ({"scenario": digest, "data_list": LIST}, {}):
        with pytest.raises(Malformed):
            partner.check_sql("hospital", SQL, **both)  # type: ignore[arg-type]  # both lists or none
    with pytest.raises((Malformed, Refused)):
        partner.check_sql("hospital", SQL, data_list={"tables": 7})
    with pytest.raises(Malformed):
        partner.post_json("/v1/sql/check", {"sql": SQL})
