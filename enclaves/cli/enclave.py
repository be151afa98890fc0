"""`domicile enclave run`: a department's enclave as a process, until it is told to stop."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from enclaves.errors import EnclaveError
from enclaves.transport.errors import outcome
from policies.errors import PolicyError

app = typer.Typer(
    no_args_is_help=True, help="A department's enclave: an isolated process, not a hardware TEE."
)


@app.callback()
def enclave() -> None:
    """A department's enclave: an isolated process, not a hardware TEE."""


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="enclave.toml", exists=True, dir_okay=False)],
) -> None:
    """Run the enclave of `config` until SIGTERM or SIGINT; it makes outgoing connections only."""
    from enclaves.agent.serving import serve

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    # The HTTP client's own lines would name every request.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        serve(config)
    except (EnclaveError, PolicyError) as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise typer.Exit(outcome(error.code).exit) from None
