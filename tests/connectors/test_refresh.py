"""The one way in: what a refresh leaves behind when it works, and that it leaves nothing when it does not."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connectors.errors import SourceRefused
from connectors.refresh import refresh
from connectors.store import open_snapshot
from connectors.twin import dummy_twin, write_csv
from policies.documents import strict_json
from tests.connectors.kit import NOW, declare, one_row_each, open_store, resident, table, visits

PERSONS = one_row_each()
HEADER = "resident,cost,sex\n"


def ticking(start: datetime = NOW) -> Callable[[], datetime]:
    moments = iter(start + timedelta(minutes=minute) for minute in range(100))
    return lambda: next(moments)


def persons(path: Path, count: int, *, extra: str = "") -> Path:
    path.write_text(HEADER + "".join(f"{resident(who)},{who}.5,male\n" for who in range(count)) + extra)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_refresh_leaves_snapshot_quality_and_evidence(tmp_path: Path) -> None:
    source = persons(tmp_path / "persons.csv", 40)
    store = open_store(tmp_path / "store")
    counted: list[int] = []
    done = refresh(store, PERSONS, source, clock=ticking(), progress=counted.append)
    folder = tmp_path / "store" / "persons"
    assert counted == [40]
    assert done.evidence.source == "persons.csv"
    assert done.evidence.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    snapshot_bytes = (folder / done.pointer.file).read_bytes()
    assert done.evidence.snapshot_sha256 == hashlib.sha256(snapshot_bytes).hexdigest()
    assert (done.evidence.rows, done.evidence.persons) == (40, 40)
    assert (done.evidence.started_at, done.evidence.published_at) == (
        "2026-06-01T08:00:00Z",
        "2026-06-01T08:01:00Z",
    )
    assert done.evidence.declaration == PERSONS.digest == done.pointer.dataset
    quality = (folder / f"{done.pointer.snapshot}.quality.json").read_bytes()
    assert hashlib.sha256(quality).hexdigest() == done.evidence.quality_sha256
    evidence = json.loads((folder / f"{done.pointer.snapshot}.evidence.json").read_bytes())
    assert evidence == done.evidence.to_json()
    assert done.quality.snapshot == done.pointer.snapshot == store.pointer("persons").snapshot


def test_what_was_refreshed_is_what_is_read(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    rows = visits(50)
    source = tmp_path / "visits.csv"
    write_csv(table(declare(), rows), source)
    refresh(store, declare(), source, clock=ticking())
    with store.lease("visits") as lease, open_snapshot(lease.path, lease.key) as snapshot:
        found = snapshot.features(store.pids([str(row[0]) for row in rows]), ("seen",), up_to=2023)
    dates = {row[0]: row[5] for row in rows if row[1] == 2023}
    assert found.present.all()
    assert [datetime.fromordinal(int(day)).date() for day in found.values["seen"].values] == [
        dates[row[0]] for row in rows
    ]


BAD = {
    "bad cell": f"{resident(50)},CANARY,male\n",
    "ragged": f"{resident(50)},1.0\n",
    "repeated key": f"{resident(3)},1.0,male\n",
    "repeated in another spelling": f"{resident(3).lower()} ,1.0,male\n",
    "truncated": f"{resident(50)},1.0,ma",
}


@pytest.mark.parametrize("case", BAD)
def test_a_refused_refresh_changes_no_byte(case: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    refresh(store, PERSONS, persons(tmp_path / "good.csv", 40), clock=ticking())
    before = everything(tmp_path / "store")
    with pytest.raises(SourceRefused) as caught:
        refresh(store, PERSONS, persons(tmp_path / "bad.csv", 40, extra=BAD[case]), clock=ticking())
    assert everything(tmp_path / "store") == before
    assert caught.value.file == "bad.csv"
    assert caught.value.row == 41 or case == "truncated"
    assert "CANARY" not in str(caught.value)


def test_a_refused_first_refresh_leaves_no_snapshot(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(SourceRefused):
        refresh(store, PERSONS, persons(tmp_path / "bad.csv", 1, extra="x\n"), clock=ticking())
    assert [path.name for path in (tmp_path / "store" / "persons").iterdir()] == ["refresh.lock"]


def test_a_repeated_row_key_is_found_across_batches(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    twin = dummy_twin(PERSONS, rows=70_000, seed=5)
    path = tmp_path / "big.csv"
    write_csv(twin, path)
    with path.open("a") as file:
        file.write(f"{twin.column('resident')[123]},1.0,male\n")
    with pytest.raises(SourceRefused, match="expected a row key not seen before") as caught:
        refresh(store, PERSONS, path, clock=ticking())
    assert (caught.value.row, caught.value.column) == (70_001, "resident")


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    source = persons(tmp_path / "persons.csv", 40)

    def meddle(_rows: int) -> None:
        persons(source, 41)

    with pytest.raises(SourceRefused, match="got one that changed"):
        refresh(store, PERSONS, source, clock=ticking(), progress=meddle)


def test_a_second_refresh_replaces_the_first(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    first = refresh(store, PERSONS, persons(tmp_path / "a.csv", 40), clock=ticking())
    second = refresh(store, PERSONS, persons(tmp_path / "b.csv", 20), clock=ticking(NOW + timedelta(days=1)))
    assert store.pointer("persons") == second.pointer
    assert second.pointer.rows == 20
    folder = tmp_path / "store" / "persons"
    assert [path.name for path in folder.glob("*.duckdb")] == [second.pointer.file]
    # Evidence of every refresh stays, also of a snapshot that is gone.
    assert (folder / f"{first.pointer.snapshot}.evidence.json").exists()


def test_a_report_and_evidence_hold_no_value_of_a_row(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    done = refresh(store, PERSONS, persons(tmp_path / "persons.csv", 40), clock=ticking())
    told = strict_json.canonical(done.quality.to_json()) + strict_json.canonical(done.evidence.to_json())
    assert not any(resident(who).encode() in told for who in range(40))
    assert b"39.5" not in told
    assert b"male" not in told
