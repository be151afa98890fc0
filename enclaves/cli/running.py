"""A process of the department's side or of the gate, from its command line until it is told to stop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from enclaves.errors import EnclaveError
from enclaves.transport.errors import outcome
from policies.errors import PolicyError


def run_until_told(serve: Callable[[Path], None], config: Path) -> None:
    """`serve` the configuration until SIGTERM or SIGINT; an error of ours ends it with its code and exit status."""
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
