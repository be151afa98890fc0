"""Sources against their declaration: what fits arrives unchanged, each misfit is one refusal that tells no value."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import SourceRefused
from connectors.sources import csv as csv_source
from connectors.sources.source import open_source
from policies.documents.dataset import Dataset
from tests.connectors.kit import VISITS, declare, resident, table, visits

DATASET = declare()
HEADER = "resident,year,cost,sex,insured,seen,note\n"
SECRET = "CANARY"


def line(number: int, **cells: str) -> str:
    row = {
        "resident": resident(number),
        "year": "2024",
        "cost": "1.5",
        "sex": "male",
        "insured": "true",
        "seen": "2024-02-29",
        "note": "n",
    }
    return ",".join({**row, **cells}.values()) + "\n"


def read(path: Path, dataset: Dataset = DATASET) -> pa.Table:
    return pa.Table.from_batches(list(open_source(path, dataset)))


def refused(path: Path, dataset: Dataset = DATASET) -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        for _ in open_source(path, dataset):
            pass
    message = str(caught.value)
    assert SECRET not in message
    assert "\n" not in message
    assert str(path.parent) not in message
    assert caught.value.__cause__ is None
    return caught.value


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def parquet(rows: pa.Table, path: Path) -> Path:
    pq.write_table(rows, path, row_group_size=70)
    return path


def ipc(rows: pa.Table, path: Path) -> Path:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=70)
    return path


def csv(rows: pa.Table, path: Path) -> Path:
    from connectors.twin import write_csv

    write_csv(rows, path)
    return path


WRITERS = [(csv, "v.csv"), (parquet, "v.parquet"), (ipc, "v.arrow"), (ipc, "v.feather")]


@pytest.mark.parametrize(("writer", "name"), WRITERS)
def test_a_source_that_fits_arrives_unchanged(
    writer: Callable[[pa.Table, Path], Path], name: str, tmp_path: Path
) -> None:
    rows = table(DATASET, visits(90))
    assert read(writer(rows, tmp_path / name)).to_pylist() == rows.to_pylist()


@pytest.mark.parametrize(("writer", "name"), WRITERS)
def test_columns_are_found_by_name_not_by_place(
    writer: Callable[[pa.Table, Path], Path], name: str, tmp_path: Path
) -> None:
    rows = table(DATASET, visits(5))
    turned = rows.select(list(reversed(rows.column_names)))
    assert read(writer(turned, tmp_path / name)).to_pylist() == rows.to_pylist()


@pytest.mark.parametrize(("writer", "name"), WRITERS)
def test_an_empty_source_is_an_empty_data_set(
    writer: Callable[[pa.Table, Path], Path], name: str, tmp_path: Path
) -> None:
    batches = list(open_source(writer(table(DATASET, []), tmp_path / name), DATASET))
    assert sum(batch.num_rows for batch in batches) == 0


CELLS = [
    ("year", "20x4" + SECRET, "expected an integer"),
    ("year", " 2024", "expected an integer"),
    ("year", "0x7e8", "expected an integer"),
    ("year", "2024.0", "expected an integer"),
    ("year", "9" * 19, "expected an integer"),
    ("year", "", "expected an integer of at most 18 digits, got no value"),
    ("year", "1999", "expected a number from 2000 to 2030"),
    ("cost", "12,5".replace(",", ";") + SECRET, "expected a finite decimal"),
    ("cost", "nan", "expected a finite decimal"),
    ("cost", "-inf", "expected a finite decimal"),
    ("cost", "1e999", "expected a finite number"),
    ("cost", "-0.01", "expected a number from 0 to 1000000"),
    ("sex", SECRET, "expected one of 2 declared categories"),
    ("sex", "MALE", "expected one of 2 declared categories"),
    ("insured", "yes" + SECRET, "expected true, false"),
    ("seen", "2023-02-29", "expected a calendar date"),
    ("seen", "29.02.2024", "expected a calendar date"),
    ("resident", SECRET, "expected a resident identity number"),
    ("resident", "440305199001150019", "expected a resident identity number"),
    ("resident", "", "got no value"),
    ("note", f"{SECRET}\0", "expected text without NUL"),
    ("note", "x" * 65537, "expected at most 65536 bytes"),
]


@pytest.mark.parametrize(("column", "cell", "problem"), CELLS)
def test_a_bad_csv_cell_is_named_by_row_and_column(
    column: str, cell: str, problem: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "v.csv", HEADER + line(1) + line(2) + line(3, **{column: cell}) + line(4))
    error = refused(path)
    assert (error.file, error.row, error.column) == ("v.csv", 3, column)
    assert problem in str(error)


def test_the_row_is_counted_across_batches(tmp_path: Path) -> None:
    good = "".join(line(number) for number in range(70_000))
    error = refused(write(tmp_path / "v.csv", HEADER + good + line(1, year="bad")))
    assert (error.row, error.column) == (70_001, "year")


FILES = [
    ("no header", line(1), "expected a declared name for column 1"),
    ("missing column", HEADER.replace(",note", "") + line(1), "expected the column, got none"),
    ("extra column", f"{SECRET}," + HEADER + line(1), "expected a declared name for column 1"),
    ("twice", HEADER.replace("note", "sex") + line(1), "expected each column once"),
    ("injected", HEADER.replace("note", f'note"; DROP TABLE rows; --{SECRET}') + line(1), "column 7"),
    ("formula header", HEADER.replace("note", f"=cmd|{SECRET}") + line(1), "column 7"),
    ("quoted header", HEADER.replace("note", f'"note\n{SECRET}"') + line(1), "header"),
    ("case", HEADER.upper() + line(1), "column 1"),
    ("empty", "", "expected a header line"),
    ("bom", "\ufeff" + HEADER + line(1), "byte order mark"),
    ("utf-16", (HEADER + line(1)).encode("utf-16"), "byte order mark"),
    ("gbk header", "居民,year\n".encode("gbk"), "another encoding"),
    ("NUL header", HEADER.replace("note", "no\0te") + line(1), "column 7"),
    ("cut off", HEADER + line(1) + line(2)[:-1], "truncated"),
    ("cut in a row", HEADER + line(1) + line(2)[:30], "as many fields"),
    ("open quote", HEADER + line(1) + line(2, note=f'"{SECRET}'), "quote"),
]


@pytest.mark.parametrize(("_case", "data", "problem"), FILES, ids=[case for case, _, _ in FILES])
def test_a_bad_csv_file_is_refused(_case: str, data: bytes | str, problem: str, tmp_path: Path) -> None:
    assert problem in str(refused(write(tmp_path / "v.csv", data)))


def test_another_encoding_inside_a_csv_is_named_by_row_and_column(tmp_path: Path) -> None:
    data = (HEADER + line(1)).encode() + line(2, note="备注").encode("gbk") + line(3).encode()
    error = refused(write(tmp_path / "v.csv", data))
    assert (error.row, error.column) == (2, "note")
    assert "expected UTF-8" in str(error)


@pytest.mark.parametrize("bad", [line(9)[:-1] + f",{SECRET}\n", f"{SECRET},1\n"])
def test_a_ragged_line_is_named_by_its_row(bad: str, tmp_path: Path) -> None:
    good = "".join(line(number, note='"two\nlines"') for number in range(30_000))
    error = refused(write(tmp_path / "v.csv", HEADER + good + bad + line(1)))
    assert error.row == 30_001
    assert "as many fields" in str(error)


def test_the_first_fault_is_the_one_that_is_told(tmp_path: Path) -> None:
    data = HEADER + line(1) + line(2, year="bad") + "ragged\n" + line(3, sex="?")
    assert refused(write(tmp_path / "v.csv", data)).row == 2
    data = HEADER + line(1) + "ragged\n" + line(2, year="bad")
    assert refused(write(tmp_path / "v.csv", data)).row == 2


def test_a_field_larger_than_a_block_is_refused_without_reading_it_whole(tmp_path: Path) -> None:
    data = HEADER + line(1) + line(2, note="x" * 20_000_000)
    error = refused(write(tmp_path / "v.csv", data))
    assert error.row == 2


def test_text_that_looks_like_code_stays_text(tmp_path: Path) -> None:
    notes = [
        "=cmd|' /C calc'!A0",
        "'; DROP TABLE rows; --",
        "@SUM(1)",
        '"',
        "\u202e",
        "null",
        "NaN",
        "{{7*7}}",
    ]
    data = HEADER + "".join(
        line(number, note='"' + note.replace('"', '""') + '"') for number, note in enumerate(notes)
    )
    assert read(write(tmp_path / "v.csv", data)).column("note").to_pylist() == notes


def test_an_empty_field_is_missing_and_a_quoted_one_is_empty_text(tmp_path: Path) -> None:
    data = HEADER + line(1, note="", cost="") + line(2, note='""')
    found = read(write(tmp_path / "v.csv", data))
    assert found.column("note").to_pylist() == [None, ""]
    assert found.column("cost").to_pylist() == [None, 1.5]


def test_old_and_untidy_resident_numbers_become_canonical(tmp_path: Path) -> None:
    old = resident(1)[:6] + resident(1)[8:17]
    data = HEADER + line(1, resident=old) + line(2, resident=f" {resident(2).lower()} ")
    found = read(write(tmp_path / "v.csv", data)).column("resident").to_pylist()
    assert found == [resident(1), resident(2)]


def damaged(rows: pa.Table, column: str, cells: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), column, cells)


TYPED = [
    ("year", pa.array([2024.0] * 3), None, "expected type integer, got double"),
    ("year", pa.array(["2024"] * 3), None, "expected type integer, got string"),
    (
        "seen",
        pa.array([date(2024, 1, 1)] * 3).cast(pa.timestamp("us", tz="Asia/Shanghai")),
        None,
        "timestamp",
    ),
    ("note", pa.array([b"x"] * 3), None, "got binary"),
    ("insured", pa.array([1, 0, 1]), None, "expected type boolean, got int64"),
    ("resident", pa.array([1, 2, 3]), None, "expected type resident-id"),
    ("year", pa.array([2024, 2031, 2024], pa.int16()), 2, "expected a number from 2000 to 2030"),
    ("cost", pa.array([1.0, 2.0, float("nan")]), 3, "expected a finite number"),
    ("cost", pa.array([1, 2**60 + 1, 3], pa.int64()), 2, "expected a finite decimal number"),
    ("sex", pa.array(["male", "male", SECRET]).dictionary_encode(), 3, "declared categories"),
    ("note", pa.array(["a", f"{SECRET}\0", "c"]), 2, "NUL"),
    ("resident", pa.array([resident(1), None, resident(2)]), 2, "got no value"),
]


@pytest.mark.parametrize(("writer", "name"), WRITERS[1:3])
@pytest.mark.parametrize(("column", "cells", "row", "problem"), TYPED)
def test_a_bad_typed_column_is_refused(
    writer: Callable[[pa.Table, Path], Path],
    name: str,
    column: str,
    cells: pa.Array,
    row: int | None,
    problem: str,
    tmp_path: Path,
) -> None:
    rows = damaged(
        table(DATASET, visits(2)[:3]).cast(
            pa.schema([pa.field(field.name, field.type) for field in table(DATASET, []).schema])
        ),
        column,
        cells,
    )
    error = refused(writer(rows, tmp_path / name))
    assert (error.row, error.column) == (row, column)
    assert problem in str(error)


@pytest.mark.parametrize(("writer", "name"), WRITERS[1:3])
def test_missing_and_extra_typed_columns_are_refused(
    writer: Callable[[pa.Table, Path], Path], name: str, tmp_path: Path
) -> None:
    rows = table(DATASET, visits(3))
    assert refused(writer(rows.drop_columns(["note"]), tmp_path / name)).column == "note"
    extra = rows.append_column(SECRET, rows.column("note"))
    assert "column 8" in str(refused(writer(extra, tmp_path / name)))


@pytest.mark.parametrize(("writer", "name"), WRITERS[1:3])
@pytest.mark.parametrize("keep", [0, 3, 40, 0.5, 0.9, 0.999])
def test_a_truncated_binary_file_is_refused(
    writer: Callable[[pa.Table, Path], Path], name: str, keep: float, tmp_path: Path
) -> None:
    whole = writer(table(DATASET, visits(200)), tmp_path / name).read_bytes()
    size = int(len(whole) * keep) if isinstance(keep, float) else keep
    assert "damaged or truncated" in str(refused(write(tmp_path / name, whole[:size])))


def test_invalid_utf8_in_a_typed_text_column_is_refused(tmp_path: Path) -> None:
    rows = table(DATASET, visits(2)[:3])
    raw = pa.array([b"ok", b"\xff\xfe", b"ok"]).view(pa.string())
    for writer, name in WRITERS[1:3]:
        error = refused(writer(damaged(rows, "note", raw), tmp_path / name))
        assert (error.row, error.column) == (2, "note")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_flipped_bytes_never_escape_as_another_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    writer, name = data.draw(st.sampled_from(WRITERS[:3]))
    whole = bytearray(writer(table(DATASET, visits(10)), folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = write(folder / name, bytes(whole))
    try:
        read_back = list(open_source(path, DATASET))
    except SourceRefused:
        return
    for batch in read_back:
        batch.validate(full=True)


def test_an_unknown_suffix_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert "suffix" in str(refused(write(tmp_path / "v.xlsx", b"PK")))
    assert "expected a file, got none" in str(refused(tmp_path / "v.csv"))


def test_a_csv_is_read_a_block_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Counted(csv_source._Watched):
        def read(self, size: int = -1) -> bytes:
            asked.append(size)
            return super().read(size)

    monkeypatch.setattr(csv_source, "_Watched", Counted)
    path = write(tmp_path / "v.csv", HEADER + "".join(line(number % 30_000) for number in range(200_000)))
    batches = open_source(path, DATASET)
    first = next(batches)
    assert first.num_rows <= 65_536
    assert max(asked) <= 8 * 1024 * 1024
    assert len(asked) * max(asked) >= 4 * 1024 * 1024
    assert sum(batch.num_rows for batch in batches) == 200_000 - first.num_rows


def test_the_checked_schema_is_the_declared_one(tmp_path: Path) -> None:
    found = read(csv(table(DATASET, visits(3)), tmp_path / "v.csv"))
    assert found.schema.names == [column.name for column in VISITS]
    assert [str(kind) for kind in found.schema.types] == [
        "string",
        "int64",
        "double",
        "string",
        "bool",
        "date32[day]",
        "string",
    ]
