"""Locked tables: several snapshots of one domain side by side, for a statement that the SQL gate rebuilt.

Rules:
- The connection is locked before anything is asked (see `engine`); the files are those that were named, nothing else.
- A person stands in every table under one number, its place in the domain's `population`: the distinct pids of all the
  tables in ascending order. With one table that is the number the file holds already.
- Rows are reached through views of the declared columns alone, under the names the statement uses.

What may be asked is decided by whoever compiled the statement; what may be told of the answer by the disclosure rules.
"""

# ruff: noqa: S608 - the names put into SQL are declared names, quoted.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import StoreError
from connectors.store import engine
from connectors.store.engine import Connection, engine_errors, name
from connectors.store.keys import SnapshotKey
from policies.documents import strict_json
from policies.documents.dataset import Dataset
from policies.errors import PolicyError

MAX_TABLES: Final = 3
ROW: Final = "__row"
"""The column of a table's view that numbers its rows as they lie in the file; no declared column can have this name."""
THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class TableFile:
    """A snapshot file and the key that opens it."""

    path: Path
    key: bytes

    def __repr__(self) -> str:
        return f"TableFile({self.path.name})"


class LockedTables:
    """The tables of one statement, open and locked. Get one from `open_tables`; `close` it, or use it as a context."""

    def __init__(self, connection: Connection, tables: Mapping[str, str]) -> None:
        self._connection = connection
        self._catalogs = dict(tables)
        self.datasets = {
            table: _declaration(connection, catalog) for table, catalog in self._catalogs.items()
        }
        for table, dataset in self.datasets.items():
            if not dataset.personal or dataset.id != table:
                raise StoreError(f"expected a personal data set `{table}`, got another")
        self._define()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def population(self) -> NDArray[np.uint64]:
        """Pids of all persons of the tables, uint64 [persons, 2], high half first, ascending: person k is row k."""
        catalogs = list(self._catalogs.values())
        source = "temp.population" if len(catalogs) > 1 else f"{catalogs[0]}.persons"
        with engine_errors("read the population"):
            found = self._connection.execute(
                f"SELECT pid_high, pid_low FROM {source} ORDER BY pid_high, pid_low"
            ).to_arrow_table()
        return np.stack([found.column(0).to_numpy(), found.column(1).to_numpy()], axis=1)

    def identities(self, table: str) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """What row each row is and whose, in the order of the file: uint64[rows] and numbers of persons, int32[rows].

        The first is the engine's 64-bit hash of pid and every column, so that the same row has the same one in every
        snapshot. Two different rows meet by chance once in 2^64 pairs; it is not for use against an adversary.
        """
        catalog, dataset = self._catalogs[table], self.datasets[table]
        columns = [f"r.{name(c.name)}" for c in dataset.columns if c.name != dataset.person_column]
        hashed = ", ".join(["p.pid_high", "p.pid_low", *columns])
        person = name(str(dataset.person_column))
        with engine_errors("identify the rows"):
            found = self._connection.execute(
                f"SELECT hash({hashed}) AS identity, v.{person} AS person FROM {catalog}.rows r"
                f" JOIN {catalog}.persons p USING (person_no) JOIN {name(table)} v ON v.{name(ROW)} = r.rowid"
                " ORDER BY r.rowid"
            ).to_arrow_table()
        return found.column(0).to_numpy(), found.column(1).to_numpy().astype(np.int32)

    def run(self, statement: str) -> pa.Table:
        """The result of a compiled statement. Raises StoreError with the class of the engine's error."""
        with engine_errors("run the statement"):
            return self._connection.execute(statement).to_arrow_table()

    def _define(self) -> None:
        several = len(self._catalogs) > 1
        with engine_errors("define the tables"):
            if several:
                union = " UNION ".join(
                    f"SELECT pid_high, pid_low FROM {catalog}.persons" for catalog in self._catalogs.values()
                )
                self._connection.execute(
                    "CREATE TEMP TABLE population AS SELECT row_number() OVER (ORDER BY pid_high, pid_low) - 1"
                    f" AS person, pid_high, pid_low FROM ({union})"
                )
            for table, catalog in self._catalogs.items():
                self._connection.execute(self._view(table, catalog, several=several))

    def _view(self, table: str, catalog: str, *, several: bool) -> str:
        dataset = self.datasets[table]
        person = name(str(dataset.person_column))
        columns = [f"r.{name(c.name)}" for c in dataset.columns if c.name != dataset.person_column]
        source = f"{catalog}.rows r"
        # A number of 32 bits as it lies in the file: widened, counting distinct persons takes a tenth longer (measured).
        number, row = "r.person_no", f"r.rowid AS {name(ROW)}"
        if several:
            source += f" JOIN {catalog}.persons p USING (person_no) JOIN temp.population q USING (pid_high, pid_low)"
            number = "q.person"
        return (
            f"CREATE TEMP VIEW {name(table)} AS SELECT {', '.join([row, f'{number} AS {person}', *columns])}"
            f" FROM {source}"
        )


def open_tables(
    files: Mapping[str, TableFile], *, threads: int = THREADS, crypto: Path | None = None
) -> LockedTables:
    """Open and lock the snapshots of `files` by table name, one to three of them. Raises StoreError."""
    if not 1 <= len(files) <= MAX_TABLES:
        raise StoreError(f"expected one to {MAX_TABLES} tables, got {len(files)}")
    catalogs = {f"t{number}": file for number, file in enumerate(files.values())}
    connection = engine.open_locked_files(
        {catalog: (file.path, SnapshotKey(file.key)) for catalog, file in catalogs.items()},
        threads=threads,
        crypto=crypto,
    )
    try:
        return LockedTables(connection, dict(zip(files, catalogs, strict=True)))
    except BaseException:
        connection.close()
        raise


def _declaration(connection: Connection, catalog: str) -> Dataset:
    with engine_errors("read the declaration"):
        row = connection.execute(f"SELECT dataset FROM {catalog}.about").fetchone()
    try:
        return Dataset.from_body(strict_json.parse_object(str(row[0]).encode() if row else b""))
    except PolicyError:
        raise StoreError("expected a declaration in the snapshot, got none") from None
