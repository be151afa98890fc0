"""Writing one snapshot file: stage the rows, number the persons, lay the rows out, seal the file.

Layout of a snapshot (catalogue `snapshot`):

    about(dataset)                                   the declaration the rows were checked against, canonical JSON
    persons(person_no, pid_high, pid_low, resident)  personal data sets only; sorted by pid, numbered from 0
    rows(person_no, …)                               declared columns without the person column, clustered by person,
                                                     then order column, then row key; without person_no if not personal

Rules:
- A person's number follows the pid and so says nothing about where the row stood in the source.
- A row key occurs once; the first repetition is named by its row number.
- Rows are staged in memory and spill, encrypted, beyond the memory limit; nothing in the clear touches a disk.
- `seal` leaves one closed, synced, read-only file without a write-ahead log. Publishing it is left to `directory`.
"""

# ruff: noqa: S608 - the names put into SQL are declared column names, quoted; values are bound.
from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.errors import RowKeyRepeated, StoreError
from connectors.pseudonym import PidKey, pids
from connectors.store import engine
from connectors.store.engine import CATALOG, Connection, engine_errors, name
from connectors.store.keys import SnapshotKey
from policies.documents import strict_json
from policies.documents.dataset import Column, ColumnType, Dataset

# A decimal is a binary double: what models read and what statistics are computed in. Money in whole fen is an integer.
ENGINE_TYPES: Final[Mapping[ColumnType, str]] = MappingProxyType(
    {
        ColumnType.INTEGER: "BIGINT",
        ColumnType.DECIMAL: "DOUBLE",
        ColumnType.TEXT: "VARCHAR",
        ColumnType.BOOLEAN: "BOOLEAN",
        ColumnType.DATE: "DATE",
        ColumnType.RESIDENT_ID: "VARCHAR",
    }
)
MAX_PERSONS: Final = 2**31 - 1
_PERSONS_HASHED: Final = 262_144
_PERSONS_LAID_OUT: Final = 4_000_000
# A column `rowid` would hide the engine's own, on which "latest" rests.
RESERVED: Final = ("person_no", "rowid")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A finished snapshot file that nothing points to yet."""

    path: Path
    dataset: Dataset
    sha256: str
    rows: int
    persons: int


class SnapshotWriter:
    """Writes one file at `path`; `add` batches, then `seal` once. `close` whatever happens."""

    def __init__(
        self, dataset: Dataset, path: Path, *, connection: Connection, key: SnapshotKey, pid_key: PidKey
    ) -> None:
        check_reserved(dataset)
        self.rows = 0
        self._dataset = dataset
        self._path = path
        self._connection = connection
        self._pid_key = pid_key
        columns = ", ".join(f"{name(c.name)} {ENGINE_TYPES[c.type]}" for c in dataset.columns)
        engine.attach_new(connection, path, key)
        with engine_errors("prepare staging"):
            connection.execute(f"CREATE TABLE staged (__row BIGINT, {columns})")

    def add(self, batch: pa.RecordBatch) -> None:
        """Stage the next rows; `batch` has the declared schema and has been checked."""
        numbers = pa.array(np.arange(self.rows + 1, self.rows + 1 + batch.num_rows))
        table = pa.Table.from_batches([batch]).add_column(0, "__row", numbers)
        with engine_errors("stage rows"):
            self._connection.register("incoming", table)
            self._connection.execute("INSERT INTO staged SELECT * FROM incoming")
            self._connection.unregister("incoming")
        self.rows += batch.num_rows

    def seal(self) -> Sealed:
        """Lay the staged rows out, close and sync the file."""
        self._check_row_keys()
        persons = self._write_persons() if self._dataset.personal else 0
        self._write_rows(persons)
        with engine_errors("close the snapshot file"):
            body = strict_json.canonical(self._dataset.to_body()).decode()
            self._connection.execute(f"CREATE TABLE {CATALOG}.about AS SELECT ? AS dataset", [body])
            self._connection.execute("DROP TABLE staged")
            self._connection.execute(f"CHECKPOINT {CATALOG}")
            self._connection.execute(f"DETACH {CATALOG}")
        self._path.chmod(0o400)
        sync(self._path)
        return Sealed(self._path, self._dataset, file_digest(self._path), self.rows, persons)

    def close(self) -> None:
        self._connection.close()

    def _check_row_keys(self) -> None:
        keys = ", ".join(name(column) for column in self._dataset.row_key)
        with engine_errors("check row keys"):
            distinct = self._count(f"SELECT count(*) FROM (SELECT DISTINCT {keys} FROM staged)")
            if distinct == self.rows:
                return
            first = self._count(
                f"SELECT min(__row) FROM (SELECT __row, row_number() OVER (PARTITION BY {keys} ORDER BY __row) AS nth"
                " FROM staged) WHERE nth > 1"
            )
        raise RowKeyRepeated(first)

    def _count(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row is not None else 0

    def _write_persons(self) -> int:
        """Hash the distinct residents a batch at a time; the engine sorts them, spilling, and a row's place is its number."""
        person = name(str(self._dataset.person_column))
        with engine_errors("number persons"):
            self._connection.execute(
                "CREATE TABLE hashed (pid_high UBIGINT, pid_low UBIGINT, resident VARCHAR);"
                "CREATE TABLE numbered (pid_high UBIGINT, pid_low UBIGINT, resident VARCHAR)"
            )
            # A cursor of its own: inserting would break off the stream of the same connection.
            with self._connection.cursor() as distinct:
                found = distinct.execute(f"SELECT DISTINCT {person} FROM staged")
                for batch in found.to_arrow_reader(_PERSONS_HASHED):
                    self._hash(batch.column(0))
            persons = self._count("SELECT count(*) FROM hashed")
        if persons > MAX_PERSONS:
            raise StoreError(f"expected at most {MAX_PERSONS} persons, got {persons}")
        with engine_errors("write persons"):
            # INVARIANT: the engine keeps the order of what is inserted (its default), so that a row's id is its rank.
            self._connection.execute("INSERT INTO numbered SELECT * FROM hashed ORDER BY pid_high, pid_low")
            self._connection.execute("DROP TABLE hashed")
            self._connection.execute(
                f"CREATE TABLE {CATALOG}.persons AS SELECT rowid::INTEGER AS person_no, * FROM numbered ORDER BY rowid"
            )
            self._connection.execute("DROP TABLE numbered")
        return persons

    def _hash(self, residents: pa.Array) -> None:
        halves = pids(self._pid_key, residents.to_pylist())
        self._connection.register(
            "incoming", pa.table({"high": halves[:, 0], "low": halves[:, 1], "resident": residents})
        )
        self._connection.execute("INSERT INTO hashed SELECT * FROM incoming")
        self._connection.unregister("incoming")

    def _write_rows(self, persons: int) -> None:
        """Lay out the rows, those of some persons at a time: joining and sorting all at once outgrows the memory."""
        dataset = self._dataset
        kept = [name(column.name) for column in dataset.columns if column.name != dataset.person_column]
        sources = ["staged"]
        if dataset.personal:
            kept.insert(0, "person_no")
            person = name(str(dataset.person_column))
            sources = [
                f"staged JOIN (SELECT person_no, resident FROM {CATALOG}.persons"
                f" WHERE person_no >= {first} AND person_no < {first + _PERSONS_LAID_OUT})"
                f" AS chosen ON staged.{person} = chosen.resident"
                for first in range(0, max(persons, 1), _PERSONS_LAID_OUT)
            ]
        into = f"CREATE TABLE {CATALOG}.rows AS"
        with engine_errors("write rows"):
            for source in sources:
                self._connection.execute(
                    f"{into} SELECT {', '.join(kept)} FROM {source} ORDER BY {_order(dataset)}"
                )
                into = f"INSERT INTO {CATALOG}.rows"


def _order(dataset: Dataset) -> str:
    """Physical order of rows; a total order, because row keys are unique. Readers take a person's last row as latest."""
    terms = ["person_no"] if dataset.personal else []
    tail = [dataset.order_column] if dataset.order_column else []
    tail += [key for key in dataset.row_key if key not in tail and key != dataset.person_column]
    return ", ".join([*terms, *(f"{name(column)} ASC NULLS FIRST" for column in tail)])


def check_reserved(dataset: Dataset) -> None:
    """Raise `StoreError` when a declared column has a name the layout needs for itself."""
    for reserved in RESERVED:
        if dataset.column(reserved) is not None:
            raise StoreError(f"expected no column named `{reserved}`, a name the store uses itself, got one")


def stored_columns(dataset: Dataset) -> tuple[Column, ...]:
    """The columns `rows` holds beside `person_no`."""
    return tuple(column for column in dataset.columns if column.name != dataset.person_column)


def sync(path: Path) -> None:
    """Make the file or folder at `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
