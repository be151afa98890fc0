"""`domicile dataset …`: the department's own commands over its domain: register, refresh, split, quality, twin, list.

Rules:
- Everything happens on this machine, in the domain directory `--home`; nothing is sent anywhere.
- What a command prints is metadata, counts and digests; no row and no value of a row, also not in an error.
- `--json` prints one JSON value on standard output, also of an error: `{"error": {"code", "status", "detail"}}`.
- Exit status: 0 done, 2 malformed input, 3 refused, 4 not found, 5 the store is busy or damaged.

    <home>/domain.key   {"store_key": base64, "pid_key": base64}, 32 bytes each, readable by its owner only
    <home>/store/       the domain store (connectors.store)
    <home>/partitions/  a second form of split data sets (connectors.partitioning)
    <home>/catalog/     signed declarations (connectors.catalog)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors.catalog import Catalog, Filter, check_envelope, view
from connectors.errors import ConnectorError, SnapshotUnknown
from connectors.partitioning import Partitions
from connectors.quality import QualityReport, assess_current
from connectors.refresh import refresh as take_in
from connectors.schedule import is_overdue
from connectors.store import DomainStore, crypto_module, open_snapshot
from connectors.twin import dummy_twin, write_csv
from enclaves.cli.home import Home, NotFound
from enclaves.errors import EnclaveError
from enclaves.transport.errors import REFUSED, outcome
from policies.documents.dataset import BaseLibrary, Dataset, Grade, SyncFrequency
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.keys import IdentityKey

app = typer.Typer(help="Data sets of this domain: declare, refresh, measure, imitate.", no_args_is_help=True)

HomeOption = Annotated[Path, typer.Option("--home", help="The domain directory, with domain.key.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

PartitionsOption = Annotated[
    int | None,
    typer.Option("--partitions", help="Split it into so many, for jobs that fan out; by default as before."),
]


@app.command()
def register(
    envelope: Annotated[Path, typer.Argument(help="A signed declaration (DSSE envelope of kind dataset).")],
    home: HomeOption,
    key: Annotated[str | None, typer.Option("--key", help="Owner's Ed25519 key, base64; checked.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a signed declaration into the catalogue."""
    with reported(as_json):
        owner = None if key is None else IdentityKey.from_base64(key)
        signed = check_envelope(_bytes(envelope))
        dataset = Catalog(Home(home).catalog).register(signed, owner_key=owner)
        _print(
            {"id": dataset.id, "version": dataset.version, "digest": dataset.digest},
            f"registered {dataset.id} version {dataset.version}",
            as_json=as_json,
        )


@app.command()
def refresh(
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET", help="Id of a registered data set.")],
    source: Annotated[Path, typer.Argument(help="CSV, Parquet or Arrow file.")],
    home: HomeOption,
    partitions: PartitionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a source file and make it the current snapshot; nothing changes if anything does not fit."""
    with reported(as_json):
        place = Home(home)
        dataset = Catalog(place.catalog).dataset(dataset_id)
        store = store_of(place)
        parts = Partitions(store, place.partitions)
        if not source.is_file():
            raise NotFound(f"expected a source file, got none at `{source.name}`")
        with _progress() as bar:
            task = bar.add_task(f"reading {source.name}", rows=0)
            done = take_in(
                store,
                dataset,
                source,
                clock=_now,
                progress=lambda rows: bar.update(task, rows=rows),
                partitions=parts,
                into=partitions,
            )
        _print(
            {
                **done.evidence.to_json(),
                "partitions": parts.stored(dataset.id),
                "quality": done.quality.to_json(),
            },
            f"refreshed {dataset.id}: snapshot {done.pointer.snapshot}, {done.pointer.rows} rows, "
            f"{done.pointer.persons} persons, quality {'passed' if done.quality.passed else 'failed'}",
            as_json=as_json,
        )


@app.command()
def split(
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET", help="Id of a data set with a snapshot.")],
    home: HomeOption,
    partitions: Annotated[
        int,
        typer.Option("--partitions", help="As `[execution]` of the enclave's settings says; 1: undivided."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Split the current snapshot by person into partitions, for jobs that fan out; the rows stay the same."""
    with reported(as_json):
        place = Home(home)
        dataset = Catalog(place.catalog).dataset(dataset_id)
        parts = Partitions(store_of(place), place.partitions)
        parts.split_current(dataset, partitions=partitions, now=_now())
        stored = parts.stored(dataset.id)
        _print(
            {"id": dataset.id, "partitions": stored},
            f"{dataset.id}: partitions {stored}",
            as_json=as_json,
        )


@app.command()
def quality(
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET", help="Id of a registered data set.")],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Measure the current snapshot against the current declaration."""
    with reported(as_json):
        place = Home(home)
        dataset = Catalog(place.catalog).dataset(dataset_id)
        with (
            store_of(place).lease(dataset.id) as lease,
            open_snapshot(lease.path, lease.key, crypto=crypto_module()) as snapshot,
        ):
            report = assess_current(snapshot, dataset, pointer=lease.pointer, now=_now())
        _print(report.to_json(), _quality_table(report), as_json=as_json)


@app.command()
def twin(
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET", help="Id of a registered data set.")],
    out: Annotated[Path, typer.Argument(help="CSV file to write.")],
    home: HomeOption,
    rows: Annotated[int, typer.Option(help="Rows to invent.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same twin.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Invent a table from the declaration alone; no data set is read."""
    with reported(as_json):
        dataset = Catalog(Home(home).catalog).dataset(dataset_id)
        table = dummy_twin(dataset, rows=rows, seed=seed)
        try:
            write_csv(table, out)
        except OSError as error:
            raise NotFound(f"expected a place to write `{out.name}` to, got {type(error).__name__}") from None
        _print(
            {"id": dataset.id, "rows": table.num_rows, "seed": seed, "file": out.name},
            f"wrote {table.num_rows} invented rows to {out.name}",
            as_json=as_json,
        )


@app.command("list")
def list_datasets(
    home: HomeOption,
    library: Annotated[BaseLibrary | None, typer.Option(help="Base library.")] = None,
    department: Annotated[str | None, typer.Option(help="Owner's party id.")] = None,
    grade: Annotated[Grade | None, typer.Option(help="Data grade.")] = None,
    frequency: Annotated[SyncFrequency | None, typer.Option(help="Synchronization frequency.")] = None,
    text: Annotated[str | None, typer.Option(help="Found in ids, names and titles.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is declared, metadata only, and whether it is due."""
    with reported(as_json):
        place = Home(home)
        wanted = Filter(library=library, department=department, grade=grade, frequency=frequency, text=text)
        store = store_of(place)
        found = [(dataset, _freshness(store, dataset)) for dataset in Catalog(place.catalog).search(wanted)]
        shown: list[Json] = [{**view(dataset), **freshness} for dataset, freshness in found]
        _print({"datasets": shown}, _listing(found), as_json=as_json)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Turn an error into one line on standard error, or one JSON object, and its exit status."""
    try:
        yield
    except (ConnectorError, EnclaveError, PolicyError) as error:
        how = outcome(error.code)
        if as_json:
            problem = {"code": error.code, "status": how.status, "detail": str(error)}
            typer.echo(json.dumps({"error": problem}, ensure_ascii=False, indent=1))
        else:
            refused = "refused: " if how == REFUSED else ""
            typer.echo(f"{refused}{error.code}: {error}", err=True)
        raise typer.Exit(how.exit) from None


def store_of(place: Home) -> DomainStore:
    """The domain's store, opened with its keys."""
    keys = place.keys()
    return DomainStore(place.store, store_key=keys.store_key, pid_key=keys.pid_key)


def _now() -> datetime:
    return datetime.now(UTC)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"expected a file `{path.name}`, got {type(error).__name__}") from None


def _print(value: dict[str, Json], text: str | Table, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
    elif isinstance(text, Table):
        Console().print(text)
    else:
        typer.echo(text)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _freshness(store: DomainStore, dataset: Dataset) -> dict[str, Json]:
    """When the data set was last brought in, and whether the next time has passed."""
    try:
        pointer = store.pointer(dataset.id)
    except SnapshotUnknown:
        return {"refreshed_at": None, "overdue": True}
    overdue = is_overdue(dataset.sync_frequency, pointer.created, now=_now())
    return {"refreshed_at": pointer.created_at, "overdue": overdue}


def _listing(found: list[tuple[Dataset, dict[str, Json]]]) -> Table:
    table = Table("id", "name", "library", "grade", "frequency", "refreshed", "due")
    for dataset, freshness in found:
        table.add_row(
            dataset.id,
            f"{dataset.name.zh} {dataset.name.en}",
            dataset.library.value,
            dataset.grade.value,
            dataset.sync_frequency.value,
            str(freshness["refreshed_at"] or "never"),
            "overdue" if freshness["overdue"] else "in time",
        )
    return table


def _quality_table(report: QualityReport) -> Table:
    table = Table("dimension", "score", "threshold", "verdict", title=f"{report.dataset} {report.snapshot}")
    for score in report.scores:
        verdict = "pass" if score.passed else "fail"
        table.add_row(score.dimension.value, score.score, score.threshold, verdict)
    return table
