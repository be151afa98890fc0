"""A batch: one answer a line whatever the line, nothing kept between lines."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.sql.gate import check, check_batch
from tests.policies.sql.listed import DATA_LIST

COUNT = "SELECT COUNT(*) FROM residents"
BAD_LINES: list[tuple[bytes, str | None]] = [
    (b"not json", None),
    (b'"text"', None),
    (b"[]", None),
    (b"{}", None),
    (b"null", None),
    (b'{"id": "a"}', "a"),
    (b'{"id": "a", "sql": 1}', "a"),
    (b'{"id": 1, "sql": "SELECT 1"}', None),
    (b'{"sql": "SELECT 1"}', None),
    (b'{"id": "a", "sql": "\\ud800"}', "a"),
    (b'{"id": "\\udc00", "sql": "SELECT 1"}', None),
    (b'{"id": "a", "sql": "\xff"}', None),
    (b'\xef\xbb\xbf{"id": "a", "sql": "SELECT 1"}', None),
    (b'{"id": "' + b"x" * 129 + b'", "sql": "SELECT 1"}', None),
    (b'{"id": "a", "sql": "SELECT 1", "sql": "SELECT 2"}', None),
    (b'{"id": "a", "sql": "SELECT 1"', None),
    (b"[" * 100_000, None),
    (b'{"id": "a", "n": ' + b"9" * 5000 + b', "sql": "SELECT 1"}', None),
]


def line(identity: str, sql: str) -> bytes:
    return json.dumps({"id": identity, "sql": sql}).encode()


@pytest.mark.parametrize(("bad", "identity"), BAD_LINES)
def test_a_bad_line_is_answered_and_the_batch_goes_on(bad: bytes, identity: str | None) -> None:
    answers = list(check_batch([bad, line("next", COUNT)], DATA_LIST))
    assert [answer["id"] for answer in answers] == [identity, "next"]
    assert [answer["allowed"] for answer in answers] == [False, True]
    reasons = answers[0]["reasons"]
    assert isinstance(reasons, list)
    assert [reason["code"] for reason in reasons] == ["BAD_LINE"]


def test_blank_lines_are_skipped_and_the_order_is_kept() -> None:
    lines = [b"\n", line("1", COUNT), b"  \t \r\n", line("2", "SELECT 1"), line("3", COUNT + ";"), b""]
    assert [answer["id"] for answer in check_batch(lines, DATA_LIST)] == ["1", "2", "3"]


def test_an_answer_has_the_members_of_the_contract() -> None:
    allowed, refused = check_batch(
        [line("a", COUNT), line("b", "SELECT MAX(income) FROM residents")], DATA_LIST
    )
    assert allowed == {
        "id": "a",
        "allowed": True,
        "reasons": [],
        "statement": 'SELECT COUNT(*) AS "count_star()", COUNT(DISTINCT "residents"."pid") AS "__persons"'
        ' FROM "residents"',
    }
    assert refused == {
        "id": "b",
        "allowed": False,
        "reasons": [
            {
                "code": "AGGREGATE",
                "column": "residents.income",
                "where": "select",
                "hint": "write AVG(income) instead of MAX(income)",
            }
        ],
        "statement": None,
    }


def test_hints_are_chinese_when_asked() -> None:
    (answer,) = check_batch([line("b", "SELECT MAX(income) FROM residents")], DATA_LIST, chinese=True)
    assert answer["reasons"] == [
        {
            "code": "AGGREGATE",
            "column": "residents.income",
            "where": "select",
            "hint": "用 AVG(income) 代替 MAX(income)",
        }
    ]


def test_a_verdict_does_not_depend_on_its_neighbors() -> None:
    queries = [
        COUNT,
        "SELECT",
        "SELECT pid FROM residents",
        "SELECT COUNT(*) FROM t; DROP TABLE t",
        COUNT,
    ] * 90
    alone = [check(query, DATA_LIST) for query in queries]
    together = list(check_batch((line(str(i), query) for i, query in enumerate(queries)), DATA_LIST))
    assert [answer["statement"] for answer in together] == [verdict.statement for verdict in alone]
    assert [answer["reasons"] for answer in together] == [
        [reason.to_json() for reason in verdict.reasons] for verdict in alone
    ]


def test_threads_share_the_parser() -> None:
    answers: list[bool] = []

    def judge() -> None:
        answers.extend(check(COUNT, DATA_LIST).allowed for _ in range(20))

    threads = [threading.Thread(target=judge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 80


WORDS = (
    "SELECT FROM WHERE GROUP BY ALL HAVING ORDER LIMIT JOIN USING ON AND OR NOT IN IS NULL BETWEEN CASE WHEN THEN ELSE END"
    " COUNT SUM AVG MAX residents visits pid sex age income score birth n ( ) , * . ; = < > + - / % :: ' \" [ ] { } $ ? #1"
    " 1 2.5 1e9 'F' '2020-01-01' DATE TRUE FILTER OVER DISTINCT floor left year AS WITH UNION PIVOT"
)
TOKENS = st.sampled_from(WORDS.split())


@given(st.lists(TOKENS, max_size=40).map(" ".join) | st.text(max_size=80))
def test_no_text_stops_the_gate(text: str) -> None:
    verdict = check(text, DATA_LIST)
    assert verdict.allowed == (not verdict.reasons) == (verdict.statement is not None)


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_line_stops_a_batch(raw: bytes) -> None:
    assert len(list(check_batch([raw, line("n", COUNT)], DATA_LIST))) == (2 if raw.strip() else 1)
