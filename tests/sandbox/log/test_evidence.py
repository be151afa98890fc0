"""The durable log: one transaction with the act, one note for a size, proofs that verify."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select

from policies.log.errors import LogInvalid
from policies.log.merkle import Frontier, check_consistency, check_inclusion, leaf_hash, root
from policies.log.note import check_checkpoint, cosign
from sandbox.log.errors import LogNotDurable, LogRolledBack, LogUnknown
from sandbox.log.tables import log_tables, reading
from tests.sandbox.log.district import (
    FIRST,
    LOG_KEY,
    ORIGIN,
    QUORUM,
    WITNESS_KEYS,
    District,
    entry,
    key,
    public,
)


def roots(district: District) -> list[bytes]:
    """The root at every size, recomputed from the entries."""
    with district.engine.begin() as connection:
        entries = district.log.entries(connection, 0, district.log.size(connection))
    return [root(leaf_hash(data) for data in entries[:size]) for size in range(len(entries) + 1)]


def test_sequence_numbers_are_leaf_indexes(district: District) -> None:
    assert district.append(FIRST) == [0]
    assert district.append(entry(1), entry(2)) == [1, 2]
    assert district.append() == []
    with district.engine.begin() as connection:
        expected = [FIRST.to_bytes(), entry(1).to_bytes(), entry(2).to_bytes()]
        assert district.log.entries(connection, 0, 3) == expected


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 9), max_size=8))
def test_any_batching_gives_the_same_head(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int]
) -> None:
    district = District(tmp_path_factory.mktemp("log") / "coordinator.db")
    entries = [entry(index) for index in range(sum(batches))]
    rest = list(entries)
    for count in batches:
        district.append(*rest[:count])
        rest = rest[count:]
    with district.engine.begin() as connection:
        head = district.log.head(connection)
    district.close()
    assert (head.size, head.root) == (len(entries), root(leaf_hash(item.to_bytes()) for item in entries))


def test_every_proof_of_every_size_verifies(district: District) -> None:
    district.fill(21)
    known = roots(district)
    with district.engine.begin() as connection:
        for size in range(1, 22):
            for index in range(size):
                leaf = leaf_hash(district.log.entries(connection, index, index + 1)[0])
                path = district.log.inclusion_proof(connection, index, size)
                check_inclusion(leaf, index, size=size, path=path, root=known[size])
            for old in range(size + 1):
                path = district.log.consistency_proof(connection, old, size)
                check_consistency(old, size, old_root=known[old], new_root=known[size], path=path)


def test_an_act_and_its_evidence_are_kept_or_lost_together(district: District) -> None:
    usage = Table("usage", MetaData(), Column("id", Integer, primary_key=True))
    usage.create(district.engine)
    district.append(FIRST)
    with district.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(insert(usage).values(id=1))
        assert district.log.append(connection, [entry(1), entry(2)]) == [1, 2]
        transaction.rollback()
    with district.engine.begin() as connection:
        connection.execute(insert(usage).values(id=2))
        assert district.log.append(connection, [entry(3)]) == [1]
    with district.engine.begin() as connection:
        assert connection.execute(select(usage.c.id)).scalars().all() == [2]
        assert district.log.entries(connection, 0, 2) == [FIRST.to_bytes(), entry(3).to_bytes()]
        head = district.log.head(connection)
    assert head.root == roots(district)[2]


def test_replicas_on_one_database_continue_each_other(district: District) -> None:
    replica = District(district.path)
    for index in range(0, 20, 2):
        assert district.append(entry(index)) == [index]
        assert replica.append(entry(index + 1)) == [index + 1]
    with replica.engine.begin() as connection:
        head = replica.log.head(connection)
    replica.close()
    assert (head.size, head.root) == (20, roots(district)[20])


def test_a_reader_does_not_hold_up_a_writer(district: District) -> None:
    district.fill(3)
    with reading(district.engine).begin() as reader:
        before = district.log.head(reader)
        assert district.append(entry(3)) == [3]
        # The reader stays in its snapshot: a head and its proofs belong together.
        assert district.log.head(reader) == before
        with pytest.raises(LogUnknown):
            district.log.inclusion_proof(reader, 3, 4)


def test_appending_outside_a_transaction_is_refused(tmp_path: Path) -> None:
    district = District(tmp_path / "coordinator.db")
    relaxed = create_engine(f"sqlite:///{district.path}")
    # Without `durable_sqlite` the driver begins only at the first write, after the frontier was read.
    with relaxed.begin() as connection, pytest.raises(LogNotDurable, match="open transaction"):
        district.log.append(connection, [FIRST])
    autocommit = relaxed.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection, pytest.raises(LogNotDurable):
        district.log.checkpoint(connection, key=LOG_KEY, now=1)
    with district.engine.connect() as connection, pytest.raises(LogNotDurable):
        district.log.append(connection, [FIRST])
    relaxed.dispose()
    district.close()


def test_a_size_has_one_note(district: District) -> None:
    district.fill(3)
    with district.engine.begin() as connection:
        first = district.log.checkpoint(connection, key=LOG_KEY, now=10)
        assert district.log.checkpoint(connection, key=LOG_KEY, now=20) == first
        district.log.append(connection, [entry(3)])
        assert district.log.checkpoint(connection, key=LOG_KEY, now=30) != first


def test_another_key_does_not_sign_for_the_log(district: District) -> None:
    with district.engine.begin() as connection, pytest.raises(LogUnknown):
        district.log.checkpoint(connection, key=key(50), now=10)


@pytest.mark.parametrize("deleted", [[2, 1], [2]])
def test_a_head_is_not_signed_over_fewer_entries_than_before(district: District, deleted: list[int]) -> None:
    district.fill(3)
    district.cosign()
    leaf = district.log.tables.leaf
    with district.engine.begin() as connection:
        connection.execute(leaf.delete().where(leaf.c.seq.in_(deleted)))
        with pytest.raises(LogRolledBack):
            district.log.checkpoint(connection, key=LOG_KEY, now=20)


def test_a_head_is_not_signed_over_other_entries_than_before(district: District) -> None:
    district.fill(3)
    district.cosign()
    leaf = district.log.tables.leaf
    other = entry(7).to_bytes()
    with district.engine.begin() as connection:
        connection.execute(leaf.update().where(leaf.c.seq == 2).values(entry=other, hash=leaf_hash(other)))
        with pytest.raises(LogRolledBack):
            district.log.checkpoint(connection, key=LOG_KEY, now=20)


def test_the_newest_note_with_a_quorum_is_served(district: District) -> None:
    keys = {name: public(private) for name, private in WITNESS_KEYS.items()}
    district.fill(4)
    district.cosign(at=100)
    district.append(entry(4))
    district.cosign(at=200, witnesses=2)
    with district.engine.begin() as connection:
        note = district.log.cosigned(connection, 1, QUORUM)
        assert note is not None
        checkpoint = check_checkpoint(
            note, origin=ORIGIN, log_key=public(LOG_KEY), witness_keys=keys, quorum=QUORUM
        )
        assert checkpoint.size == 4
        assert set(checkpoint.cosigned_at.values()) == {100}
        # No quorum has seen size 5 yet.
        assert district.log.cosigned(connection, 5, QUORUM) is None
        assert district.log.cosigned(connection, 5, 2) is not None


def test_a_later_cosignature_replaces_an_earlier_and_never_the_other_way(district: District) -> None:
    keys = {name: public(private) for name, private in WITNESS_KEYS.items()}
    district.fill(2)
    for at in (100, 300, 200):
        district.cosign(at=at)
    with district.engine.begin() as connection:
        note = district.log.cosigned(connection, 0, QUORUM)
    assert note is not None
    checkpoint = check_checkpoint(
        note, origin=ORIGIN, log_key=public(LOG_KEY), witness_keys=keys, quorum=QUORUM
    )
    assert set(checkpoint.cosigned_at.values()) == {300}


def test_a_cosignature_that_does_not_verify_is_not_stored(district: District) -> None:
    district.fill(3)
    head = district.cosign(witnesses=2)
    forged = cosign(head, key(50), name="gate", at=1)
    stranger = cosign(head, key(50), name="stranger", at=1)
    with district.engine.begin() as connection:
        with pytest.raises(LogInvalid):
            district.log.add_cosignature(connection, 3, forged)
        with pytest.raises(LogUnknown, match="stranger"):
            district.log.add_cosignature(connection, 3, stranger)
        with pytest.raises(LogUnknown, match="size 2"):
            district.log.add_cosignature(connection, 2, cosign(head, WITNESS_KEYS["gate"], name="gate", at=1))
        assert district.log.cosigned(connection, 0, QUORUM) is None


def test_what_is_not_in_the_log_is_not_proved(district: District) -> None:
    district.fill(3)
    with district.engine.begin() as connection:
        with pytest.raises(LogUnknown):
            district.log.inclusion_proof(connection, 0, 4)
        with pytest.raises(LogUnknown):
            district.log.consistency_proof(connection, 1, 4)
        with pytest.raises(LogInvalid):
            district.log.inclusion_proof(connection, 3, 3)
        for start, end in ((0, 4), (2, 1), (-1, 2)):
            with pytest.raises(LogUnknown):
                district.log.entries(connection, start, end)


def test_a_missing_node_is_noticed_when_it_is_needed(district: District) -> None:
    district.fill(4)
    node = district.log.tables.node
    with district.engine.begin() as connection:
        connection.execute(node.delete().where(node.c.level == 2))
        with pytest.raises(LogRolledBack, match="stored nodes"):
            district.log.append(connection, [entry(4)])


def test_the_empty_log_has_the_empty_root(district: District) -> None:
    with district.engine.begin() as connection:
        head = district.log.head(connection)
        assert (head.size, head.root) == (0, Frontier().root())
        assert district.log.consistency_proof(connection, 0, 0) == []


def test_the_tables_join_the_metadata_of_the_caller() -> None:
    metadata = MetaData()
    log_tables(metadata)
    assert set(metadata.tables) == {"log_leaf", "log_node", "log_checkpoint", "log_cosignature"}
