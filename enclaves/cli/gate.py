"""`domicile gate run`: the release gate as a process, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from enclaves.cli.running import run_until_told

app = typer.Typer(no_args_is_help=True, help="The release gate, run by the implementing agency.")


@app.callback()
def gate() -> None:
    """The release gate, run by the implementing agency."""


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="gate.toml", exists=True, dir_okay=False)],
) -> None:
    """Run the gate of `config` until SIGTERM or SIGINT; it makes outgoing connections only."""
    from enclaves.gate.serving import serve

    run_until_told(serve, config)
