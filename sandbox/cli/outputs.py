"""`domicile table` and `domicile output`: a recipient fetches a table; reviewers look at one before it leaves."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from policies.documents.fields import Bilingual
from policies.documents.query import ResultFormat
from policies.documents.review import Finding
from policies.documents.strict_json import Json
from sandbox.cli.acting import acting, acting_as
from sandbox.cli.output import MODE, Answer, Language, PartyFolder, answers
from sandbox.client.errors import InputMalformed
from sandbox.client.reviewer import Output, Reviewer
from sandbox.client.tables import OpenedTable, TableRecipient

table = typer.Typer(no_args_is_help=True, help="Fetch tables.")
output = typer.Typer(no_args_is_help=True, help="Review tables before they leave.")
Release = Annotated[str, typer.Argument(help="Digest of the table's release.")]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="Write the table to this file instead of showing it.", dir_okay=False),
]
_STATES = {
    "review": {Language.ZH: "待审查", Language.EN: "waits for review"},
    "approve": {Language.ZH: "通过", Language.EN: "approves"},
    "reject": {Language.ZH: "不通过", Language.EN: "rejects"},
}


@table.command("fetch")
@answers
def fetch(
    authorization: Annotated[str, typer.Option(help="Digest of the authorization.")],
    release: Annotated[
        str, typer.Option(help="Digest of the table's release, as the job's status names it.")
    ],
    party: PartyFolder,
    out: OutFile = None,
) -> Answer:
    """Fetch a table, prove it to yourself, open it, keep the receipt."""
    recipient = acting(party)
    if not isinstance(recipient, TableRecipient):
        raise InputMalformed(f"expected an insurer or a partner, got `{recipient.entry.role}`")
    opened = recipient.fetch_table(authorization, release)
    value, lines = _opened(opened, out)
    if opened.receipt is not None:
        value["receipt"] = opened.receipt.to_body()
        paid = opened.receipt
        lines.append(f"receipt: {paid.units} × {paid.unit_price} {paid.currency}")
    return Answer(value, lines)


@output.command("list")
@answers
def list_outputs(
    party: PartyFolder,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that no longer wait for reviewers.")
    ] = False,
) -> Answer:
    """List the tables that wait for this party's review, and who said what so far."""
    found = [one for one in acting_as(Reviewer, party).outputs() if everything or one.waits]
    items: list[Json] = [_output_value(one) for one in found]
    return Answer({"items": items}, [line for one in found for line in _output_lines(one)])


@output.command("show")
@answers
def show(release: Release, party: PartyFolder, out: OutFile = None) -> Answer:
    """Open this party's copy of a table under review (as the examiner, or as a department's enclave)."""
    value, lines = _opened(acting_as(Reviewer, party).copy(release), out)
    return Answer(value, lines)


@output.command("review")
@answers
def review(
    release: Release,
    finding: Annotated[Finding, typer.Argument(help="What this party says.")],
    party: PartyFolder,
    reason_zh: Annotated[str, typer.Option(help="Reason in Chinese.")],
    reason_en: Annotated[str, typer.Option(help="Reason in English.")],
) -> Answer:
    """Approve or reject a table with a reason (as the examiner, or as a department); two organizations must approve."""
    if not reason_zh.strip() or not reason_en.strip():
        raise InputMalformed("expected a reason in Chinese and in English, got an empty one")
    reason = Bilingual(zh=reason_zh, en=reason_en)
    posted = acting_as(Reviewer, party).post_review(release, finding, reason)
    return Answer(
        {"review": posted.digest, "release": release, "finding": finding.value, "index": posted.index},
        [f"review {posted.digest}", f"{_word(finding.value)}: {release}"],
    )


def _opened(opened: OpenedTable, out: Path | None) -> tuple[dict[str, Json], list[str]]:
    """An opened table for machines and people; Arrow bytes are shown to nobody and need a file."""
    text: Json = None if opened.format is ResultFormat.ARROW else opened.text
    value: dict[str, Json] = {
        "release": opened.release,
        "format": opened.format.value,
        "report": dict(opened.report),
    }
    report = json.dumps(opened.report, ensure_ascii=False, indent=1)
    if out is not None:
        out.write_bytes(opened.table)
        value["file"] = str(out)
        return value, [f"written to {out}", report]
    if text is None:
        if not MODE.as_json:
            raise InputMalformed("expected --out for a table in arrow, got none")
        return value | {"table_base64": base64.b64encode(opened.table).decode()}, []
    return value | {"table": text}, [str(text), report]


def _output_value(one: Output) -> Json:
    return {
        "release": one.digest,
        "job": one.release.job,
        "state": one.state,
        "cells": one.release.cells,
        "reviews": [
            {"reviewer": said.reviewer, "finding": said.finding.value, "reason": said.reason.model_dump()}
            for said in one.reviews
        ],
    }


def _output_lines(one: Output) -> list[str]:
    said = [
        f"  {word.reviewer} {_word(word.finding.value)}: {word.reason.zh if MODE.language is Language.ZH else word.reason.en}"
        for word in one.reviews
    ]
    return [f"{one.digest}  {_word(one.state)}  {one.release.cells} cells  job {one.release.job}", *said]


def _word(name: str) -> str:
    words = _STATES.get(name)
    return words[MODE.language] if words else name
