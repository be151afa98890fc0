"""The lock of a snapshot's connection: what a confined worker cannot do with the engine it holds."""

import socket
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from connectors.errors import StoreError
from connectors.store import LockedSnapshot, crypto_module, engine, open_snapshot
from connectors.store.keys import SnapshotKey
from tests.connectors.kit import declare, fill, one_row_each, open_store, resident, table, visits

BLOCKED = [
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM read_text('{url}')",
    "SELECT * FROM read_csv('{url}')",
    "SELECT * FROM read_text('s3://bucket/key')",
    "SELECT * FROM read_text('hf://datasets/a/b')",
    "ATTACH '{url}' AS other (READ_ONLY)",
    "COPY (SELECT 1) TO '{url}'",
    "COPY snapshot.rows TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{folder}/export'",
    "IMPORT DATABASE '{folder}/export'",
    "ATTACH '{folder}/other.duckdb' AS other",
    "ATTACH '{folder}/other.duckdb' AS other (READ_ONLY)",
    "INSTALL httpfs",
    "LOAD tpch",
    "LOAD '{folder}/other.duckdb_extension'",
    "SET threads=1",
    "SET memory_limit='100GB'",
    "SET enable_external_access=true",
    "SET temp_directory='{folder}'",
    "SET lock_configuration=false",
    "RESET lock_configuration",
    "SET LOCAL profile_output='{folder}/profile'",
    "PRAGMA enable_profiling='json'",
    "INSERT INTO snapshot.about VALUES ('x')",
    "UPDATE snapshot.rows SET cost = 0",
    "DELETE FROM snapshot.rows",
    "DROP TABLE snapshot.persons",
    "CREATE TABLE snapshot.other AS SELECT 1",
    "SELECT getenv('HOME')",
    "CREATE PERSISTENT SECRET s (TYPE http)",
]


@pytest.fixture(params=["without extension", "with the crypto module"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LockedSnapshot]:
    store = open_store(tmp_path / "store")
    dataset = declare()
    fill(store, dataset, table(dataset, visits(20)))
    crypto = None if request.param == "without extension" else crypto_module()
    with store.lease("visits") as lease, open_snapshot(lease.path, lease.key, crypto=crypto) as snapshot:
        yield snapshot


@pytest.mark.parametrize("statement", BLOCKED)
@pytest.mark.req("RQ-307")
def test_the_locked_connection_refuses(statement: str, opened: LockedSnapshot, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\nCANARY\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/stolen"
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(duckdb.Error):
            opened._connection.execute(statement.format(file=file, folder=tmp_path, url=url)).fetchall()
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_same_statements_work_on_a_connection_that_is_not_locked(tmp_path: Path) -> None:
    file = tmp_path / "plain.csv"
    file.write_text("a\n1\n")
    free = duckdb.connect(":memory:")
    assert free.execute(f"SELECT * FROM read_csv('{file}')").fetchall() == [(1,)]
    assert free.execute(f"SELECT count(*) FROM glob('{tmp_path}/*')").fetchall() == [(1,)]
    free.execute(f"COPY (SELECT 1) TO '{tmp_path}/out.csv'")
    free.execute(f"ATTACH '{tmp_path}/other.duckdb' AS other")
    free.execute("SET threads=1")


def test_a_snapshot_is_read_without_any_extension(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, one_row_each(), table(one_row_each(), [(resident(1), 2.5, "male")]))
    with store.lease("persons") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        # The module brings settings of its own; that they are absent shows that it is.
        found = snapshot._connection.execute(
            "SELECT count(*) FROM duckdb_settings() WHERE name = 's3_region'"
        )
        assert found.fetchall() == [(0,)]
        assert snapshot.features(store.pids([resident(1)]), ("cost",)).values["cost"].values.tolist() == [2.5]


def test_the_lock_is_the_sixteen_statements_of_the_specification() -> None:
    assert len(engine.LOCK) == 16
    assert engine.LOCK[-1] == "SET lock_configuration=true"
    shut = engine.LOCK.index("SET enable_external_access=false")
    assert engine.LOCK.index("SET temp_directory=''") < shut
    assert engine.LOCK.index("SET extension_directory='nonexistent'") < shut


def test_every_setting_of_the_lock_is_in_force(opened: LockedSnapshot) -> None:
    for statement in engine.LOCK:
        setting, _, value = statement.format(threads=2).removeprefix("SET ").partition("=")
        found = opened._connection.execute(f"SELECT current_setting('{setting}')").fetchall()[0][0]
        if setting == "memory_limit":
            assert found == "1.8 GiB"
        # The engine keeps the disabled file systems but does not tell them; reading a file shows that they are.
        elif setting != "disabled_filesystems":
            assert str(found).lower() == value.strip("'")


@pytest.mark.parametrize("key", [bytes(32), b"short", b"", bytes(range(1, 33))])
@pytest.mark.req("RQ-301")
def test_a_wrong_key_is_refused(key: bytes, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, one_row_each(), table(one_row_each(), [(resident(1), 2.5, "male")]))
    with store.lease("persons") as lease, pytest.raises(StoreError):
        open_snapshot(lease.path, key)


def test_the_key_of_one_data_set_does_not_open_another(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, one_row_each(), table(one_row_each(), [(resident(1), 2.5, "male")]))
    with store.lease("persons") as lease, pytest.raises(StoreError):
        open_snapshot(lease.path, store.snapshot_key("visits"))


def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    key = SnapshotKey(bytes(32))
    for name, data in (("empty", b""), ("text", b"not a database" * 1000)):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(StoreError):
            open_snapshot(path, key)
    with pytest.raises(StoreError):
        open_snapshot(tmp_path / "none", key)
