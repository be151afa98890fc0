"""The corpus: no attack passes, every legitimate query does, and what is rebuilt answers what was asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from policies.sql.data_list import DataList
from policies.sql.gate import Verdict, check, check_batch
from tests.policies.sql.answers import compared, fetched
from tests.policies.sql.corpus import build_attacks
from tests.policies.sql.corpus.rows import connect
from tests.policies.sql.grammar_oracle import refusal
from tests.policies.sql.oracle_expressions import Expression
from tests.policies.sql.oracle_names import LIST_FILE, read_tables
from tests.policies.sql.oracle_parser import parse

CORPUS = Path(__file__).parent / "corpus"
LIST = DataList.read(LIST_FILE.read_bytes())
TABLES = read_tables()
ATTACKS = [
    json.loads(line) for line in (CORPUS / "attacks.jsonl").read_text(encoding="utf-8").split("\n") if line
]
LEGITIMATE = [
    json.loads(line) for line in (CORPUS / "legitimate.jsonl").read_text(encoding="utf-8").split("\n") if line
]
PERSON_VALUE = re.compile("P?44030019")


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {query["id"]: check(query["sql"], LIST) for query in LEGITIMATE}


@pytest.fixture(scope="module")
def refusals() -> dict[str, Verdict]:
    return {attack["id"]: check(attack["sql"], LIST) for attack in ATTACKS}


@pytest.fixture(scope="module")
def rows() -> duckdb.DuckDBPyConnection:
    return connect()


def test_the_corpus_has_its_size() -> None:
    assert len(ATTACKS) >= 1500
    assert len({attack["family"] for attack in ATTACKS}) >= 61
    assert len(LEGITIMATE) >= 170
    assert len({query["sql"] for query in LEGITIMATE}) == len(LEGITIMATE)
    assert len({table["domain"] for table in json.loads(LIST_FILE.read_bytes())["tables"]}) >= 4


def test_attacks_are_those_of_the_seeds() -> None:
    assert build_attacks.ATTACKS.read_text(encoding="utf-8") == build_attacks.text()


@pytest.mark.req("RQ-308")
def test_no_attack_is_allowed(refusals: dict[str, Verdict]) -> None:
    assert [identity for identity, verdict in refusals.items() if verdict.allowed] == []


def test_each_attack_is_refused_for_its_reason(refusals: dict[str, Verdict]) -> None:
    wrong = []
    for attack in ATTACKS:
        codes = {reason.code.value for reason in refusals[attack["id"]].reasons}
        if not codes & set(attack["codes"]):
            wrong.append((attack["id"], sorted(codes)))
    assert wrong == []


def test_each_refusal_has_a_hint_without_engine_text(refusals: dict[str, Verdict]) -> None:
    for identity, verdict in refusals.items():
        for reason in verdict.reasons:
            assert reason.hint.strip(), identity
            assert not re.search("Error|LINE 1|Candidate|exception", reason.hint), identity


def test_a_batch_judges_as_the_single_check_does(
    verdicts: dict[str, Verdict], refusals: dict[str, Verdict]
) -> None:
    queries = [*LEGITIMATE, *ATTACKS]
    lines = (json.dumps({"id": query["id"], "sql": query["sql"]}).encode() for query in queries)
    single = {**verdicts, **refusals}
    for query, answer in zip(queries, check_batch(lines, LIST), strict=True):
        verdict = single[query["id"]]
        assert (answer["id"], answer["allowed"], answer["statement"]) == (
            query["id"],
            verdict.allowed,
            verdict.statement,
        )
        assert answer["reasons"] == [reason.to_json() for reason in verdict.reasons], query["id"]


def test_a_hinted_edit_passes(refusals: dict[str, Verdict]) -> None:
    """Where one edit is all that is asked and its text stands in the query, the edited query is allowed."""
    edited = 0
    for attack in ATTACKS:
        hints = {reason.hint for reason in refusals[attack["id"]].reasons}
        edit = re.fullmatch(r"write (\S.*) instead of (\S.*)", next(iter(hints))) if len(hints) == 1 else None
        if edit is None or edit.group(2).lower() not in attack["sql"].lower():
            continue
        edited += 1
        new, old = edit.groups()
        changed = re.sub(re.escape(old), new.replace("\\", r"\\"), attack["sql"], flags=re.IGNORECASE)
        assert check(changed, LIST).allowed, (attack["id"], changed)
    assert edited > 50


def test_the_oracle_tells_the_corpus_apart() -> None:
    assert [attack["id"] for attack in ATTACKS if refusal(attack["sql"], TABLES) is None] == []
    assert [
        (q["id"], refusal(q["sql"], TABLES)) for q in LEGITIMATE if refusal(q["sql"], TABLES) is not None
    ] == []


def test_every_legitimate_query_is_allowed(verdicts: dict[str, Verdict]) -> None:
    refused = {i: [(r.code.value, r.hint) for r in v.reasons] for i, v in verdicts.items() if not v.allowed}
    assert refused == {}


def test_a_rebuilt_statement_names_only_what_is_listed(
    verdicts: dict[str, Verdict], rows: duckdb.DuckDBPyConnection
) -> None:
    listed = {table.name for table in TABLES.values()}
    columns = {column.name for table in TABLES.values() for column in table.columns.values()}
    for identity, verdict in verdicts.items():
        statement = verdict.statement or ""
        assert set(rows.get_table_names(statement)) <= listed, identity
        bare = re.sub("'(?:[^']|'')*'", "''", statement)
        assert not re.search(r"--|/\*|;", bare), identity
        assert not re.search(r"\*", bare.upper().replace("COUNT(*)", "")), identity
        qualified = re.findall(r'"((?:[^"]|"")+)"\."((?:[^"]|"")+)"', bare)
        assert {table for table, _ in qualified} <= listed, identity
        assert {column for _, column in qualified} <= columns, identity


def test_a_rebuilt_statement_answers_what_was_asked(
    verdicts: dict[str, Verdict], rows: duckdb.DuckDBPyConnection
) -> None:
    """Cell by cell on generated rows within the bounds, where clipping changes nothing."""
    answered = 0
    for query in LEGITIMATE:
        answered += compared(query["sql"], verdicts[query["id"]].statement or "", asked_of=rows, ran_on=rows)
    assert answered > 2000


def test_a_rebuilt_statement_clips_each_row_to_the_bounds(verdicts: dict[str, Verdict]) -> None:
    """On rows far outside the bounds it answers what the question asked of the clipped rows would."""
    wild, clipped = connect(wild=True), connect(wild=True)
    for table in TABLES.values():
        for column in table.columns.values():
            if column.bounds is not None:
                low, high = column.bounds
                here = f'"{column.name}"'
                value = (
                    f"CASE WHEN {here} < {low} THEN {low} WHEN {here} > {high} THEN {high} ELSE {here} END"
                )
                clipped.execute(f'UPDATE "{table.name}" SET "{column.name}" = {value}')
    answered = 0
    for query in LEGITIMATE:
        answered += compared(
            query["sql"], verdicts[query["id"]].statement or "", asked_of=clipped, ran_on=wild
        )
    assert answered > 2000


def test_a_rebuilt_statement_counts_the_persons_of_each_cell(
    verdicts: dict[str, Verdict], rows: duckdb.DuckDBPyConnection
) -> None:
    """Where a query of one table counts its persons itself, an added column says the same."""
    seen = 0
    for query in LEGITIMATE:
        select = parse(query["sql"])
        key = TABLES[select.joins[0].table.lower()].person_key
        asked = [i for i, item in enumerate(select.items) if is_count_of(item.expression, key)]
        names, cells = fetched(rows, verdicts[query["id"]].statement or "")
        added = [i for i, name in enumerate(names) if name.startswith("__")]
        assert added, query["id"]
        if len(select.joins) > 1 or not asked:
            continue
        seen += 1
        assert any(all(row[asked[0]] == row[i] for row in cells) for i in added), query["id"]
    assert seen > 15


def test_no_result_holds_a_value_of_a_person(
    verdicts: dict[str, Verdict], rows: duckdb.DuckDBPyConnection
) -> None:
    for identity, verdict in verdicts.items():
        _, cells = fetched(rows, verdict.statement or "")
        assert not any(PERSON_VALUE.match(str(value)) for row in cells for value in row), identity


def is_count_of(expression: Expression, key: str) -> bool:
    """Whether this is COUNT(DISTINCT key) over all rows of a cell."""
    if expression[:2] != ("call", "count") or expression[4] is not None:
        return False
    argument = expression[2][0]
    return bool(argument[0] == "column" and argument[2].lower() == key)
