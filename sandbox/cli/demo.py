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
) -> None:
    """Found a district, start its real processes, approve, score, fetch, refuse, verify and bill, on real data."""
    from sandbox.demo import run

    run(as_json=as_json, serve=serve, keep=keep)
