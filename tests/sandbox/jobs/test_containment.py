"""One job that cannot be moved does not hold up the others, and what is undone leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import MetaData, delete

from sandbox.store.database import Database, Transaction, savepoint
from sandbox.store.tables import METADATA, counters, documents
from tests.sandbox.doubles import cosign_latest
from tests.sandbox.inside import inside
from tests.sandbox.kit import WITNESSES, key_of
from tests.sandbox.papers import agree, consents


def test_a_job_whose_papers_are_lost_does_not_keep_a_quorum_from_another(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        papers = agree(site)
        ids = [grant.id for grant in consents(site, papers, 2)]
        partner = site.endpoint("partner")
        partner.put_attachment(b"".join(ids))
        broken, whole = papers.job(ids), papers.job(ids)
        for job in (broken, whole):
            partner.submit_job(job.envelope(key_of("partner")), scenario=job.scenario)
        with site.district.database.write() as transaction:
            transaction.connection.execute(delete(documents).where(documents.c.digest == broken.digest))
        for witness in WITNESSES:
            cosign_latest(site, witness)
        site.tick()
        assert partner.job(whole.digest).state == "keys"
        assert partner.job(broken.digest).state == "awaiting-intent"


def test_a_savepoint_undoes_rows_and_hooks_and_lets_the_rest_commit(tmp_path: Path) -> None:
    database, rung = Database(tmp_path / "state.db", METADATA, MetaData()), list[str]()
    with database.write() as transaction:
        transaction.after_commit.append(lambda: rung.append("kept"))
        transaction.connection.execute(counters.insert(), {"name": "kept", "value": 1})
        with pytest.raises(RuntimeError):
            _fail_apart(transaction, rung)
    with database.read() as connection:
        names = list(connection.execute(counters.select().with_only_columns(counters.c.name)).scalars())
    database.close()
    assert (names, rung) == (["kept"], ["kept"])


def _fail_apart(transaction: Transaction, rung: list[str]) -> None:
    with savepoint(transaction):
        transaction.after_commit.append(lambda: rung.append("undone"))
        transaction.connection.execute(counters.insert(), {"name": "undone", "value": 1})
        raise RuntimeError
