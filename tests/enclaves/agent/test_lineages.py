"""What a domain remembers of its answers: sealed, whole or nothing, and counted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from enclaves.agent.lineages import Answer, Lineages, LineageUnreadable
from enclaves.run.durable import Durable
from policies.atoms.errors import HistoryExhausted, RefusalsExhausted
from policies.disclosure.limits import Limits

KEY = bytes(range(32))
ANSWER = Answer(
    account="partner",
    scenario="s" * 64,
    snapshot="1" * 64,
    question="q1",
    job="j1",
    at=1_750_000_000,
    statement="SELECT COUNT(*) AS n FROM visits",
    released=3,
    report="{}",
    rho=None,
)
FEW = replace(Limits(), predicates_per_snapshot=3, refusals_per_scenario=2)


def kept(path: Path) -> Lineages:
    return Lineages(Durable(path / "enclave.sqlite"), KEY)


def check(lineages: Lineages, question: str, *, account: str = "partner", snapshot: str = "1" * 64) -> None:
    lineages.check_open(account, scenario="s" * 64, snapshot=snapshot, question=question, limits=FEW)


def test_what_was_kept_comes_back_after_a_restart_and_only_with_the_key(tmp_path: Path) -> None:
    kept(tmp_path).keep(ANSWER, [b"header", b"", b"\x00" * 100])
    again = kept(tmp_path)
    assert again.load("partner") == [b"header", b"", b"\x00" * 100]
    assert again.load("somebody-else") == []
    assert again.asked() == [ANSWER]
    with pytest.raises(LineageUnreadable):
        Lineages(Durable(tmp_path / "enclave.sqlite"), bytes(32)).load("partner")


def test_nothing_of_a_lineage_stands_in_the_file_in_the_clear(tmp_path: Path) -> None:
    secret = os.urandom(16)
    kept(tmp_path).keep(ANSWER, [secret])
    for file in tmp_path.iterdir():
        assert secret not in file.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM lineage_pieces WHERE piece = 2",
        "DELETE FROM lineage_pieces",
        "DELETE FROM lineages",
        "UPDATE lineage_pieces SET sealed = zeroblob(40) WHERE piece = 1",
        "UPDATE lineage_pieces SET account = 'insurer'",
        "UPDATE lineage_pieces SET piece = piece + 5",
    ],
)
def test_a_lineage_that_was_tampered_with_is_refused_and_not_begun_anew(tmp_path: Path, damage: str) -> None:
    durable = Durable(tmp_path / "enclave.sqlite")
    lineages = Lineages(durable, KEY)
    lineages.keep(ANSWER, [b"one", b"two"])
    durable.run(damage)
    with pytest.raises(LineageUnreadable):
        lineages.load("partner")


def test_a_later_lineage_replaces_the_earlier_one_whole(tmp_path: Path) -> None:
    lineages = kept(tmp_path)
    lineages.keep(ANSWER, [b"one", b"two", b"three"])
    lineages.keep(replace(ANSWER, question="q2", job="j2"), [b"four"])
    assert lineages.load("partner") == [b"four"]
    assert [answer.question for answer in lineages.asked()] == ["q2", "q1"]


def test_predicates_are_counted_once_each_and_by_snapshot(tmp_path: Path) -> None:
    lineages = kept(tmp_path)
    for number in (1, 2, 3, 3, 3):
        check(lineages, f"q{number}")
        lineages.keep(replace(ANSWER, question=f"q{number}", job=f"j{number}"), [b"x"])
    check(lineages, "q2")
    with pytest.raises(HistoryExhausted):
        check(lineages, "q4")
    check(lineages, "q4", snapshot="2" * 64)
    check(lineages, "q4", account="insurer")


def test_answers_of_which_nothing_is_left_count_as_refusals(tmp_path: Path) -> None:
    lineages = kept(tmp_path)
    for number in (1, 2):
        check(lineages, f"q{number}")
        lineages.keep(replace(ANSWER, question=f"q{number}", job=f"j{number}", released=0), [b"x"])
    with pytest.raises(RefusalsExhausted):
        check(lineages, "q3")
    with pytest.raises(RefusalsExhausted):
        check(lineages, "q3", snapshot="2" * 64)
    # Somebody looks: what was refused until then counts no more, what is refused afterwards does.
    assert lineages.look("s" * 64, who="officer", at=1) == 2
    check(lineages, "q3")
    for number in (3, 4):
        lineages.keep(replace(ANSWER, question=f"q{number}", job=f"j{number}", released=0), [b"x"])
    with pytest.raises(RefusalsExhausted):
        check(lineages, "q5")


def test_an_answer_undone_leaves_nothing_behind(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "enclave.sqlite")
    lineages = Lineages(durable, KEY)
    lineages.keep(ANSWER, [b"one"])

    def interrupted() -> None:
        with durable.transaction():
            lineages.keep(replace(ANSWER, question="q2", job="j2"), [b"two"])
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        interrupted()
    assert lineages.load("partner") == [b"one"]
    assert lineages.asked() == [ANSWER]
