"""`domicile enclave run`: a department's enclave as a process; `asked`, `budget`: what was asked of it, what may still be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from enclaves.cli.running import run_until_told
from policies.privacy.budget import LARGEST, PERSON_WINDOW_DAYS, SCENARIO_WINDOW_DAYS

if TYPE_CHECKING:
    from connectors.store import DomainStore
    from enclaves.agent.lineages import Lineages
    from enclaves.run.durable import Durable

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

    run_until_told(serve, config)


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


@app.command()
def budget(
    config: Annotated[Path, typer.Option("--config", help="enclave.toml", exists=True, dir_okay=False)],
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="PARTNER/ID", help="This one; else all that spent.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What remains of the privacy budgets in this domain (an authorization may allow less), and the head of its debits."""
    from enclaves.cli.dataset import reported

    if scenario is not None and not all(part.strip() for part in _halves(scenario)):
        raise typer.BadParameter("expected PARTNER/ID, got another name", param_hint="--scenario")
    with reported(as_json):
        with _state(config) as state:
            left = _left(state, None if scenario is None else [scenario])
        if as_json:
            typer.echo(json.dumps(left, ensure_ascii=False, indent=1))
            return
        table = Table("budget 预算", "window 期限", "rho", "remaining 剩余")
        for name, window, line in (
            *((each["scenario"], SCENARIO_WINDOW_DAYS, each) for each in left["scenarios"]),
            ("worst-off person 受影响最大的人", PERSON_WINDOW_DAYS, left["person"]),
        ):
            table.add_row(name, f"{window} d 天", line["budget"], line["remaining"])
        Console().print(table)
        chain = "whole 完整" if left["whole"] else "ALTERED 被改动"
        typer.echo(f"debits 扣减: {left['debits']}, {chain}, head 链头: {left['head']}")


def _halves(scenario: str) -> tuple[str, str]:
    partner, _, name = scenario.partition("/")
    return partner, "" if "/" in name else name


def _left(state: _State, scenarios: list[str] | None) -> dict[str, Any]:
    """What remains for `scenarios`, for all that spent if None, and for the worst-off person; decimals as text."""
    from enclaves.agent.budget import PrivacyLedger
    from policies.disclosure.rounding import plain

    def line(budget: Fraction, remaining: Fraction) -> dict[str, str]:
        return {"budget": format(plain(budget), "f"), "remaining": format(plain(remaining), "f")}

    ledger = PrivacyLedger(state.durable, state.store.ledger_key("privacy"))
    now = int(datetime.now(UTC).timestamp())
    with state.durable.transaction():
        # One state of the file: an enclave that runs beside this may debit in between.
        asked = ledger.scenarios() if scenarios is None else scenarios
        left = {name: ledger.remaining(name, state.department, now) for name in asked}
        person = ledger.remaining("", state.department, now).person
        head, debits, whole = ledger.head(), ledger.debits(), ledger.is_whole()
    return {
        "department": state.department,
        "scenarios": [
            {"scenario": name, **line(LARGEST.scenario, each.scenario)} for name, each in left.items()
        ],
        "person": line(LARGEST.person, person),
        "debits": debits,
        "whole": whole,
        "head": head,
    }


@dataclass(frozen=True, slots=True)
class _State:
    """What an enclave keeps on this machine, opened with the domain's keys."""

    department: str
    durable: Durable
    store: DomainStore


@contextmanager
def _state(config: Path) -> Iterator[_State]:
    """The state of the enclave of `config`."""
    from enclaves.agent.opening import STATE_FILE, EnclaveConfig
    from enclaves.cli.dataset import store_of
    from enclaves.cli.home import Home
    from enclaves.run.durable import Durable

    settings = EnclaveConfig.load(config)
    home = Home(settings.home)
    store = store_of(home)
    durable = Durable(home.directory / "state" / STATE_FILE)
    try:
        yield _State(settings.department, durable, store)
    finally:
        durable.close()


@contextmanager
def _lineages(config: Path) -> Iterator[Lineages]:
    """What the enclave of `config` remembers of its answers."""
    from enclaves.agent.lineages import Lineages

    with _state(config) as state:
        yield Lineages(state.durable, state.store.ledger_key("lineage"))
