"""A question read from signed documents: the list, the shape, the scales, the layout, and what makes it unreadable."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from policies.aggregate.account import accounts_of, organization
from policies.aggregate.layout import Layout, LayoutMismatch
from policies.aggregate.listing import DEFAULT_ROWS_PER_PERSON, data_list_of, rows_per_person
from policies.aggregate.question import Asked, asked_of, columns_asked
from policies.aggregate.terms import TermsMissing, limits_of
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.limits import LimitLoosened, Limits
from policies.documents.authorization import QueryTerms, Scenario, TightenedLimit
from policies.documents.dataset import Dataset, Use
from policies.documents.document import DocumentInvalid
from policies.documents.query import Query
from policies.sql.data_list import SqlUse
from tests.policies.decision.example import amended, district, whole

HOSPITAL = "hospital"


def asked(select: str, *departments: str, groups: list[list[str]] | None = None, having: str = "") -> Asked:
    """`select` over `{table}` asked of `departments`, by default the hospital alone."""
    chosen = departments or (HOSPITAL,)
    papers = whole()
    parts = [
        {"department": s.department, "sql": select.replace("{table}", f'"{s.dataset}"') + having}
        for s in district.SOURCES
        if s.department in chosen
    ]
    change = {"parts": parts, "parameters": [], "groups": groups}
    query = amended(papers.query, change)
    return asked_of(query, (), scenario=papers.scenario, datasets=papers.datasets)


def dataset() -> Dataset:
    return next(d for d in whole().datasets if d.owner == HOSPITAL)


def test_the_list_holds_what_the_scenario_lists_and_nothing_else() -> None:
    found = data_list_of(whole().scenario, whole().datasets, HOSPITAL)
    (table,) = found.tables
    assert (table.name, table.domain, table.person_key) == ("visits-yearly", HOSPITAL, "person_id")
    uses = {column.name: column.uses for column in table.columns}
    assert uses["age_band"] == {SqlUse.GROUP, SqlUse.FILTER}
    assert uses["visits"] == {SqlUse.FEATURE}
    cost = table.column("cost_yuan")
    assert cost is not None
    assert cost.bounds is not None
    assert (cost.bounds.low, cost.bounds.high) == (Decimal(0), Decimal(200000))


def test_a_column_the_scenario_leaves_out_does_not_exist() -> None:
    scenario = whole().scenario
    lines = tuple(line for line in scenario.data_list if line.column != "age_band")
    found = data_list_of(
        Scenario.model_copy(scenario, update={"data_list": lines}), whole().datasets, HOSPITAL
    )
    assert found.tables[0].column("age_band") is None
    without_person = tuple(line for line in lines if line.column != "person_id")
    bare = Scenario.model_copy(scenario, update={"data_list": without_person})
    person = data_list_of(bare, whole().datasets, HOSPITAL).tables[0].column("person_id")
    assert person is not None
    assert person.is_person


def test_a_table_of_one_row_a_person_counts_persons_by_rows() -> None:
    held = amended(dataset(), {"row_key": ["person_id"], "order_column": None})
    papers = whole()
    listed = data_list_of(papers.scenario, (held,), HOSPITAL)
    assert listed.tables[0].one_row_per_person
    assert not data_list_of(papers.scenario, papers.datasets, HOSPITAL).tables[0].one_row_per_person


def test_rows_per_person_follow_the_row_key() -> None:
    held = dataset()
    assert rows_per_person(held) == 12
    assert rows_per_person(amended(held, {"row_key": ["person_id"], "order_column": None})) == 1
    assert rows_per_person(amended(held, {"order_column": None})) == DEFAULT_ROWS_PER_PERSON


def test_a_governed_question_has_a_layout_and_bounds() -> None:
    found = asked(
        "SELECT age_band, COUNT(*) AS n, COUNT(DISTINCT person_id) AS p, AVG(cost_yuan) AS mean,"
        " SUM(cost_yuan) FILTER (WHERE year = 2025) AS late, ROUND(VAR_SAMP(cost_yuan), 2) AS v"
        " FROM {table} GROUP BY age_band"
    )
    assert found.place is None
    assert found.layout is not None
    shape = found.layout.shape
    assert shape.keys == ("age_band",)
    assert [(m.kind, m.coverage, m.places) for m in shape.measures] == [
        (Kind.COUNT, Coverage.CELL, None),
        (Kind.PERSONS, Coverage.CELL, None),
        (Kind.MEAN, Coverage.PRESENT, None),
        (Kind.SUM, Coverage.CONDITION, None),
        (Kind.VARIANCE, Coverage.PRESENT, 2),
    ]
    bounds = found.bounds[HOSPITAL]
    assert bounds[0] is not None
    assert bounds[0].high == 12
    assert bounds[2] is not None
    assert bounds[2].high == 12 * 200000 * 10 ** shape.measures[2].scale


def test_sums_never_leave_62_bits() -> None:
    found = asked(
        "SELECT age_band, SUM(cost_yuan) AS s, VAR_POP(cost_yuan) AS v FROM {table} GROUP BY age_band"
    )
    assert found.layout is not None
    total, variance = found.layout.shape.measures
    rows = 2400000 * 12
    assert (
        rows * 200000 * 10**total.scale < 2**62 <= rows * 200000 * 10 ** (total.scale + 1) or total.scale == 6
    )
    assert rows * (200000 * 10**variance.scale) ** 2 < 2**62


@pytest.mark.parametrize(
    ("select", "words"),
    [
        (
            "SELECT age_band, AVG(CASE WHEN year = 2025 THEN cost_yuan ELSE 0 END) AS m FROM {table} GROUP BY 1",
            "ELSE 0",
        ),
    ],
)
def test_a_governed_statement_a_job_cannot_answer_says_what_to_ask(select: str, words: str) -> None:
    found = asked(select)
    assert found.layout is None
    assert found.place == "query.parts"
    assert words in str(found.problem)
    assert found.reasons()[-1]["hint"] == found.problem  # type: ignore[index,call-overload]  # a JSON object


def test_every_reason_is_told_with_its_department() -> None:
    found = asked("SELECT MAX(visits) AS m FROM {table}")
    assert found.place == f"query.parts.{HOSPITAL}.sql"
    codes = {reason["code"] for reason in found.reasons()}  # type: ignore[index,call-overload]  # JSON objects
    assert {"AGGREGATE", "FEATURE_ONLY"} <= codes
    assert all(reason["department"] == HOSPITAL and reason["hint_zh"] for reason in found.reasons())  # type: ignore[index,call-overload]


GROUPS = [["0-17"], ["18-44"]]
PLAIN = "SELECT age_band, SUM(cost_yuan) AS s FROM {table} GROUP BY age_band"


def test_domains_are_asked_for_the_same_figures() -> None:
    both = ("hospital", "social-insurance")
    assert asked(PLAIN, *both, groups=GROUPS).place is None
    papers = whole()
    parts = [
        {"department": "hospital", "sql": 'SELECT age_band, COUNT(*) AS s FROM "visits-yearly" GROUP BY 1'},
        {
            "department": "social-insurance",
            "sql": 'SELECT age_band, SUM(cost_yuan) AS s FROM "contributions-yearly" GROUP BY 1',
        },
    ]
    query = amended(papers.query, {"parts": parts, "parameters": [], "groups": GROUPS})
    found = asked_of(query, (), scenario=papers.scenario, datasets=papers.datasets)
    assert "same keys and measures" in str(found.problem)


def test_the_dictionary_has_the_statements_keys() -> None:
    found = asked(PLAIN, "hospital", "social-insurance", groups=[["0-17", "F"]])
    assert "keys in each cell" in str(found.problem)


def test_columns_are_read_for_the_use_they_are_put_to() -> None:
    found = asked(PLAIN + "", having="")
    uses = {(line.column, line.use) for line in columns_asked(found, HOSPITAL)}
    assert uses == {("person_id", Use.PERSON), ("age_band", Use.GROUP), ("cost_yuan", Use.MEASURE)}


# --- layout ---------------------------------------------------------------------------------------------------------

SHAPE = Shape(("k",), (Measure("n", Kind.COUNT),))


def test_a_layout_without_a_dictionary_has_the_same_length_whatever_is_in_it() -> None:
    layout = Layout(SHAPE, None)
    assert layout.lanes == SHAPE.width * 500 + 1
    with pytest.raises(LayoutMismatch):
        layout.cells(np.zeros(7, dtype=np.int64), [])


def test_something_behind_the_last_cell_is_refused() -> None:
    layout = Layout(SHAPE, None)
    totals = np.zeros(layout.lanes, dtype=np.int64)
    totals[499] = 1
    with pytest.raises(LayoutMismatch):
        layout.cells(totals, [("a",)])


# --- terms and accounts ---------------------------------------------------------------------------------------------


def test_limits_are_tightened_and_never_loosened() -> None:
    papers = whole()
    assert limits_of(papers.authorization) == Limits().tightened({"persons": "20"})
    loose = QueryTerms(free=True, limits=(TightenedLimit(name="persons", value="3"),))
    with pytest.raises(LimitLoosened):
        limits_of(papers.authorization.model_copy(update={"queries": loose}))
    with pytest.raises(TermsMissing):
        limits_of(papers.authorization.model_copy(update={"queries": None}))
    with pytest.raises(TermsMissing):
        limits_of(None)


def test_an_answer_is_weighed_on_everybody_who_gets_or_asks_it() -> None:
    trust = whole().trust
    found = accounts_of(
        trust, partner="actuary-partner", submitter="actuary-partner", recipient="insurer-one"
    )
    assert found == ("actuary-partner", "insurer-one")
    assert organization(trust, "hospital-enclave") == "hospital"
    assert organization(trust, "nobody") == "nobody"


def test_a_query_document_of_several_domains_needs_a_dictionary() -> None:
    body = {**whole().query.to_body(), "groups": None}
    with pytest.raises(DocumentInvalid, match="group dictionary"):
        Query.from_body(body)
