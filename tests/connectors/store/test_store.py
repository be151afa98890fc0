"""The domain store on disk: nothing in the clear, nothing changed by failure, nothing removed under a reader."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.errors import (
    RowKeyRepeated,
    SnapshotTampered,
    SnapshotUnknown,
    StoreBusy,
    StoreError,
)
from connectors.store import DomainStore, Pointer, open_snapshot, pointer, writer
from connectors.store.directory import replace_file
from connectors.store.keys import PointerKey
from policies.documents.dataset import ColumnType
from tests.connectors.kit import (
    NOW,
    PID_KEY,
    RESIDENT,
    STORE_KEY,
    column,
    declare,
    fill,
    one_row_each,
    open_store,
    resident,
    table,
    visits,
)

PERSONS = one_row_each()
DIARY = declare(
    (RESIDENT, column("note", ColumnType.TEXT)), id="diary", row_key=("resident",), order_column=None
)


def some(count: int, *, cost: float = 1.0) -> pa.Table:
    return table(PERSONS, [(resident(who), cost, "male") for who in range(count)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.req("RQ-301")
def test_no_value_stands_in_the_clear_in_the_store_or_in_what_spills(tmp_path: Path) -> None:
    store = open_store(tmp_path, memory_limit="60MB")
    seen = {"bytes": 0, "clear": 0}
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for folder, _, names in os.walk(tmp_path):
                for name in names:
                    try:
                        data = Path(folder, name).read_bytes()
                    except OSError:
                        continue
                    seen["bytes"] = max(seen["bytes"], len(data) if folder.endswith("spill") else 0)
                    seen["clear"] += b"CANARYCANARY" in data or resident(3).encode() in data
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with store.writer(DIARY) as writer:
            for start in range(0, 240_000, 20_000):
                notes = [
                    f"CANARYCANARY{number * 7919 % 1000003}" * 8 for number in range(start, start + 20_000)
                ]
                people = [resident(number) for number in range(start, start + 20_000)]
                writer.add(pa.record_batch([pa.array(people), pa.array(notes)], names=["resident", "note"]))
            store.publish(writer.seal(), now=NOW)
    finally:
        done.set()
        watcher.join()
    assert seen["bytes"] > 1_000_000, "expected the refresh to spill, or the test proves nothing"
    assert seen["clear"] == 0
    with store.lease("diary") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        found = snapshot.features(store.pids([resident(3)]), ("note",)).values["note"].values
    assert str(found[0]).startswith("CANARYCANARY")


def test_a_snapshot_file_is_read_only_and_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    published = fill(store, PERSONS, some(3))
    path = tmp_path / "persons" / published.file
    assert path.stat().st_mode & 0o777 == 0o400
    assert sorted(files(tmp_path)) == sorted([published.file, "pointer.json", "refresh.lock"])
    assert (published.rows, published.persons, published.created_at) == (3, 3, "2026-06-01T08:00:00Z")
    assert published.dataset == PERSONS.digest


def test_the_layout_does_not_tell_the_order_of_the_source(tmp_path: Path) -> None:
    rows = visits(30)
    laid: list[list[list[tuple[object, ...]]]] = []
    for order in (rows, rows[::-1]):
        store = open_store(tmp_path / str(len(laid)))
        fill(store, declare(), table(declare(), order))
        with store.lease("visits") as lease, open_snapshot(lease.path, lease.key) as snapshot:
            laid.append(
                [
                    snapshot._connection.execute(f"SELECT * FROM snapshot.{name}").fetchall()
                    for name in ("persons", "rows")
                ]
            )
    assert laid[0] == laid[1]
    assert [row[0] for row in laid[0][0]] == list(range(30))
    assert [row[:2] for row in laid[0][1]] == sorted(row[:2] for row in laid[0][1])


def test_a_repeated_row_key_is_named_by_the_row_that_repeats_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    before = fill(store, PERSONS, some(5))
    doubled = pa.concat_tables([some(2500), some(1, cost=9.0), some(2)])
    with pytest.raises(RowKeyRepeated) as caught:
        fill(store, PERSONS, doubled)
    assert caught.value.row == 2501
    assert store.pointer("persons") == before


def test_persons_numbered_and_laid_out_some_at_a_time_give_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def laid_out(folder: Path) -> list[list[tuple[object, ...]]]:
        store = open_store(folder)
        rows = table(declare(), visits(5000))
        published = fill(store, declare(), rows)
        assert published.rows == len(rows)
        with store.lease("visits") as lease, open_snapshot(lease.path, lease.key) as snapshot:
            found = [
                snapshot._connection.execute(f"SELECT rowid, * FROM {part} ORDER BY rowid").fetchall()
                for part in ("persons", "rows")
            ]
        assert [row[1] for row in found[0]] == list(range(published.persons))
        return found

    whole = laid_out(tmp_path / "whole")
    assert len(whole[0]) > 4096
    monkeypatch.setattr(writer, "_PERSONS_HASHED", 2048)
    monkeypatch.setattr(writer, "_PERSONS_LAID_OUT", 1000)
    assert laid_out(tmp_path / "parts") == whole


def test_a_data_set_that_is_not_personal_has_rows_only(tmp_path: Path) -> None:
    shop = column("shop", ColumnType.TEXT)
    sales = column("sales", ColumnType.INTEGER)
    dataset = declare((shop, sales), personal=False, person_column=None, row_key=("shop",), order_column=None)
    store = open_store(tmp_path)
    published = fill(store, dataset, table(dataset, [("b", 2), ("a", 1)]))
    assert (published.rows, published.persons) == (2, 0)
    with store.lease("visits") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        assert snapshot.profile(dataset).rows == 2
        with pytest.raises(StoreError, match="expected a personal data set"):
            snapshot.features(store.pids([resident(1)]), ("sales",))


@pytest.mark.parametrize("reserved", ["person_no", "rowid"])
def test_a_column_cannot_take_a_name_the_layout_needs(reserved: str, tmp_path: Path) -> None:
    dataset = declare(
        (RESIDENT, column(reserved, ColumnType.INTEGER)), row_key=("resident",), order_column=None
    )
    with pytest.raises(StoreError, match="a name the store uses itself"):
        fill(open_store(tmp_path), dataset, table(dataset, []))


def test_columns_named_like_sql_are_columns(tmp_path: Path) -> None:
    names = ("select", "order", "table", "rows", "staged", "snapshot", "resident_")
    dataset = declare(
        (RESIDENT, *(column(name, ColumnType.INTEGER) for name in names)),
        row_key=("resident",),
        order_column="order",
    )
    store = open_store(tmp_path)
    fill(store, dataset, table(dataset, [(resident(1), *range(7))]))
    with store.lease("visits") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        found = snapshot.features(store.pids([resident(1)]), names, up_to=5)
    assert [found.values[name].values[0] for name in names] == list(range(7))


@pytest.mark.req("RQ-307")
@pytest.mark.parametrize("offset", [0, 100, 5000, -1])
def test_a_changed_byte_of_a_snapshot_is_detected_before_it_is_leased(offset: int, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    path = tmp_path / "persons" / fill(store, PERSONS, some(3)).file
    with store.lease("persons"):
        pass
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    with pytest.raises(SnapshotTampered), store.lease("persons"):
        pass


def test_a_pointer_that_the_store_did_not_write_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, PERSONS, some(3))
    path = tmp_path / "persons" / "pointer.json"
    whole = path.read_bytes()
    for data in (
        whole.replace(b'"rows":3', b'"rows":4'),
        whole[:-2],
        b"{}",
        b"[]",
        whole.replace(b'"mac"', b'"macro"'),
        whole.replace(b'"rows":3', b'"rows":"3"'),
        whole.replace(b'"rows":3', b'"rows":true'),
    ):
        path.write_bytes(data)
        with pytest.raises(SnapshotTampered):
            store.pointer("persons")


def test_the_pointer_of_another_data_set_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, PERSONS, some(3))
    (tmp_path / "visits").mkdir()
    (tmp_path / "visits" / "pointer.json").write_bytes((tmp_path / "persons" / "pointer.json").read_bytes())
    with pytest.raises(SnapshotTampered):
        store.pointer("visits")


def test_a_pointer_reads_back_as_written() -> None:
    key = PointerKey(bytes(32))
    written = Pointer("s", "s.duckdb", "0" * 64, 3, 2, "1" * 64, "2026-01-01T00:00:00Z")
    assert pointer.read(pointer.write(written, key), key) == written


def test_a_data_set_without_a_refresh_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(SnapshotUnknown), open_store(tmp_path).lease("persons"):
        pass


def test_the_file_of_the_current_snapshot_must_exist(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    (tmp_path / "persons" / fill(store, PERSONS, some(3)).file).unlink()
    with pytest.raises(SnapshotTampered), store.lease("persons"):
        pass


@pytest.mark.parametrize(("store_key", "pid_key"), [(bytes(31), bytes(32)), (bytes(32), b"")])
def test_keys_have_thirty_two_bytes(store_key: bytes, pid_key: bytes, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="32 bytes"):
        DomainStore(tmp_path, store_key=store_key, pid_key=pid_key)


def test_a_leased_snapshot_outlives_a_refresh_and_goes_after_its_last_reader(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    old = fill(store, PERSONS, some(3, cost=1.0))
    with store.lease("persons") as lease:
        new = fill(store, PERSONS, some(3, cost=2.0), now=NOW + timedelta(hours=1))
        assert (tmp_path / "persons" / old.file).exists()
        with open_snapshot(lease.path, lease.key) as snapshot:
            pids = store.pids([resident(1)])
            assert snapshot.features(pids, ("cost",)).values["cost"].values.tolist() == [1.0]
    newest = fill(store, PERSONS, some(3, cost=3.0), now=NOW + timedelta(hours=2))
    kept = [path.name for path in (tmp_path / "persons").glob("*.duckdb")]
    assert kept == [newest.file]
    assert new.file not in kept


def test_two_readers_share_a_snapshot(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, PERSONS, some(3))
    with store.lease("persons") as one, store.lease("persons") as two:
        assert one == two
        with open_snapshot(one.path, one.key) as first, open_snapshot(two.path, two.key) as second:
            assert first.dataset == second.dataset == PERSONS


def test_a_second_refresh_at_the_same_time_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.writer(PERSONS), pytest.raises(StoreBusy), open_store(tmp_path).writer(PERSONS):
        pass
    fill(store, PERSONS, some(1))


def test_a_lease_does_not_show_its_key(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, PERSONS, some(1))
    with store.lease("persons") as lease:
        assert repr(lease.key) not in repr(lease)


def test_an_abandoned_refresh_leaves_everything_as_it_was(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, PERSONS, some(3))
    before = files(tmp_path)

    def abandon() -> None:
        with store.writer(PERSONS) as writer:
            writer.add(some(9).to_batches()[0])
            writer.seal()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        abandon()
    assert files(tmp_path) == before


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert files(tmp_path) == {"f": b"two"}


REFRESH = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from connectors.refresh import refresh
from tests.connectors.kit import NOW, one_row_each, open_store
print("ready", flush=True)
refresh(open_store(Path(sys.argv[1])), one_row_each(), Path(sys.argv[2]), clock=lambda: NOW)
print("done", flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.25, 0.45, 0.7])
def test_a_killed_refresh_leaves_the_old_snapshot_or_the_new_one(delay: float, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    old = fill(store, PERSONS, some(3))
    old_bytes = (tmp_path / "store" / "persons" / old.file).read_bytes()
    source = tmp_path / "persons.csv"
    rows = "".join(f"{resident(who)},2.0,male\n" for who in range(30_000))
    source.write_text("resident,cost,sex\n" + rows)
    child = subprocess.Popen(
        [sys.executable, "-c", REFRESH, str(tmp_path / "store"), str(source)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == b"ready\n"
        time.sleep(delay)
        os.kill(child.pid, signal.SIGKILL)
    current = DomainStore(tmp_path / "store", store_key=STORE_KEY, pid_key=PID_KEY)
    with current.lease("persons") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        cost = snapshot.features(current.pids([resident(1)]), ("cost",)).values["cost"].values.tolist()
    if current.pointer("persons") == old:
        assert cost == [1.0]
        assert (tmp_path / "store" / "persons" / old.file).read_bytes() == old_bytes
    else:
        assert cost == [2.0]
        assert current.pointer("persons").rows == 30_000
    # What the killed refresh left behind does not stand in the way of the next, and goes with it.
    newest = fill(current, PERSONS, some(2), now=NOW + timedelta(days=1))
    left = {path.name for path in (tmp_path / "store" / "persons").iterdir() if ".evidence" not in path.name}
    assert {name for name in left if ".quality" not in name} == {newest.file, "pointer.json", "refresh.lock"}
