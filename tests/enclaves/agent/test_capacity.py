"""The capacity ledger against a plain dictionary, over restarts, years and repeated jobs."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from enclaves.agent.capacity import Account, CapacityLedger
from enclaves.agent.consents import Words, words
from enclaves.run.durable import Durable
from policies.capacity import CapacityExhausted, Spent, can_debit, debit
from policies.documents.authorization import Limits

LIMITS = Limits(
    vet_jobs=1, score_jobs=1, fetches=1, bits_per_subject_year=10, model_versions_per_subject_year=2
)
NOW, DAY = 1_800_000_000, 86_400


def account(
    job: str,
    *,
    model: str = "m1",
    bits: int = 4,
    now: int = NOW,
    partner: str = "p",
    snapshot: str = "rows-1",
) -> Account:
    return Account(partner, model, job, bits, LIMITS, now, snapshot)


def pids(*numbers: int) -> Words:
    return words(b"".join(number.to_bytes(8, "little") + bytes(8) for number in numbers))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "enclave.sqlite"


def test_room_is_what_the_policy_says_person_by_person(path: Path) -> None:
    dice, spent = random.Random(3), dict.fromkeys(range(1, 31), Spent())
    ledger = CapacityLedger(Durable(path))
    for number in range(40):
        if dice.random() < 0.2:
            # A restart in between: the sums come back from the file.
            ledger = CapacityLedger(Durable(path))
        people = sorted(dice.sample(range(1, 31), 8))
        model, bits = dice.choice(("m1", "m2", "m3")), dice.choice((1, 3))
        asked = account(f"job-{number}", model=model, bits=bits)
        expected = [can_debit(spent[p], model=model, bits=bits, limits=LIMITS) for p in people]
        assert ledger.has_room(asked, pids(*people)).tolist() == expected
        allowed = [p for p, fits in zip(people, expected, strict=True) if fits]
        ledger.debit(asked, pids(*allowed))
        spent |= {p: debit(spent[p], model=model, bits=bits, limits=LIMITS) for p in allowed}


def test_a_debit_is_all_or_nothing(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    for job in ("a", "b"):
        ledger.debit(account(job), pids(1))
    with pytest.raises(CapacityExhausted):
        ledger.debit(account("c"), pids(1, 2))
    assert ledger.has_room(account("d", bits=10), pids(2)).all()


def test_a_second_attempt_of_a_job_debits_only_whom_the_first_did_not(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a"), pids(1, 2))
    ledger.debit(account("a"), pids(1, 2, 3))
    ledger = CapacityLedger(Durable(path))
    assert ledger.has_room(account("b", bits=6), pids(1, 2, 3)).all()
    assert not ledger.has_room(account("b", bits=7), pids(1, 2, 3)).any()


def test_a_retry_is_allowed_for_those_already_debited_even_without_room(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a", bits=10), pids(1))
    assert ledger.has_room(account("a", bits=10), pids(1)).all()
    assert not ledger.has_room(account("b", bits=1), pids(1)).any()


@pytest.mark.req("RQ-309")
def test_a_model_scores_a_person_again_within_thirty_days_only_from_the_same_rows(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a", bits=1), pids(1, 2))
    ledger.debit(account("b", bits=1, now=NOW + 20 * DAY), pids(2))
    for _ in range(2):
        asked = {
            day: ledger.has_room(
                account("c", bits=1, snapshot="rows-2", now=NOW + day * DAY), pids(1, 2, 3)
            ).tolist()
            for day in (0, 29, 30, 49, 50)
        }
        assert asked == {
            0: [False, False, True],
            29: [False, False, True],
            30: [True, False, True],
            49: [True, False, True],
            50: [True, True, True],
        }
        assert ledger.has_room(account("c", bits=1), pids(1, 2, 3)).all()
        assert ledger.has_room(account("c", bits=1, model="m2", snapshot="rows-2"), pids(1, 2, 3)).all()
        # A further attempt of the same job is no further score.
        assert ledger.has_room(account("a", bits=1, snapshot="rows-2"), pids(1, 2)).all()
        # Rows without a name are never known to be the same.
        assert ledger.has_room(account("c", bits=1, snapshot=""), pids(1, 3)).tolist() == [False, True]
        ledger = CapacityLedger(Durable(path))


@pytest.mark.req("RQ-309")
def test_the_ledger_says_what_was_released_about_a_person_in_a_year(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a", bits=4), pids(1, 2))
    ledger.debit(account("b", bits=3, now=NOW + 40 * DAY), pids(2))
    ledger.debit(account("c", bits=5, partner="q"), pids(1))
    for ledger_again in (ledger, CapacityLedger(Durable(path))):
        assert ledger_again.released(account("x", now=NOW + 41 * DAY), pids(1, 2, 3)).tolist() == [4, 7, 0]
    assert ledger.released(account("x", now=NOW + 366 * DAY), pids(1, 2, 3)).tolist() == [0, 3, 0]


def test_partners_do_not_share_capacity(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a", bits=10), pids(1))
    assert ledger.has_room(account("a2", bits=10, partner="q"), pids(1)).all()


def test_capacity_returns_after_a_year_and_not_a_day_before(path: Path) -> None:
    ledger = CapacityLedger(Durable(path))
    ledger.debit(account("a", bits=10), pids(1))
    before, after = NOW + 365 * DAY - 1, NOW + 365 * DAY
    assert not ledger.has_room(account("b", bits=1, now=before), pids(1)).any()
    assert ledger.has_room(account("b", bits=1, now=after), pids(1)).all()


def test_a_failed_transaction_leaves_no_debit_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    durable = Durable(path)
    ledger = CapacityLedger(durable)
    monkeypatch.setattr(durable, "run", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        ledger.debit(account("a", bits=10), pids(1))
    monkeypatch.undo()
    assert ledger.has_room(account("b", bits=10), pids(1)).all()
    assert not np.any(durable.rows("SELECT count(*) FROM debits")[0][0])
