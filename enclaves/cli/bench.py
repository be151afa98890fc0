"""`domicile bench …`: figures of the department's side, each beside its baseline in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
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
    mode: Annotated[Mode, typer.Option(help="Protection mode: masked or bfv.")] = Mode.MASKED,
    subjects: Annotated[int, typer.Option(min=1, max=10_000_000, help="People scored.")] = 300_000,
    domains: Annotated[int, typer.Option(min=1, max=16, help="Domains, each with 8 features.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Timed rounds; medians are shown.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """A batch score through real confined workers, and the plain computation on the same encrypted stores."""
    # Loaded here: the libraries it measures take longer to load than most commands take to run.
    from enclaves.bench.score import MEASURED, Setting, bench

    if mode not in MEASURED:
        raise typer.BadParameter(
            "expected masked or bfv; `domicile bench protocols` measures paillier", param_hint="--mode"
        )
    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as directory, console.status("") as status:
        found = bench(Setting(mode, subjects, domains, rounds), Path(directory), progress=status.update)
    _show(console, found, as_json=as_json)


@app.command()
def policy(
    rows: Annotated[
        int, typer.Option(min=1000, max=100_000_000, help="Rows of governed tables.")
    ] = 50_000_000,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Timed repeats; medians are shown.")] = 5,
    worker_rows: Annotated[
        int, typer.Option(min=1000, max=100_000_000, help="Rows of the whole worker path.")
    ] = 1_000_000,
    people_rows: Annotated[
        int | None, typer.Option(min=1000, help="Rows of the table of one row a person, if fewer.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Governed SQL, the gate, a decision and the atom rule, each beside its baseline on the same stores."""
    # Loaded here: the libraries it measures take longer to load than most commands take to run.
    from enclaves.bench.policy import Setting, bench

    console = Console(stderr=True, highlight=False)
    setting = Setting(rows=rows, repeats=repeats, worker_rows=worker_rows, people_rows=people_rows)
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as directory, console.status("") as status:
        found = bench(setting, Path(directory), progress=status.update)
    _show(console, found, as_json=as_json)


@app.command()
def protocols(
    parties: Annotated[int, typer.Option(min=4, max=50, help="Parties of the secure sum.")] = 10,
    values: Annotated[int, typer.Option(min=1, max=10_000_000, help="Values of each party.")] = 1_000_000,
    subjects: Annotated[int, typer.Option(min=1, max=10_000_000, help="Subjects encrypted.")] = 300_000,
    ids: Annotated[int, typer.Option(min=1, max=1_000_000, help="People aligned.")] = 10_000,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Timed repeats; medians are shown.")] = 5,
    peers: Annotated[
        Path | None,
        typer.Option(
            help="Interpreter that has the peers installed (`make bench` makes one).",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Secure sums, BFV, Paillier and alignment, each beside its peer in the same run."""
    # Loaded here: the libraries it measures take longer to load than most commands take to run.
    from enclaves.bench.protocols import Setting, bench

    console = Console(stderr=True, highlight=False)
    setting = Setting(
        parties=parties, values=values, subjects=subjects, ids=ids, repeats=repeats, peers=peers
    )
    with console.status("") as status:
        found = bench(setting, progress=status.update)
    _show(console, found, as_json=as_json)


@app.command()
def scale(
    largest: Annotated[
        int, typer.Option(min=1000, max=100_000_000, help="Leave out sizes beyond it.")
    ] = 10_000_000,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Timed rounds; medians are shown.")] = 3,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes of the local pool.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Growth of a masked score over partitions, 10^5 to 10^7 subjects: time, memory, one worker, the undivided store."""
    # Loaded here: the libraries it measures take longer to load than most commands take to run.
    from enclaves.bench.scale import SIZES, Growing, bench
    from enclaves.executor.setting import Setting

    console = Console(stderr=True, highlight=False)
    growing = Growing(
        sizes=[size for size in SIZES if size <= largest],
        rounds=rounds,
        setting=Setting(workers=workers, in_flight=2 * workers),
    )
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as directory, console.status("") as status:
        found = bench(growing, Path(directory), progress=status.update)
    _show(console, found, as_json=as_json)


def _show(console: Console, found: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    for name, figure in _leaves(found):
        console.print(f"{name}: {figure}")


def _leaves(found: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Every figure with its dotted name."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", figure) for inner, figure in _leaves(value))
        else:
            yield name, value
