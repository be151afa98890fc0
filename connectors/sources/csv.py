"""CSV after RFC 4180: UTF-8 without a byte order mark, one header line, comma, double quotes.

Rules beyond those of `cells`:
- every record has as many fields as the header; the file ends with a line break, else it was cut off
- quotes pair up; a record fits in 4 MiB
- an empty unquoted field is a missing value, `""` is an empty text
- a number has one spelling: digits, a point, an optional exponent; no white space, no hexadecimal, no thousands marks

Fields are read as bytes and given types here, so that a refusal can name row and column. pyarrow's own messages quote
the line and are never passed on.
"""

from __future__ import annotations

import csv as records
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.errors import SourceRefused
from connectors.sources.cells import BATCH_ROWS, CellCheck
from connectors.sources.schema import WORDS, check_names
from policies.documents.dataset import Column, ColumnType, Dataset

_BLOCK_BYTES: Final = 4 * 1024 * 1024
_MAX_HEADER_BYTES: Final = 64 * 1024
# RE2: \A and \z are the ends of the whole text.
_SPELLINGS: Final[Mapping[ColumnType, str]] = MappingProxyType(
    {
        ColumnType.INTEGER: r"\A-?[0-9]{1,18}\z",
        ColumnType.DECIMAL: r"\A-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?\z",
        ColumnType.DATE: r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z",
        ColumnType.BOOLEAN: r"\A(true|false|1|0)\z",
    }
)

_ENCODING: Final = "expected UTF-8, got bytes of another encoding"
_SUB: Final = "\x1a"
_SUBSTITUTED: Final = bytes(byte if byte < 128 else ord(_SUB) for byte in range(256))


class _Watched(io.RawIOBase):
    """The file as pyarrow reads it: always valid UTF-8, and what only the bytes tell is noted on the way.

    From the first invalid sequence on, bytes outside ASCII are replaced by SUB (U+001A): the file is refused in any case,
    and the parser, which would print a broken line, never sees one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self.misencoded = False
        self.quotes = 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = b""
        while not data:
            fresh = self._file.read(size - len(self._held))
            data, self._held = self._held + fresh, b""
            if not data:
                return b""
            data = self._valid(data, at_end=not fresh)
        self.quotes += data.count(b'"')
        self.last = data[-1:]
        return data

    def _valid(self, data: bytes, *, at_end: bool) -> bytes:
        if self.misencoded:
            return data.translate(_SUBSTITUTED)
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and not at_end:
                # A character that goes on in the next block.
                self._held = data[error.start :]
                return data[: error.start]
            self.misencoded = True
            return data[: error.start] + data[error.start :].translate(_SUBSTITUTED)
        return data


def read(path: Path, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """Checked batches of the file at `path`, in file order."""
    check = CellCheck(dataset, file=path.name)
    with path.open("rb") as file:
        names = _header(file, dataset, name=path.name)
        if not file.peek(1):
            return
        watched = _Watched(file)
        ragged: list[int] = []
        for batch in _batches(watched, names, check=check, file=path.name, ragged=ragged):
            # pyarrow leaves ragged records out and reads ahead: what stands before the first is checked before it is
            # named, so that the first fault of the file is the one that is told.
            whole = min(batch.num_rows, ragged[0] - 1 - check.rows) if ragged else batch.num_rows
            for start in range(0, whole, BATCH_ROWS):
                yield _typed(batch.slice(start, min(BATCH_ROWS, whole - start)), check, watched)
            if whole < batch.num_rows:
                break
        if ragged:
            raise _ragged(path.name, ragged[0])
        if watched.misencoded:
            raise SourceRefused(path.name, _ENCODING)
        if watched.quotes % 2:
            raise SourceRefused(
                path.name, "expected every quote to be closed, got an open one", row=check.rows
            )
        if watched.last not in (b"\n", b"\r", b""):
            raise SourceRefused(
                path.name, "expected the last line to end, got a truncated file", row=check.rows or None
            )


def _header(file: BinaryIO, dataset: Dataset, *, name: str) -> list[str]:
    line = file.readline(_MAX_HEADER_BYTES)
    if line.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise SourceRefused(name, "expected UTF-8 without a byte order mark, got one")
    if not line.endswith(b"\n"):
        raise SourceRefused(name, "expected a header line, got none")
    try:
        names = next(records.reader([line.decode("utf-8").rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError:
        raise SourceRefused(name, "expected a header in UTF-8, got another encoding") from None
    except records.Error:
        raise SourceRefused(name, "expected a header of column names, got another text") from None
    check_names(names, dataset, file=name)
    return names


def _batches(
    watched: _Watched, names: list[str], *, check: CellCheck, file: str, ragged: list[int]
) -> Iterator[pa.RecordBatch]:
    def note(record: arrow_csv.InvalidRow) -> str:
        ragged.append(record.number)
        return "skip"

    try:
        yield from arrow_csv.open_csv(
            pa.PythonFile(watched, mode="r"),
            read_options=arrow_csv.ReadOptions(
                column_names=names, block_size=_BLOCK_BYTES, use_threads=False
            ),
            parse_options=arrow_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.binary() for name in names},
                check_utf8=False,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
    except pa.ArrowException:
        if ragged:
            raise _ragged(file, ragged[0]) from None
        problem = f"expected records of at most {_BLOCK_BYTES} bytes with closed quotes, got another form"
        raise SourceRefused(file, problem, row=check.rows + 1) from None


def _ragged(file: str, number: int) -> SourceRefused:
    return SourceRefused(file, "expected as many fields as the header has, got another number", row=number)


def _typed(fields: pa.RecordBatch, check: CellCheck, watched: _Watched) -> pa.RecordBatch:
    def cells(column: Column) -> pa.Array:
        text = fields.column(column.name).cast(pa.string())
        if watched.misencoded:
            _refuse_first(column, pc.match_substring(text, _SUB), check, problem=_ENCODING)
        return _cells(column, text, check)

    return check.batch(cells, fields.num_rows)


def _cells(column: Column, text: pa.Array, check: CellCheck) -> pa.Array:
    """Text in the one spelling of its type; reading it as a number or date is left to `cells`."""
    spelling = _SPELLINGS.get(column.type)
    if spelling is None:
        return text
    misspelled = pc.invert(pc.match_substring_regex(text, spelling))
    problem = f"expected {WORDS[column.type]}, got text of another form"
    _refuse_first(column, misspelled, check, problem=problem)
    if column.type is ColumnType.BOOLEAN:
        return pc.if_else(pc.is_null(text), None, pc.is_in(text, value_set=pa.array(["true", "1"])))
    return text


def _refuse_first(column: Column, broken: pa.Array, check: CellCheck, *, problem: str) -> None:
    if pc.any(broken).as_py():
        raise check.refuse(column, problem, at=broken.fill_null(False).index(True).as_py())
