"""Problems as they come from outside: what is of another type is left out, and what a statement is told survives the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from enclaves.transport.problem import Problem, StatementReason

TOLD: dict[str, Any] = {
    "department": "hospital",
    "code": "AGGREGATE",
    "column": "visits.cost",
    "where": "select",
    "hint": "write AVG(cost) instead of MAX(cost)",
    "hint_zh": "改用 AVG(cost)",
}


def parsed(**members: Any) -> Problem:
    return Problem.parse(403, json.dumps({"code": "query_refused", **members}).encode())


def test_every_reason_of_a_statement_is_read_and_written_as_it_came() -> None:
    problem = parsed(query=[TOLD, TOLD | {"department": None, "column": None}])
    assert [reason.to_json() for reason in problem.query] == [
        TOLD,
        TOLD | {"department": None, "column": None},
    ]
    assert problem.to_json()["query"] == [reason.to_json() for reason in problem.query]
    assert Problem.from_json(problem.to_json()) == problem


def test_a_hint_is_told_in_the_language_asked_for_or_the_best_there_is() -> None:
    (reason,) = parsed(query=[TOLD]).query
    assert (reason.text("zh"), reason.text("en")) == (TOLD["hint_zh"], TOLD["hint"])
    assert (
        StatementReason.from_json({"code": "STAR", "hint": "name the columns"}).text("zh")
        == "name the columns"
    )
    assert StatementReason.from_json({"code": "STAR"}).text() == "STAR"


@pytest.mark.parametrize("query", [None, 7, "STAR", {"code": "STAR"}, ["STAR", 7, None]])
def test_what_is_no_list_of_reasons_is_left_out(query: Any) -> None:
    problem = parsed(query=query)
    assert problem.query == ()
    assert "query" not in problem.to_json()


def test_members_of_another_type_are_left_out_of_a_reason() -> None:
    (reason,) = parsed(query=[{"department": 7, "code": ["x"], "column": {}, "where": 1, "hint": None}]).query
    assert reason == StatementReason(None, "", None, None)
