"""The session table: begun once, moved by the table, lost after a restart; and the tables are whole."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from enclaves.agent import stages as agent_stages
from enclaves.gate import stages as gate_stages
from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from enclaves.run.sessions import LOST, Session, Sessions

SID = b"s" * 32


def sessions(path: Path) -> Sessions:
    return Sessions(Durable(path / "s.sqlite"), agent_stages.TRANSITIONS)


def session(stage: str = agent_stages.Stage.PLANNED, sid: bytes = SID, job: str = "j") -> Session:
    return Session(sid, job, 1, "ground", stage)


def test_a_run_is_begun_once_even_after_it_ended_and_after_a_restart(tmp_path: Path) -> None:
    first = sessions(tmp_path)
    first.begin(session(), now=1)
    first.move(SID, agent_stages.Stage.ABORTED)
    for again in (first, sessions(tmp_path)):
        with pytest.raises(RunRefused) as refusal:
            again.begin(session(), now=2)
        assert refusal.value.code == "run_repeated"


def test_stages_move_only_as_the_table_says(tmp_path: Path) -> None:
    for number, (start, end) in enumerate(itertools.product(agent_stages.Stage, repeat=2)):
        table, sid = sessions(tmp_path), number.to_bytes(32, "big")
        table.begin(session(start, sid), now=1)
        if end in agent_stages.TRANSITIONS[start]:
            table.move(sid, end)
        else:
            with pytest.raises(RunRefused):
                table.move(sid, end)
    with pytest.raises(RunRefused):
        sessions(tmp_path).move(b"unknown", agent_stages.Stage.BUNDLED)


def test_tables_are_whole_and_what_ended_stays_ended() -> None:
    for module in (agent_stages, gate_stages):
        assert set(module.TRANSITIONS) == set(module.Stage)
        assert set().union(*module.TRANSITIONS.values()) <= set(module.Stage)
        for stage in module.IN_PROGRESS:
            assert LOST in module.TRANSITIONS[stage]
    assert agent_stages.TRANSITIONS[agent_stages.Stage.SENT] == frozenset()
    assert gate_stages.TRANSITIONS[gate_stages.Stage.HANDED_OVER] == frozenset()
    # Masks are spent once: nothing leads back to before a contribution.
    spent = agent_stages.TRANSITIONS[agent_stages.Stage.CONTRIBUTED]
    assert not spent & {
        agent_stages.Stage.PLANNED,
        agent_stages.Stage.BUNDLED,
        agent_stages.Stage.TRANSCRIBED,
    }


def test_a_restart_loses_what_was_in_progress_and_nothing_else(tmp_path: Path) -> None:
    table = sessions(tmp_path)
    for number, stage in enumerate(agent_stages.Stage):
        table.begin(session(stage, number.to_bytes(32, "big")), now=1)
    lost = {s.stage for s in sessions(tmp_path).lose(agent_stages.IN_PROGRESS)}
    assert lost == {stage.value for stage in agent_stages.IN_PROGRESS}
    assert sessions(tmp_path).lose(agent_stages.IN_PROGRESS) == []


def test_runs_used_counts_jobs_and_not_attempts_nor_the_job_itself(tmp_path: Path) -> None:
    table = sessions(tmp_path)
    for number, (job, stage) in enumerate(
        [("a", "sent"), ("a", "contributed"), ("b", "sent"), ("c", "refused"), ("d", "sent")]
    ):
        table.begin(session(stage, number.to_bytes(32, "big"), job), now=1)
    assert table.jobs_in(agent_stages.USED, ground="ground", but="d") == 2
    assert table.jobs_in(agent_stages.USED, ground="other", but="d") == 0


def test_a_failure_inside_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "d.sqlite")
    durable.define("CREATE TABLE t (n INTEGER)")

    def fail() -> None:
        with durable.transaction():
            durable.run("INSERT INTO t VALUES (1)")
            with durable.transaction():
                durable.run("INSERT INTO t VALUES (2)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert durable.rows("SELECT n FROM t") == []
    assert durable.rows("PRAGMA journal_mode") == [("wal",)]
    assert durable.rows("PRAGMA synchronous") == [(2,)]
