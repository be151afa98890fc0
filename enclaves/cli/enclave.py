"""`domicile enclave run`: a department's enclave as a process; `asked`: what was asked of it, and what that cost."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from enclaves.errors import EnclaveError
from enclaves.transport.errors import outcome
from policies.errors import PolicyError

if TYPE_CHECKING:
    from enclaves.agent.lineages import Lineages

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


@app.command()
def asked(
    config: Annotated[Path, typer.Option("--config", help="enclave.toml", exists=True, dir_okay=False)],
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The latest so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What was asked of this domain: by whom, the statement, how many cells left, what held others back, the privacy spent."""
    from enclaves.agent.lineages import Answer
    from enclaves.cli.dataset import reported

    def line(answer: Answer) -> dict[str, object]:
        at = datetime.fromtimestamp(answer.at, UTC).isoformat(timespec="seconds")
        return {
            "at": at,
            "account": answer.account,
            "scenario": answer.scenario,
            "job": answer.job,
            "statement": answer.statement,
            "released": answer.released,
            "withheld": json.loads(answer.report),
            "rho": answer.rho,
        }

    with reported(as_json):
        with _lineages(config) as lineages:
            answers = lineages.asked(limit=limit)
        if as_json:
            typer.echo(
                json.dumps({"asked": [line(answer) for answer in answers]}, ensure_ascii=False, indent=1)
            )
            return
        table = Table("when 时间", "account 账户", "statement 语句", "cells 放行单元", "rho")
        for answer in answers:
            shown = line(answer)
            table.add_row(
                str(shown["at"]), answer.account, answer.statement, str(answer.released), answer.rho or "-"
            )
        Console().print(table)


@app.command()
def looked(
    scenario: Annotated[str, typer.Argument(help="Digest of the scenario.")],
    config: Annotated[Path, typer.Option("--config", help="enclave.toml", exists=True, dir_okay=False)],
    who: Annotated[str, typer.Option("--by", help="Who has looked; kept with the refusals.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say that a person has looked at a scenario's refused questions, so that it may ask again (see `asked`)."""
    from enclaves.cli.dataset import reported

    with reported(as_json):
        with _lineages(config) as lineages:
            refused = lineages.look(scenario, who=who, at=int(datetime.now(UTC).timestamp()))
        if as_json:
            typer.echo(json.dumps({"scenario": scenario, "refused": refused, "by": who}, ensure_ascii=False))
        else:
            typer.echo(f"{refused} refused questions of {scenario[:12]} looked at by {who}")


@contextmanager
def _lineages(config: Path) -> Iterator[Lineages]:
    """What the enclave of `config` remembers of its answers."""
    from enclaves.agent.lineages import Lineages
    from enclaves.agent.opening import STATE_FILE, EnclaveConfig
    from enclaves.cli.dataset import store_of
    from enclaves.cli.home import Home
    from enclaves.run.durable import Durable

    home = Home(EnclaveConfig.load(config).home)
    durable = Durable(home.directory / "state" / STATE_FILE)
    try:
        yield Lineages(durable, store_of(home).ledger_key("lineage"))
    finally:
        durable.close()
