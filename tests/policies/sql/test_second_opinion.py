"""The second parser: agrees with what is allowed, disagrees with what is not one SELECT over the same tables."""

from __future__ import annotations

import pytest

from policies.sql.gate import check
from policies.sql.second_opinion import agrees
from tests.policies.sql.listed import DATA_LIST
from tests.policies.sql.test_grammar import AGGREGATES, JOINS, KEYS, PREDICATES, TAILS

ASKED = "SELECT sex, COUNT(*) AS n, COUNT(DISTINCT pid) AS persons FROM residents GROUP BY sex"


def test_the_productions_of_the_contract_are_agreed_on() -> None:
    # `check` asks it, and test_grammar runs each of them through `check`.
    assert check(ASKED, DATA_LIST).allowed
    assert len(KEYS) + len(AGGREGATES) + len(PREDICATES) + len(JOINS) + len(TAILS) > 100


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; SELECT 2",
        "SELECT COUNT(*) FROM residents UNION SELECT 1",
        "SELECT COUNT(*) FROM (SELECT * FROM residents)",
        "WITH residents AS (SELECT 1) SELECT COUNT(*) FROM residents",
        "SELECT COUNT(*) FROM residents, visits",
        "SELECT COUNT(*) FROM residents WHERE sex IN (SELECT 'F')",
        "SELECT COUNT(*) FROM visits",
        "DROP TABLE residents",
        "",
    ],
)
def test_another_reading_of_the_text_is_no_agreement(text: str) -> None:
    verdict = check(ASKED, DATA_LIST)
    assert verdict.statement is not None
    assert verdict.query is not None
    assert not agrees(text, verdict.statement, verdict.query)


def test_what_it_cannot_parse_is_judged_by_the_rebuilt_statement() -> None:
    verdict = check(ASKED, DATA_LIST)
    assert verdict.statement is not None
    assert verdict.query is not None
    assert agrees("SELECT (((", verdict.statement, verdict.query)
    assert not agrees("SELECT (((", "SELECT (((", verdict.query)


@pytest.mark.parametrize("levels", [10, 30, 48])
def test_nesting_within_the_contract_is_no_disagreement(levels: int) -> None:
    asked = "SELECT COUNT(*) AS n FROM residents WHERE " + "NOT (" * levels + "age = 4" + ")" * levels
    assert check(asked, DATA_LIST).allowed


def test_parentheses_around_a_join_hold_no_query() -> None:
    joined = "SELECT COUNT(*) AS n FROM (residents r JOIN visits v ON r.pid = v.pid)"
    assert check(joined, DATA_LIST).allowed
