"""`domicile sql`: what a partner may ask, judged before anything is sent. Needs no district, no key and no network.

`check` follows the SQL contract to the letter: one JSON line a query on standard output and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from policies.sql.data_list import DataList
from policies.sql.gate import check_batch
from sandbox.cli.output import Language

sql = typer.Typer(no_args_is_help=True, help="Check governed SQL against a data list; explain a query.")

_DataListFile = Annotated[
    Path,
    typer.Option(
        "--data-list", help="The data list (LIST.json).", exists=True, dir_okay=False, readable=True
    ),
]
_LINES_AT_ONCE: Final = 200


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
