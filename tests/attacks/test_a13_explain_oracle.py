"""A13: EXPLAIN ANALYZE counts the rows that pass each operator, which is an answer to any question about one person.

Naive: results of fewer than ten rows are withheld, plans are shown, since a plan is no result. One statement of five hundred
branches tells five hundred diagnoses by the rows its operators passed on. Ours: a statement begins with SELECT and is
rebuilt from the closed model; plans, profiles and their settings are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.attacks.a13_patients import MARGIN, PEOPLE, accuracy, answer, plain, told

BRANCHES, FEW_BRANCHES = 500, 50
# As many rows as the group's number come out of the unnesting.
BRANCH = "SELECT unnest(range(diagnosis)) FROM patients WHERE person_id = {number}"
ONE = "SELECT COUNT(*) FROM patients WHERE person_id = 17 AND diagnosis = 3"
ATTACKS = [
    f"EXPLAIN {ONE}",
    f"EXPLAIN ANALYZE {ONE}",
    f"explain analyze {ONE}",
    f"EXPLAIN (ANALYZE, FORMAT json) {ONE}",
    f"EXPLAIN (FORMAT graphviz) {ONE}",
    f" \n EXPLAIN ANALYZE {ONE};",
    f"{ONE}; EXPLAIN ANALYZE {ONE}",
    f"SELECT COUNT(*) FROM (EXPLAIN ANALYZE {ONE})",
    f"SELECT COUNT(*) FROM query('EXPLAIN ANALYZE {ONE}')",
    f"WITH plan AS (EXPLAIN ANALYZE {ONE}) SELECT COUNT(*) FROM plan",
    f"PREPARE p AS EXPLAIN ANALYZE {ONE}",
    f"CREATE TABLE plan AS EXPLAIN ANALYZE {ONE}",
    f"SELECT json_serialize_plan('{ONE}')",
    f"SELECT COUNT(*) FROM json_execute_serialized_sql(json_serialize_sql('{ONE}'))",
    "PRAGMA enable_profiling",
    "PRAGMA enable_profiling = 'json'",
    "SET enable_profiling = 'query_tree'",
    "SET explain_output = 'all'",
    "CALL enable_logging('PhysicalOperator')",
    "SELECT COUNT(*) FROM duckdb_logs()",
    "SELECT COUNT(*) FROM duckdb_optimizers()",
    ONE,
    BRANCH.format(number=17),
]


def operators(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Depth first, so that what belongs to one branch comes together."""
    yield plan
    for child in plan.get("children", []):
        yield from operators(child)


def read(plan: str) -> dict[int, int]:
    """The attacker's reading: each branch's scan names the person, its unnesting counts the group."""
    try:
        tree = json.loads(plan)
    except ValueError:
        return {}
    learned: dict[int, int] = {}
    passed = 0
    for operator in operators(tree) if isinstance(tree, dict) else ():
        if operator.get("operator_name") == "UNNEST":
            passed = int(operator["operator_cardinality"])
        filters = str(operator.get("extra_info", {}).get("Filters", ""))
        if "person_id=" in filters:
            learned[int(filters.partition("person_id=")[2].strip("]' ").split("'")[0])] = passed
    return learned


def statement(first: int, count: int) -> str:
    branches = (BRANCH.format(number=number) for number in range(first, first + count))
    return "EXPLAIN (ANALYZE, FORMAT json) " + " UNION ALL ".join(branches)


def plans(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for first in range(1, PEOPLE + 1, BRANCHES):
        [(_, plan)] = connection.execute(statement(first, BRANCHES)).fetchall()
        yield plan


def measure() -> dict[str, object]:
    learned: dict[int, int] = {}
    for plan in plans(plain()):
        learned |= read(plan)
    seen: dict[int, int] = {}
    for first in range(1, PEOPLE + 1, FEW_BRANCHES):
        # Few at a time: what is longer would be refused for its length already.
        seen |= read(answer(statement(first, FEW_BRANCHES))[1])
    return told(
        "A13 EXPLAIN oracle",
        "用执行计划的行数套取个人信息",
        "persons through the row counts of plans",
        naive=accuracy(learned),
        ours=accuracy(seen),
        baseline=accuracy({}),
        defence={
            "zh": "只认 SELECT，语句按封闭模型重建；执行计划和性能剖析都不在白名单内",
            "en": "only SELECT, rebuilt from a closed model; plans and profiles are not on the allow-list",
        },
    )


def test_a_plan_of_the_naive_variant_tells_whether_a_person_has_a_diagnosis() -> None:
    connection = plain()
    plan = connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {BRANCH.format(number=17)}").fetchall()[0][1]
    [(group,)] = connection.execute("SELECT diagnosis FROM patients WHERE person_id = 17").fetchall()
    assert read(plan) == {17: group}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.req("RQ-308")
def test_ours_shows_no_plan(attack: str) -> None:
    allowed, said = answer(attack)
    assert not allowed
    assert "cardinality" not in said.lower()


@pytest.mark.req("RQ-308")
def test_the_attack_succeeds_on_the_naive_variant_and_gains_nothing_on_ours() -> None:
    figures = measure()
    assert figures["naive"] == 1.0
    assert float(str(figures["ours"])) <= float(str(figures["baseline"])) + MARGIN
