"""The check at start: an older copy, a rewritten entry or a relaxed database is not served."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from policies.log.errors import LogInvalid
from policies.log.merkle import Root, leaf_hash
from policies.log.note import TreeHead
from sandbox.log.errors import LogNotDurable, LogRolledBack
from sandbox.log.recovery import check_on_start
from tests.sandbox.log.district import ORIGIN, District, entry


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as an operator's backup does."""
    before, after = sqlite3.connect(source), sqlite3.connect(target)
    before.backup(after)
    before.close()
    after.close()


def start(district: District, *witnessed: TreeHead) -> TreeHead:
    with district.engine.begin() as connection:
        return check_on_start(district.log, connection, witnessed=witnessed)


def test_a_sound_log_starts_with_its_head(district: District) -> None:
    assert start(district).size == 0
    district.fill(9)
    head = district.cosign()
    district.append(entry(9))
    assert start(district, head).size == 10


def test_a_database_restored_from_an_older_copy_is_detected(district: District, tmp_path: Path) -> None:
    district.fill(5)
    district.cosign()
    copy_database(district.path, tmp_path / "older.db")
    district.append(entry(5))
    witnessed = district.cosign()

    restored = District(tmp_path / "older.db")
    # The copy is sound in itself: only the witnesses' memory tells.
    assert start(restored).size == 5
    with pytest.raises(LogRolledBack, match="at least size 6 as signed or witnessed, got 5"):
        start(restored, witnessed)
    restored.close()


def test_an_older_copy_that_grew_another_way_is_detected(district: District, tmp_path: Path) -> None:
    district.fill(5)
    copy_database(district.path, tmp_path / "older.db")
    district.append(entry(5))
    witnessed = district.cosign()

    restored = District(tmp_path / "older.db")
    restored.append(entry(6), entry(7))
    with pytest.raises(LogRolledBack, match="root at size 6"):
        start(restored, witnessed)
    restored.close()


def test_a_log_shorter_than_its_own_last_checkpoint_is_detected(district: District) -> None:
    district.fill(5)
    district.cosign()
    leaf = district.log.tables.leaf
    with district.engine.begin() as connection:
        connection.execute(leaf.delete().where(leaf.c.seq == 4))
    with pytest.raises(LogRolledBack, match="at least size 5"):
        start(district)


def test_a_gap_is_detected(district: District) -> None:
    district.fill(5)
    leaf = district.log.tables.leaf
    with district.engine.begin() as connection:
        connection.execute(leaf.delete().where(leaf.c.seq == 2))
    with pytest.raises(LogRolledBack, match="expected entry 2"):
        start(district)


def test_a_rewritten_entry_is_detected_with_and_without_its_hash(district: District) -> None:
    district.fill(5)
    district.cosign()
    leaf = district.log.tables.leaf
    other = entry(77).to_bytes()
    with district.engine.begin() as connection:
        connection.execute(leaf.update().where(leaf.c.seq == 1).values(entry=other))
    with pytest.raises(LogRolledBack, match="expected entry 1"):
        start(district)
    with district.engine.begin() as connection:
        connection.execute(leaf.update().where(leaf.c.seq == 1).values(hash=leaf_hash(other)))
    with pytest.raises(LogRolledBack, match="root at size 5"):
        start(district)


def test_nodes_that_do_not_belong_to_the_entries_are_detected(district: District) -> None:
    district.fill(4)
    node = district.log.tables.node
    with district.engine.begin() as connection:
        connection.execute(node.update().where(node.c.level == 2).values(hash=bytes(32)))
    with pytest.raises(LogRolledBack, match="stored nodes"):
        start(district)


def test_a_checkpoint_row_that_was_not_signed_is_detected(district: District) -> None:
    district.fill(4)
    district.cosign()
    checkpoint = district.log.tables.checkpoint
    with district.engine.begin() as connection:
        note = district.log.cosigned(connection, 0, 1)
        assert note is not None
        connection.execute(checkpoint.update().values(note=note.replace(f"{ORIGIN}\n4", f"{ORIGIN}\n3")))
    with pytest.raises(LogInvalid, match="does not verify"):
        start(district)


def test_a_witnessed_head_of_another_log_is_refused(district: District) -> None:
    with pytest.raises(LogRolledBack, match="expected heads of"):
        start(district, TreeHead("other.example/log", 0, Root(bytes(32))))


def test_two_heads_for_one_size_are_detected(district: District) -> None:
    district.fill(2)
    district.cosign()
    with pytest.raises(LogRolledBack, match="root at size 2"):
        start(district, TreeHead(ORIGIN, 2, Root(bytes(32))))


def test_a_relaxed_database_is_not_served(district: District) -> None:
    relaxed = create_engine(f"sqlite:///{district.path}")
    with relaxed.begin() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        with pytest.raises(LogNotDurable, match="synchronous full"):
            check_on_start(district.log, connection, witnessed=[])
    relaxed.dispose()
