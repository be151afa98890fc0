"""`domicile bench …`: figures of the department's side, each beside its baseline in the same run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from policies.documents.authorization import Mode

app = typer.Typer(help="Measured figures, each beside its baseline in the same run.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measured figures, each beside its baseline in the same run."""


@app.command()
def score(
    mode: Annotated[Mode, typer.Option(help="Protection mode.")] = Mode.MASKED,
    subjects: Annotated[int, typer.Option(min=1, max=10_000_000, help="People scored.")] = 300_000,
    domains: Annotated[int, typer.Option(min=1, max=16, help="Domains, each with 8 features.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Timed rounds; medians are shown.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """A batch score through real confined workers, and the plain computation on the same encrypted stores."""
    # Loaded here: the libraries it measures take longer to load than most commands take to run.
    from enclaves.bench.score import Setting, bench

    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as directory, console.status("") as status:
        found = bench(Setting(mode, subjects, domains, rounds), Path(directory), progress=status.update)
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            for inner, figure in value.items():
                console.print(f"  {name}.{inner}: {figure}")
        else:
            console.print(f"{name}: {value}")
