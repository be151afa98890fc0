"""The store: a transaction is all or nothing, a nonce is spent once, a first answer stays, a file is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.store.answers import KEPT_S, Answer, WriteKey, first_answer, forget_answers, remember_answer
from sandbox.store.database import Database
from sandbox.store.errors import IdempotencyConflict, NotFound, RequestReplayed
from sandbox.store.files import Files
from sandbox.store.nonces import forget_nonces, spend_nonce
from sandbox.store.tables import METADATA, counters


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "coordinator.db", METADATA)
    yield database
    database.close()


def key(body: bytes = b"{}", *, party: str = "insurer") -> WriteKey:
    return WriteKey.of(party, "k1", method="POST", target="/v1/x", body=body)


def fail_within(database: Database, rung: list[str]) -> None:
    with database.write() as transaction:
        transaction.connection.execute(counters.insert().values(name="a", value=1))
        transaction.after_commit.append(lambda: rung.append("rung"))
        raise RuntimeError("on purpose")


def test_what_fails_leaves_nothing_and_rings_for_nothing(database: Database) -> None:
    rung: list[str] = []
    with pytest.raises(RuntimeError):
        fail_within(database, rung)
    with database.read() as connection:
        assert connection.execute(counters.select()).all() == []
    assert rung == []


def test_a_reader_sees_one_moment_and_cannot_write(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(counters.select()).all() == []
        with database.write() as transaction:
            transaction.connection.execute(counters.insert().values(name="a", value=1))
        assert connection.execute(counters.select()).all() == []
        with pytest.raises(Exception, match="readonly"):
            connection.execute(counters.insert().values(name="b", value=1))


def test_a_nonce_is_spent_once_for_each_key_and_kept_longer_than_a_signature_lives(
    database: Database,
) -> None:
    with database.write() as transaction:
        spend_nonce(transaction, "ab", nonce="n", now=1000)
        spend_nonce(transaction, "cd", nonce="n", now=1000)
        # 120 s of life, and 60 s of skew to either side.
        forget_nonces(transaction, now=1000 + 120 + 2 * 60)
        with pytest.raises(RequestReplayed):
            spend_nonce(transaction, "ab", nonce="n", now=1241)


def test_a_first_answer_is_given_again_to_its_party_and_request_for_a_day(database: Database) -> None:
    with database.write() as transaction:
        remember_answer(transaction, key(), answer=Answer(202, b"first"), now=1000)
    with database.write() as transaction:
        assert first_answer(transaction.connection, key()) == Answer(202, b"first")
        assert first_answer(transaction.connection, key(party="partner")) is None
        with pytest.raises(IdempotencyConflict):
            first_answer(transaction.connection, key(b'{"other":1}'))
        forget_answers(transaction, now=1000 + KEPT_S)
        assert first_answer(transaction.connection, key()) is not None
        forget_answers(transaction, now=1001 + KEPT_S)
        assert first_answer(transaction.connection, key()) is None


def test_a_file_is_whole_under_its_name_and_a_short_one_is_missing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    name = files.put(b"0123456789")
    assert files.put(b"0123456789") == name
    assert files.read(name) == b"0123456789"
    assert files.slice(name, 3, size=4) == b"3456"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]
    with pytest.raises(NotFound):
        files.slice(name, 8, size=4)
    with pytest.raises(NotFound):
        files.slice("ab" * 32, 0, size=1)
    with pytest.raises(NotFound):
        files.read("ab" * 32)
