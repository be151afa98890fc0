"""`domicile model vet MODEL --data-list LIST`: what the checks V1 to V16 would say of a model, tried on a twin.

MODEL is a head in JSON (with `--part FILE` for each domain and `--graph department=FILE` for each ONNX part), a single part
in JSON, or a single ONNX file. Nothing is sent anywhere and no real row is needed. Exit status: 0 no check rejects (a check
that asks for the examiner's word is shown as `override`), 3 rejected, 2 malformed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from enclaves.cli.dataset import reported
from enclaves.vetting.bundle import Bundle, BundleInvalid, onnx_bundle, read_bundle
from policies.documents.dataset import ColumnType
from policies.documents.fields import Bilingual
from policies.documents.model import OnnxInput
from policies.documents.strict_json import Json
from policies.documents.vetting import Check, Verdict
from policies.sql.data_list import Column, DataList, Table
from policies.vetting import verdict

REJECTED = 3


def vet(
    model: Annotated[
        Path, typer.Argument(help="Head or part (JSON), or a graph (ONNX).", exists=True, dir_okay=False)
    ],
    data_list: Annotated[Path, typer.Option(help="The data list (LIST.json).", exists=True, dir_okay=False)],
    part: Annotated[
        list[Path] | None, typer.Option(help="One domain's part (JSON); repeat.", exists=True, dir_okay=False)
    ] = None,
    graph: Annotated[
        list[str] | None, typer.Option(help="department=FILE.onnx, or FILE.onnx of a single part; repeat.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="Column fed to a single graph, in order; repeat.")
    ] = None,
    twin: Annotated[
        Path | None, typer.Option(help="Rows to try on, CSV or Parquet.", exists=True, dir_okay=False)
    ] = None,
    rows: Annotated[
        int, typer.Option(help="People drawn where no twin is given.", min=100, max=1_000_000)
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 1,
    bands: Annotated[int, typer.Option(help="Bands of a part without a head.", min=2, max=20)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    language: Annotated[str, typer.Option("--lang", help="Language of reasons, zh or en.")] = "en",
) -> None:
    """Try a model against the checks V1 to V16 on a twin: no real row, no service, nothing signed."""
    # Loaded here: pyarrow and, for a graph, ONNX take longer to load than the help page to print.
    from enclaves.vetting.local import Draw
    from enclaves.vetting.local import vet as tried
    from enclaves.vetting.twin import read_table

    with reported(as_json):
        listed = DataList.read(data_list.read_bytes())
        bundle = _bundle(model, part or [], graph or [], inputs or [], listed)
        source = Draw(rows, seed) if twin is None else read_table(twin)
        head, checks = tried(bundle, listed, source, bands=bands)
        found = verdict(checks)
        if as_json:
            typer.echo(
                json.dumps(
                    _answer(head.digest, found, checks, twin, rows=rows, seed=seed), ensure_ascii=False
                )
            )
        else:
            typer.echo(found.value)
            for check in checks:
                typer.echo(_line(check, language))
    if found is Verdict.REJECT:
        raise typer.Exit(REJECTED)


def _answer(
    digest: str, found: Verdict, checks: tuple[Check, ...], twin: Path | None, *, rows: int, seed: int
) -> dict[str, Json]:
    drawn: dict[str, Json] = {"rows": rows, "seed": seed}
    return {
        "model": digest,
        "verdict": found.value,
        "twin": drawn if twin is None else {"file": twin.name},
        "checks": [check.model_dump(mode="json") for check in checks],
    }


def _line(check: Check, language: str) -> str:
    reason: Bilingual = check.reason
    told = reason.zh if language == "zh" else reason.en
    return f"  {check.check} {check.verdict.value}: {check.figure} (limit {check.limit}); {told}"


def _bundle(model: Path, parts: list[Path], graphs: list[str], inputs: list[str], listed: DataList) -> Bundle:
    data = model.read_bytes()
    if data.lstrip()[:1] == b"{":
        read = [path.read_bytes() for path in parts]
        by_department = dict(_graph(text, model=data) for text in graphs)
        return read_bundle(data, read, by_department)
    if parts or graphs:
        raise BundleInvalid("expected a head or a part in JSON with --part or --graph, got other bytes")
    return _single_graph(data, inputs, listed)


def _single_graph(data: bytes, names: list[str], listed: DataList) -> Bundle:
    """A graph over the list's columns: those named, or the numeric feature columns in the list's order."""
    # ONNX is loaded only where a graph is read.
    from enclaves.model import onnx_room
    from enclaves.vetting.twin import type_of

    columns = [
        (table, column)
        for table in listed
        for column in table.columns
        if (column.name in names if names else column.is_feature and type_of(column) is not ColumnType.TEXT)
    ]
    if names:
        columns.sort(key=lambda pair: names.index(pair[1].name))
    if not onnx_room.is_graph(data):
        raise BundleInvalid("expected a head or part in JSON, or an ONNX graph, got other bytes")
    width = onnx_room.input_width(data)
    table = columns[0][0] if columns else None
    try:
        fed = _inputs(columns, len(names) or width or len(columns) or 1)
        department, dataset = (table.domain, table.name) if table else ("domain", "data")
        return onnx_bundle(data, fed, department=department, dataset=dataset)
    except ValidationError:
        raise BundleInvalid(
            "expected ASCII names of columns, tables and domains, as a part has them"
        ) from None


def _inputs(columns: list[tuple[Table, Column]], width: int) -> list[OnnxInput]:
    """One input a column, in order; one beyond the list is called so."""
    from enclaves.vetting.twin import default_bounds

    fed = []
    for place in range(width):
        column = columns[place][1] if place < len(columns) else None
        low, high = default_bounds(column.bounds if column else None)
        fed.append(
            OnnxInput(
                column=column.name if column else f"unlisted_{place + 1}",
                low=_decimal(low),
                high=_decimal(high),
                fill=_decimal(low),
            )
        )
    return fed


def _graph(text: str, *, model: bytes) -> tuple[str, bytes]:
    department, separator, name = text.partition("=")
    if not separator:
        # A single part knows its own department.
        from enclaves.vetting.bundle import read_part

        department, name = read_part(model).department, text
    path = Path(name)
    if not path.is_file():
        raise BundleInvalid("expected department=FILE with a graph that exists, got other text")
    return department, path.read_bytes()


def _decimal(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
