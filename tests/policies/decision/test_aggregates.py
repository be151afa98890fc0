"""Aggregate jobs at the decision point: the query cited, authorized and governed; the domains; the table delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.decision import Action
from policies.documents.authorization import ListedColumn
from policies.documents.dataset import Use
from tests.policies.decision.example import AGGREGATING, case_for, district, papers, whole
from tests.policies.decision.test_cases import found, outcome

ASKING = sorted(AGGREGATING)


def asking(sql: str, *, departments: int = 3, **more: Any) -> dict[str, Any]:
    """A query whose every statement is `sql` over `{table}`."""
    return {
        "parts": [
            {"department": source.department, "sql": sql.replace("{table}", f'"{source.dataset}"')}
            for source in district.SOURCES[:departments]
        ],
        **more,
    }


PLAIN = "SELECT age_band, COUNT(*) AS n FROM {table} GROUP BY age_band"


@pytest.mark.parametrize("action", ASKING)
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM {table}", "raw_export"),
        ("SELECT person_id, COUNT(*) FROM {table} GROUP BY person_id", "query_refused"),
        ("SELECT age_band FROM {table}", "raw_export"),
        ("SELECT age_band, MAX(cost_yuan) AS m FROM {table} GROUP BY age_band", "query_refused"),
        ("SELECT COUNT(*) AS n FROM read_csv('/etc/passwd')", "raw_export"),
    ],
)
def test_a_statement_outside_the_class_is_refused_everywhere(action: Action, sql: str, code: str) -> None:
    change = asking(sql, parameters=[], groups=[["0-17"]])
    decision = outcome(action, papers(query=change, aggregate_job={"parameters": []}))
    assert code in decision.codes
    assert not decision.allowed


@pytest.mark.parametrize("action", ASKING)
def test_features_are_for_models_alone(action: Action) -> None:
    change = asking("SELECT age_band, SUM(visits) AS v FROM {table} GROUP BY age_band", departments=2)
    hospital = {**change, "parts": change["parts"][1:], "parameters": [], "groups": None}
    decision = outcome(action, papers(query=hospital, aggregate_job={"parameters": []}))
    assert decision.codes[0] == "query_refused"
    assert found(decision)["query_refused"] == "query.parts.hospital.sql"


@pytest.mark.parametrize("action", ASKING)
def test_the_query_must_be_of_this_scenario_and_partner(action: Action) -> None:
    assert found(outcome(action, papers(query={"scenario": "0" * 64})))["query_mismatch"] == "query.scenario"
    assert (
        found(outcome(action, papers(query={"partner": "other-partner"})))["query_mismatch"]
        == "query.partner"
    )
    other = papers(aggregate_job={"query": "0" * 64})
    assert found(outcome(action, other))["query_mismatch"] == "job.query"


@pytest.mark.parametrize("action", ASKING)
@pytest.mark.parametrize(
    "given",
    [
        [],
        [{"name": "year", "value": "1999"}],
        [{"name": "year", "value": "2025 OR TRUE"}],
        [{"name": "month", "value": "2025"}],
        [{"name": "month", "value": "1"}, {"name": "year", "value": "2025"}],
    ],
)
def test_parameters_are_given_exactly_as_declared(action: Action, given: list[dict[str, str]]) -> None:
    decision = outcome(action, papers(aggregate_job={"parameters": given}))
    assert not decision.allowed
    assert {"query_mismatch", "query_refused"} & set(decision.codes)


def test_a_template_alone_may_be_run_where_queries_are_not_free() -> None:
    template = whole().query.digest
    terms = {"free": False, "templates": [template], "limits": []}
    assert outcome(Action.AGGREGATE, papers(authorization={"queries": terms})).allowed
    other = {**terms, "templates": ["0" * 64]}
    decision = outcome(Action.AGGREGATE, papers(authorization={"queries": other}))
    assert found(decision) == {"query_not_authorized": "authorization.queries.templates"}


@pytest.mark.parametrize("action", ASKING)
@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("persons", "40", True),
        ("top1_share", "0.2", True),
        ("persons", "2", False),
        ("top1_share", "0.99", False),
        ("max_cells", "100000", False),
        ("generosity", "1", False),
    ],
)
def test_signers_may_tighten_a_limit_and_loosen_none(
    action: Action, name: str, value: str, kept: bool
) -> None:
    terms = {"free": True, "limits": [{"name": name, "value": value}]}
    decision = outcome(action, papers(authorization={"queries": terms}))
    assert decision.allowed is kept
    assert found(decision) == ({} if kept else {"limit_loosened": "authorization.queries.limits"})


@pytest.mark.parametrize("action", ASKING)
def test_two_domains_need_the_signed_bilateral_flag(action: Action) -> None:
    two = {**asking(PLAIN, departments=2), "parameters": [], "groups": [["0-17"], ["18-44"]]}
    plain = {"query": two, "aggregate_job": {"parameters": []}}
    assert found(outcome(action, papers(**plain), department="hospital")) == {
        "domains_too_few": "authorization.queries.bilateral"
    }
    flagged = {"queries": {"free": True, "bilateral": True}}
    assert outcome(action, papers(**plain, authorization=flagged)).allowed


@pytest.mark.parametrize("action", ASKING)
def test_one_domain_needs_the_signers_to_accept_what_the_gate_sees(action: Action) -> None:
    one = {**asking(PLAIN, departments=2), "parameters": [], "groups": None}
    one["parts"] = one["parts"][1:]
    plain = {"query": one, "aggregate_job": {"parameters": []}}
    assert found(outcome(action, papers(**plain))) == {
        "gate_totals_not_accepted": "authorization.gate_sees_totals"
    }
    assert outcome(action, papers(**plain, authorization={"gate_sees_totals": True})).allowed


def test_the_plan_must_lay_the_answer_out_as_the_query_does() -> None:
    lanes = whole().aggregate_plan.lanes
    assert lanes is not None
    decision = outcome(Action.AGGREGATE, papers(aggregate_plan={"lanes": lanes + 1}))
    assert found(decision) == {"query_mismatch": "plan.lanes"}


def test_the_plan_may_ask_only_the_domains_of_the_query() -> None:
    roster = whole().aggregate_plan.to_body()["roster"]
    assert isinstance(roster, list)
    decision = outcome(Action.AGGREGATE, papers(aggregate_plan={"roster": roster[:2]}))
    assert found(decision) == {"roster_mismatch": "plan.roster"}


def test_without_the_cited_data_sets_nobody_can_read_the_statement() -> None:
    case = case_for(Action.RELEASE_CELLS)
    decision = outcome(Action.RELEASE_CELLS, listed=case.listed[:2])
    assert {"query_refused", "raw_export"} <= set(decision.codes)


def test_a_column_put_to_another_use_than_listed_is_refused_in_the_enclave() -> None:
    wrong = ListedColumn(department="hospital", dataset="visits-yearly", column="visits", use=Use.MEASURE)
    columns = (*(case_for(Action.AGGREGATE).columns or ()), wrong)
    assert outcome(Action.AGGREGATE, columns=columns).codes == ("use_not_allowed",)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"recipient": "examiner"}, "release.recipient"),
        ({"recipient_sealing_key": "0" * 64}, "release.recipient_sealing_key"),
        ({"authorization": "0" * 64}, "release.authorization"),
    ],
)
def test_only_a_table_released_to_the_recipient_is_delivered(change: dict[str, Any], where: str) -> None:
    assert found(outcome(Action.DELIVER_TABLE, papers(table=change))) == {"release_mismatch": where}


def test_a_table_past_its_expiry_is_not_delivered() -> None:
    late = datetime(2026, 7, 1, tzinfo=UTC)
    assert found(outcome(Action.DELIVER_TABLE, now=late)) == {"release_mismatch": "release.sealed.expires_at"}


def test_aggregate_jobs_end_at_their_limit() -> None:
    assert outcome(Action.ADMIT_AGGREGATE, runs_used=999).allowed
    assert found(outcome(Action.ADMIT_AGGREGATE, runs_used=1000)) == {
        "runs_exhausted": "scenario.limits.aggregate_jobs"
    }
