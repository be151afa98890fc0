"""`domicile sql`: the contract's command, to the letter, and the human view."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policies.sql.listed import LIST
from tests.sandbox.cli.conftest import Call

COUNT = "SELECT COUNT(*) FROM residents"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "LIST.json"
    path.write_text(json.dumps(LIST), encoding="utf-8")
    return path


def batch_of(folder: Path, *lines: bytes) -> Path:
    path = folder / "QUERIES.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


def asked(identity: str, sql: str) -> bytes:
    return json.dumps({"id": identity, "sql": sql}).encode()


def test_every_line_is_answered_in_order_and_nothing_else_is_said(call: Call, listed: Path) -> None:
    batch = batch_of(
        listed.parent,
        asked("一", COUNT),
        b"",
        b"nonsense",
        asked("b", "SELECT pid FROM residents"),
        b"\xff\xfe",
    )
    result = call("sql", "check", "--data-list", listed, "--batch", batch)
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert result.status == 0
    assert result.err == ""
    assert [answer["id"] for answer in answers] == ["一", None, "b", None]
    assert [answer["allowed"] for answer in answers] == [True, False, False, False]
    assert all(list(answer) == ["id", "allowed", "reasons", "statement"] for answer in answers)


def test_an_empty_batch_has_no_answer(call: Call, listed: Path) -> None:
    result = call("sql", "check", "--data-list", listed, "--batch", batch_of(listed.parent))
    assert (result.status, result.out, result.err) == (0, "", "")


def test_hints_speak_the_language_asked_for(call: Call, listed: Path) -> None:
    batch = batch_of(listed.parent, asked("a", "SELECT MAX(income) FROM residents"))
    result = call("sql", "check", "--data-list", listed, "--batch", batch, "--lang", "zh")
    assert json.loads(result.out)["reasons"][0]["hint"] == "用 AVG(income) 代替 MAX(income)"


@pytest.mark.parametrize(
    "broken", ["no list", "no batch", "list is a folder", "list is no list", "list is no text"]
)
def test_what_cannot_be_read_ends_with_two_and_one_line(call: Call, listed: Path, broken: str) -> None:
    batch = batch_of(listed.parent, asked("a", COUNT))
    match broken:
        case "no list":
            listed.unlink()
        case "no batch":
            batch.unlink()
        case "list is a folder":
            listed = listed.parent
        case "list is no list":
            listed.write_text('{"tables": [{"name": "t"}]}', encoding="utf-8")
        case _:
            listed.write_bytes(b"\xff\xfe\x00")
    result = call("sql", "check", "--data-list", listed, "--batch", batch)
    assert result.status == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1


def test_a_query_is_explained(call: Call, listed: Path) -> None:
    sql = "SELECT sex, AVG(income) AS 平均 FROM residents GROUP BY sex LIMIT 5"
    result = call("sql", "explain", "--data-list", listed, sql)
    assert result.status == 0
    for expected in ("allowed", "residents.income: measure", "at most 5 rows", "GROUP BY 1", "withheld"):
        assert expected in result.out
    chinese = call("sql", "explain", "--data-list", listed, sql, "--lang", "zh")
    assert "可以执行" in chinese.out
    assert "放行时至多 5 行" in chinese.out


def test_an_explanation_in_json_holds_the_statement_and_the_uses(call: Call, listed: Path) -> None:
    result = call("sql", "explain", "--data-list", listed, "SELECT SUM(income) AS s FROM residents", "--json")
    assert result.json["allowed"] is True
    assert result.json["statement"].startswith("SELECT SUM(CASE")
    assert result.json["uses"] == {"s": ["residents.income: measure", "residents.pid: person"]}


def test_a_refused_query_is_explained_by_its_reasons(call: Call, listed: Path) -> None:
    result = call("sql", "explain", "--data-list", listed, "SELECT MAX(income) FROM residents")
    assert result.status == 3
    assert "AGGREGATE (select, residents.income): write AVG(income) instead of MAX(income)" in result.out
    as_json = call("sql", "explain", "--data-list", listed, "SELECT MAX(income) FROM residents", "--json")
    assert as_json.status == 3
    assert as_json.json["reasons"][0]["code"] == "AGGREGATE"


def test_a_thousand_queries_of_a_kilobyte_are_judged_in_time(listed: Path) -> None:
    # The contract allows 10 s on two cores, the start of the process included. Processor time, because others run beside.
    filler = " OR ".join(f"age = {i}" for i in range(70))
    sql = f"SELECT sex, SUM(income) AS s, COUNT(*) FROM residents WHERE {filler} GROUP BY sex"
    sql += " " * (1000 - len(sql))
    batch = batch_of(listed.parent, *(asked(str(i), sql) for i in range(1000)))
    argv = [
        sys.executable,
        "-m",
        "sandbox.cli.main",
        "sql",
        "check",
        "--data-list",
        str(listed),
        "--batch",
        str(batch),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(argv, capture_output=True, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10
    assert ran.stdout.count(b'"allowed": true') == 1000
    assert ran.stderr == b""
