"""`domicile sql`: what a partner may ask, judged before anything is sent. Needs no district, no key and no network.

`check` follows the SQL contract to the letter: one JSON line a query on standard output and nothing else.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from policies.documents.strict_json import Json
from policies.sql.data_list import DataList
from policies.sql.gate import Verdict, check, check_batch
from policies.sql.reasons import Reason
from policies.sql.uses import uses_consumed
from policies.sql.words import in_words
from sandbox.cli.exits import REFUSED
from sandbox.cli.output import MODE, Answer, Language, answers

sql = typer.Typer(no_args_is_help=True, help="Check governed SQL against a data list; explain a query.")

_DataListFile = Annotated[
    Path,
    typer.Option(
        "--data-list", help="The data list (LIST.json).", exists=True, dir_okay=False, readable=True
    ),
]
_LINES_AT_ONCE: Final = 200
# Trees are many small objects that live for one query: looking for cycles among them rarely is a sixth of the time.
_COLLECT_AFTER: Final = 100_000


@sql.command("check")
def check_queries(
    data_list: _DataListFile,
    batch: Annotated[
        Path,
        typer.Option(
            help='Queries, one {"id", "sql"} a line (JSONL).', exists=True, dir_okay=False, readable=True
        ),
    ],
    _as_json: Annotated[bool, typer.Option("--json", help="Answers are JSON lines either way.")] = False,
    language: Annotated[
        Language, typer.Option("--lang", help="Language of hints.", envvar="DOMICILE_LANG")
    ] = Language.EN,
) -> None:
    """Judge a batch of queries: one JSON line each, in order. Exit status 0 whatever the verdicts."""
    gc.set_threshold(_COLLECT_AFTER)
    listed = DataList.read(data_list.read_bytes())
    with batch.open("rb") as lines:
        answers = check_batch(lines, listed, chinese=language is Language.ZH)
        for chunk in _chunks(json.dumps(answer) for answer in answers):
            sys.stdout.write("\n".join(chunk) + "\n")


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == _LINES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@sql.command("explain")
@answers
def explain_query(
    data_list: _DataListFile,
    query: Annotated[str, typer.Argument(help="The query: SELECT ...", metavar="QUERY")],
) -> Answer:
    """Say what one query asks, which uses of which columns each output consumes, and what would run; or why not."""
    listed = DataList.read(data_list.read_bytes())
    verdict = check(query, listed)
    if verdict.query is None:
        return _refusal(verdict)
    chinese = MODE.language is Language.ZH
    words = in_words(verdict.query, listed, chinese=chinese)
    consumed = {
        name: [f"{field}: {use}" for field, use in pairs]
        for name, pairs in uses_consumed(verdict.query, listed).items()
    }
    lines = ["可以执行" if chinese else "allowed", *(f"  {line}" for line in words)]
    lines.append("各列用到的字段与用途" if chinese else "uses consumed by each column")
    lines += [f"  {name}: {', '.join(pairs)}" for name, pairs in consumed.items()]
    lines += ["实际执行" if chinese else "what runs", f"  {verdict.statement}"]
    lines += ["放行时" if chinese else "at release", *(f"  {line}" for line in _at_release(chinese))]
    uses: dict[str, Json] = {name: list(pairs) for name, pairs in consumed.items()}
    value: dict[str, Json] = {
        "allowed": True,
        "reasons": [],
        "statement": verdict.statement,
        "words": list(words),
        "uses": uses,
    }
    return Answer(value, lines)


def _refusal(verdict: Verdict) -> Answer:
    chinese = MODE.language is Language.ZH
    reasons: list[Json] = [dict(reason.to_json(chinese=chinese)) for reason in verdict.reasons]
    lines = ["拒绝" if chinese else "refused", *(f"  {_told(one, chinese)}" for one in verdict.reasons)]
    return Answer({"allowed": False, "reasons": reasons, "statement": None}, lines, status=REFUSED)


def _told(reason: Reason, chinese: bool) -> str:
    place = reason.where.value if reason.column is None else f"{reason.where.value}, {reason.column}"
    return f"{reason.code} ({place}): {reason.hint_zh if chinese else reason.hint}"


def _at_release(chinese: bool) -> list[str]:
    """What every table meets at its release, whatever was asked."""
    if chinese:
        return ["每个单元按人数门槛、占优、差分规则检查，不足者隐去并注明；计数与合计取整；至多 500 个单元"]
    return [
        "every cell meets the threshold of persons, dominance and differencing; what fails is withheld and said so;"
        " counts and sums are rounded; at most 500 cells"
    ]
