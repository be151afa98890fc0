"""The store's DuckDB: an ingest connection that can write encrypted files, and a reader that can do nothing but read.

Rules (protocols.md §7.1):
- Ingest loads one extension, the crypto module of httpfs, from the installed wheel; its signature is checked by the
  engine, nothing is downloaded, and what spills to disk is encrypted under a key that dies with the process.
- A reader attaches one file READ_ONLY with its key, makes it the default catalogue, and then locks: after `LOCK`, no
  file, network, extension or setting is reachable. The order is fixed: directories before external access is shut.
- DuckDB's messages contain row values, so none is passed on: a `StoreError` names the class only.

Who holds keys and where files lie is left to `directory`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import StoreError
from connectors.store.keys import SnapshotKey

Connection = duckdb.DuckDBPyConnection

CATALOG: Final = "snapshot"
# The lock sequence, every statement measured on 1.5.5. Spilling stays off: disabled file systems could not spill anyway.
LOCK: Final = (
    "SET temp_directory=''",
    "SET extension_directory='nonexistent'",
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET allow_unsigned_extensions=false",
    "SET allow_persistent_secrets=false",
    "SET python_enable_replacements=false",
    "SET enable_external_file_cache=false",
    "SET errors_as_json=true",
    "SET memory_limit='2GB'",
    "SET threads={threads:d}",
    "SET max_expression_depth=250",
    "SET enable_external_access=false",
    "SET disabled_filesystems='LocalFileSystem'",
    "SET lock_configuration=true",
)
_CLOSED: Final[Mapping[str, str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
}


@contextmanager
def engine_errors(act: str) -> Iterator[None]:
    """Turn whatever DuckDB raises into a `StoreError` that names `act` and the class."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"{act}: the engine raised {type(error).__name__}") from None


def crypto_module() -> Path:
    """The httpfs extension of exactly this engine version in the wheel duckdb-extension-httpfs."""
    version = f"v{duckdb.__version__}"
    file = resources.files("duckdb_extension_httpfs") / "extensions" / version / "httpfs.duckdb_extension"
    path = Path(str(file))
    if not path.is_file():
        raise StoreError(f"expected the crypto module of DuckDB {version} in its wheel, got none")
    return path


def text(value: str) -> str:
    """`value` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """`value` as a quoted SQL name."""
    return '"' + value.replace('"', '""') + '"'


def open_ingest(spill: Path, *, memory_limit: str, threads: int) -> Connection:
    """A connection of the trusted ingest process; larger-than-memory work spills, encrypted, to `spill`."""
    with engine_errors("open ingest"):
        connection = duckdb.connect(":memory:", config=dict(_CLOSED))
        connection.execute(f"LOAD {text(str(crypto_module()))}")
        connection.execute("SET temp_file_encryption=true")
        connection.execute(f"SET temp_directory={text(str(spill))}")
        connection.execute(f"SET memory_limit={text(memory_limit)}")
        connection.execute(f"SET threads={threads:d}")
    return connection


def attach_new(connection: Connection, path: Path, key: SnapshotKey) -> None:
    """Create the encrypted file at `path` (AES-256-GCM) as catalogue `snapshot`."""
    with engine_errors("create the snapshot file"):
        connection.execute(
            f"ATTACH {text(str(path))} AS {CATALOG} (ENCRYPTION_KEY {_key(key)}, ENCRYPTION_CIPHER 'GCM')"
        )


def open_locked(path: Path, key: SnapshotKey, *, threads: int, crypto: Path | None) -> Connection:
    """A reader of the one file at `path`, the default catalogue, locked.

    `crypto`, the module of `crypto_module()`, is loaded before the lock when given: AES then runs on the processor's own
    instructions, about eight times faster. Without it no extension is loaded at all.
    """
    return open_locked_files({CATALOG: (path, key)}, threads=threads, crypto=crypto)


def open_locked_files(
    files: Mapping[str, tuple[Path, SnapshotKey]], *, threads: int, crypto: Path | None = None
) -> Connection:
    """A reader of the files by catalogue name, the only one of them the default catalogue, locked."""
    with engine_errors("open the snapshot"):
        connection = duckdb.connect(":memory:", config=dict(_CLOSED))
        try:
            if crypto is not None:
                connection.execute(f"LOAD {text(str(crypto))}")
            for catalog, (path, key) in files.items():
                connection.execute(
                    f"ATTACH {text(str(path))} AS {catalog} (READ_ONLY, ENCRYPTION_KEY {_key(key)})"
                )
            if len(files) == 1:
                connection.execute(f"USE {next(iter(files))}")
            for statement in LOCK:
                connection.execute(statement.format(threads=threads))
        except BaseException:
            connection.close()
            raise
    return connection


def _key(key: SnapshotKey) -> str:
    return text(base64.b64encode(key).decode())
