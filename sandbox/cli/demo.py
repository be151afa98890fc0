"""`domicile demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the district running afterwards.")] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the district in this folder.", file_okay=False)
    ] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="Ask ten questions instead of scoring, and some in vain.")
    ] = False,
    charts: Annotated[
        Path | None,
        typer.Option(
            "--charts", help="Draw the answers into this folder (with --questions).", file_okay=False
        ),
    ] = None,
) -> None:
    """Found a district, start its real processes, approve, score, fetch, refuse, verify and bill, on real data."""
    if charts is not None and not questions:
        raise typer.BadParameter("expected --questions with --charts, got --charts alone")
    if questions:
        if serve:
            raise typer.BadParameter("expected --questions or --serve, got both")
        from sandbox.demo import inquiry

        inquiry.run(as_json=as_json, charts=charts, keep=keep)
        return
    from sandbox.demo import run

    run(as_json=as_json, serve=serve, keep=keep)
