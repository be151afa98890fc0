"""The privacy ledger: durable before noise, sticky, sealed, and never two answers, whenever its process dies."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.agent.budget import PrivacyLedger, Vector
from enclaves.agent.consents import Words, words
from enclaves.agent.noised import Noised, NoisedUnreadable
from enclaves.noise.errors import NoiseRefused
from enclaves.noise.gaussian import draw
from enclaves.run.durable import Durable
from policies.privacy.budget import LARGEST, BudgetExhausted, Budgets, Remaining, Spent, can_debit, debit
from policies.privacy.errors import PrivacyInvalid

NOW, DAY = 1_800_000_000, 86_400
KEY = bytes(range(32))
RHO = Fraction(5, 1000)
EXACT = np.array([100, 0, 7_000], dtype=np.int64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "enclave.sqlite"


def ledger(
    path: Path, *, budgets: Budgets = LARGEST, apart: tuple[frozenset[str], ...] = ()
) -> PrivacyLedger:
    return PrivacyLedger(Durable(path), KEY, budgets=budgets, apart=apart)


def release(
    to: PrivacyLedger,
    query: str = "q",
    snapshot: str = "s",
    *,
    scenario: str = "sc",
    universe: str = "u",
    rho: Fraction = RHO,
    exact: NDArray[np.int64] = EXACT,
    sigma2: Fraction | tuple[Fraction, ...] = Fraction(100),
    now: int = NOW,
    using: Callable[[Fraction, int], Vector] = draw,
    persons: Words | None = None,
) -> Vector:
    return to.release(
        query,
        snapshot,
        scenario=scenario,
        universe=universe,
        rho=rho,
        exact=exact,
        sigma2=sigma2,
        now=now,
        draw=using,
        persons=persons,
    )


def pids(*numbers: int) -> Words:
    return words(b"".join(number.to_bytes(8, "little") + bytes(8) for number in numbers))


def no_draw(_variance: Fraction, _count: int) -> Vector:
    raise AssertionError("noise was drawn")


def failing_draw(_variance: Fraction, _count: int) -> Vector:
    raise NoiseRefused("expected noise, got a failure")


def test_a_repeat_gets_the_same_answer_for_nothing(path: Path) -> None:
    first = release(ledger(path))
    assert not np.array_equal(first, EXACT)
    left = ledger(path).remaining("sc", "u", NOW)
    # Over restarts, whatever the data has become, and years later.
    for now, exact in ((NOW, EXACT), (NOW + 1, EXACT + 5), (NOW + 900 * DAY, EXACT)):
        assert np.array_equal(release(ledger(path), now=now, exact=exact, using=no_draw), first)
    assert (
        ledger(path).remaining("sc", "u", NOW) == left == Remaining(Fraction(95, 1000), Fraction(495, 1000))
    )


def test_asking_a_thousand_times_brings_nobody_nearer_to_the_truth(path: Path) -> None:
    kept = ledger(path)
    answers = np.array([release(kept) for _ in range(200)])
    fresh = np.array([EXACT + draw(Fraction(100), 3) for _ in range(2000)])
    assert np.abs(fresh.mean(axis=0) - EXACT).max() < 1.5
    assert (answers == answers[0]).all()


@pytest.mark.parametrize(
    "change",
    [
        {"query": "q2"},
        {"snapshot": "s2"},
        {"scenario": "sc2"},
        {"universe": "u2"},
        {"rho": RHO / 2},
        {"sigma2": Fraction(101)},
        {"persons": pids(1)},
        {"exact": np.array([100, 0, 7_000, 1], dtype=np.int64)},
        {"exact": EXACT.reshape(1, 3), "sigma2": (Fraction(100),)},
    ],
)
def test_another_release_pays_again(path: Path, change: dict[str, object]) -> None:
    kept = ledger(path)
    release(kept)
    head = kept.head()
    release(kept, **change)  # type: ignore[arg-type]  # one of the keywords above
    assert kept.head() != head
    assert sum(count for (count,) in Durable(path).rows("SELECT COUNT(*) FROM privacy_debits")) == 2


def test_the_debit_is_durable_before_noise_is_drawn_and_stays_when_drawing_fails(path: Path) -> None:
    seen: list[Remaining] = []

    def look(variance: Fraction, count: int) -> Vector:
        seen.append(ledger(path).remaining("sc", "u", NOW))
        return failing_draw(variance, count)

    with pytest.raises(NoiseRefused):
        release(ledger(path), using=look)
    assert seen == [Remaining(Fraction(95, 1000), Fraction(495, 1000))]
    assert ledger(path).remaining("sc", "u", NOW) == seen[0]
    # The next attempt pays nothing more.
    release(ledger(path))
    assert ledger(path).remaining("sc", "u", NOW) == seen[0]


def test_an_exhausted_budget_draws_nothing_and_debits_nothing(path: Path) -> None:
    kept = ledger(path)
    for number in range(20):
        release(kept, f"q{number}")
    head = kept.head()
    with pytest.raises(BudgetExhausted):
        release(kept, "one more", using=no_draw)
    assert kept.head() == head
    assert kept.remaining("sc", "u", NOW).rho == 0
    # What was answered stays available; another scenario has its own quarter.
    release(kept, "q0", using=no_draw)
    release(kept, "q0", scenario="sc2")


def test_a_person_is_charged_over_all_scenarios(path: Path) -> None:
    kept = ledger(path)
    for number in range(5):
        release(kept, scenario=f"sc{number}", rho=Fraction(1, 10))
    with pytest.raises(BudgetExhausted, match="person in a year"):
        release(kept, scenario="sc5", using=no_draw)


def test_budgets_come_back_when_a_debit_leaves_its_window(path: Path) -> None:
    kept = ledger(path)
    release(kept, rho=Fraction(1, 10))
    for days, scenario, person in ((91, 0, 4), (92, 1, 4), (364, 1, 4), (365, 1, 5)):
        left = kept.remaining("sc", "u", NOW + days * DAY)
        assert left == Remaining(Fraction(scenario, 10), Fraction(person, 10))


def test_universes_share_people_unless_declared_apart(path: Path) -> None:
    kept = ledger(path, apart=(frozenset({"children", "adults"}),))
    release(kept, universe="children", rho=Fraction(1, 10))
    assert kept.remaining("other", "adults", NOW).person == Fraction(1, 2)
    for shared in ("children", "residents"):
        assert kept.remaining("other", shared, NOW).person == Fraction(4, 10)


def test_a_cohort_debits_its_persons_alone(path: Path) -> None:
    kept = ledger(path)
    release(kept, "a", rho=Fraction(1, 10), persons=pids(1, 2))
    release(kept, "b", rho=Fraction(1, 20), scenario="sc2", persons=pids(2, 3))
    for people, left in (((1,), 40), ((2,), 35), ((3,), 45), ((4,), 50), ((3, 4), 45), ((), 50)):
        found = kept.remaining("sc3", "u", NOW, persons=pids(*people))
        assert found.person == Fraction(left, 100)
    # Whoever asks about everybody is held to the one about whom most was said.
    assert kept.remaining("sc3", "u", NOW).person == Fraction(35, 100)


def test_what_fits_is_what_a_plain_account_of_every_person_says(path: Path) -> None:
    dice, people = random.Random(7), range(1, 13)
    universes = {"u": set(people), "v": set(people)}
    scenarios: dict[str, list[tuple[int, Fraction]]] = {"a": [], "b": []}
    persons: dict[int, list[tuple[int, Fraction]]] = {person: [] for person in people}
    kept, now, outcomes = ledger(path), NOW, []
    for number in range(150):
        now += dice.randrange(6 * DAY)
        if dice.random() < 0.1:
            kept = ledger(path)
        scenario, universe = dice.choice("ab"), dice.choice("uv")
        rho = Fraction(dice.choice((1, 5, 20, 40)), 1000)
        cohort = sorted(dice.sample(people, dice.randrange(1, 5))) if dice.random() < 0.5 else None
        concerned = universes[universe] if cohort is None else set(cohort)
        spent = Spent(
            sum((r for at, r in scenarios[scenario] if at > now - 92 * DAY), Fraction(0)),
            max(sum((r for at, r in persons[p] if at > now - 365 * DAY), Fraction(0)) for p in concerned),
        )
        outcomes.append(can_debit(spent, rho=rho))
        chosen = None if cohort is None else pids(*cohort)
        if outcomes[-1]:
            release(
                kept, f"q{number}", scenario=scenario, universe=universe, rho=rho, now=now, persons=chosen
            )
            scenarios[scenario].append((now, rho))
            for person in concerned:
                persons[person].append((now, rho))
            debit(spent, rho=rho)
        else:
            with pytest.raises(BudgetExhausted):
                release(
                    kept, f"q{number}", scenario=scenario, universe=universe, rho=rho, now=now, persons=chosen
                )
    assert {True, False} == set(outcomes)


def test_an_answer_is_the_exact_values_and_the_noise_drawn_for_them(path: Path) -> None:
    def counting(variance: Fraction, count: int) -> Vector:
        return np.arange(count, dtype=np.int64) * int(variance)

    exact = np.array([[1, 2, 3], [10, 20, 30]], dtype=np.int64)
    noised = release(ledger(path), exact=exact, sigma2=(Fraction(100), Fraction(7)), using=counting)
    assert noised.tolist() == [[1, 102, 203], [10, 27, 44]]


def test_room_is_needed_for_the_largest_noise_of_all_measures(path: Path) -> None:
    exact = np.array([[0], [2**63 - 2**40]], dtype=np.int64)
    for sigma2 in ((Fraction(1), Fraction(2) ** 100), (Fraction(2) ** 100, Fraction(1))):
        with pytest.raises(NoiseRefused):
            release(ledger(path), exact=exact, sigma2=sigma2, using=no_draw)


def test_the_head_continues_from_debit_to_debit(path: Path) -> None:
    heads = [ledger(path).head()]
    for query in ("a", "b", "a"):
        release(ledger(path), query)
        heads.append(ledger(path).head())
    # The same debits in another order are another history.
    other = ledger(path.with_name("other.sqlite"))
    for query in ("b", "a"):
        release(other, query)
    assert heads[0] == bytes(32).hex()
    assert heads[2] == heads[3]
    assert len({*heads, other.head()}) == 4


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE privacy_debits SET units = 1 WHERE debit = 1",
        "UPDATE privacy_debits SET at = at - 40000000 WHERE debit = 2",
        "UPDATE privacy_debits SET scenario = 'other' WHERE debit = 1",
        "UPDATE privacy_debits SET universe = 'other' WHERE debit = 3",
        "UPDATE privacy_debits SET persons = x'0000000000000000' WHERE debit = 2",
        "UPDATE privacy_debits SET persons = NULL WHERE debit = 2",
        "DELETE FROM privacy_debits WHERE debit = 1",
        "DELETE FROM privacy_debits WHERE debit = 2",
    ],
)
def test_a_debit_that_was_edited_or_taken_out_shows(path: Path, edit: str) -> None:
    kept = ledger(path)
    assert kept.is_whole()
    for number in range(3):
        release(kept, f"q{number}", persons=pids(1, 2) if number == 1 else None)
        assert kept.is_whole()
    assert (kept.debits(), kept.scenarios()) == (3, ["sc"])
    Durable(path).run(edit)
    assert not ledger(path).is_whole()
    # A further debit does not mend it.
    release(ledger(path), "q4")
    assert not ledger(path).is_whole()


def test_measures_have_noise_of_their_own(path: Path) -> None:
    exact = np.zeros((2, 400), dtype=np.int64)
    noised = release(ledger(path), exact=exact, sigma2=(Fraction(1), Fraction(10**8)))
    assert noised.shape == exact.shape
    assert noised[0].std() < 2 < 5_000 < noised[1].std()
    assert np.array_equal(release(ledger(path), exact=exact, sigma2=(Fraction(1), Fraction(10**8))), noised)


def test_an_owner_who_tightens_is_obeyed_at_once(path: Path) -> None:
    release(ledger(path))
    with pytest.raises(BudgetExhausted):
        release(ledger(path, budgets=Budgets(scenario=Fraction(6, 1000))), "q2", using=no_draw)


def test_answers_are_sealed_and_bound_to_their_release(path: Path) -> None:
    kept, durable = ledger(path), Durable(path)
    noised = release(kept, exact=np.full(64, 123_456_789, dtype=np.int64))
    release(kept, "q2")
    (name, sealed), (other, _) = durable.rows(
        "SELECT release, sealed FROM noised ORDER BY length(sealed) DESC"
    )
    assert noised.astype("<i8").tobytes()[:16] not in sealed
    for key, value in (
        (bytes(32), sealed),
        (KEY, sealed[:-1]),
        (KEY, b""),
        (KEY, sealed[:20] + b"x" + sealed[21:]),
    ):
        durable.run("UPDATE noised SET sealed = ? WHERE release = ?", (value, name))
        with pytest.raises(NoisedUnreadable):
            Noised(durable, key).find(name)
    # An answer moved to another release does not open, and nothing is drawn in its place.
    durable.run("UPDATE noised SET sealed = ? WHERE release = ?", (sealed, other))
    with pytest.raises(NoisedUnreadable):
        release(kept, "q2", using=no_draw)


def test_racing_attempts_return_one_answer_and_pay_once(path: Path) -> None:
    ledger(path)
    barrier, answers = threading.Barrier(4), []

    def together(variance: Fraction, count: int) -> Vector:
        barrier.wait(60)
        return draw(variance, count)

    def attempt() -> None:
        answers.append(release(ledger(path), using=together).tolist())

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)
    assert ledger(path).remaining("sc", "u", NOW).scenario == Fraction(95, 1000)


@pytest.mark.parametrize(
    ("exact", "sigma2", "error"),
    [
        (EXACT.astype(np.float64), Fraction(1), PrivacyInvalid),
        (EXACT, Fraction(0), PrivacyInvalid),
        (EXACT, (), PrivacyInvalid),
        (EXACT, (Fraction(1),), PrivacyInvalid),
        (EXACT.reshape(1, 3), Fraction(1), PrivacyInvalid),
        (EXACT.reshape(1, 3), (Fraction(1), Fraction(1)), PrivacyInvalid),
        (EXACT, Fraction(1, 10**7), NoiseRefused),
        (EXACT, Fraction(2) ** 111, NoiseRefused),
        (np.array([2**63 - 1]), Fraction(100), NoiseRefused),
        (np.array([-(2**63)]), Fraction(100), NoiseRefused),
    ],
)
def test_a_release_that_cannot_be_costs_nothing(
    path: Path, exact: NDArray[np.int64], sigma2: Fraction, error: type[Exception]
) -> None:
    kept = ledger(path)
    with pytest.raises(error):
        release(kept, exact=exact, sigma2=sigma2, using=no_draw)
    assert kept.head() == bytes(32).hex()


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(1, 3), Fraction(-1, 10)])
def test_a_release_of_no_valid_rho_costs_nothing(path: Path, rho: Fraction) -> None:
    kept = ledger(path)
    with pytest.raises(PrivacyInvalid):
        release(kept, rho=rho, using=no_draw)
    assert kept.head() == bytes(32).hex()


def test_a_key_of_another_length_is_refused(path: Path) -> None:
    with pytest.raises(NoisedUnreadable):
        PrivacyLedger(Durable(path), bytes(16))


CHILD = """
import json, os, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from enclaves.agent.budget import PrivacyLedger
from enclaves.noise.gaussian import draw
from enclaves.run.durable import Durable

place = sys.argv[2]

def die(here):
    if here == place:
        os.kill(os.getpid(), signal.SIGKILL)

class Mortal(Durable):
    def run(self, statement, values=()):
        table = "debit" if "INTO privacy_debits" in statement else "noised"
        die(table + " before")
        done = super().run(statement, values)
        # The debit is still inside its transaction here; the answer is on disk.
        die(table + " after")
        return done

def mortal_draw(variance, count):
    die("draw before")
    drawn = draw(variance, count)
    die("draw after")
    return drawn

ledger = PrivacyLedger(Mortal(Path(sys.argv[1])), bytes(range(32)))
answer = ledger.release(
    "q", "s", scenario="sc", universe="u", rho=Fraction(5, 1000), exact=np.array([100, 0, 7000]),
    sigma2=Fraction(10**12), now=1_800_000_000, draw=mortal_draw,
)
print(json.dumps(answer.tolist()), flush=True)
die("end")
"""


@pytest.mark.parametrize(
    ("place", "debited", "answered"),
    [
        ("debit before", False, False),
        ("debit after", False, False),
        ("draw before", True, False),
        ("draw after", True, False),
        ("noised before", True, False),
        ("noised after", True, True),
        ("end", True, True),
    ],
)
def test_wherever_the_process_is_killed_there_is_one_debit_and_one_answer(
    path: Path, place: str, *, debited: bool, answered: bool
) -> None:
    def attempt(where: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHILD, str(path), where]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    killed = attempt(place)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    durable = Durable(path)
    assert len(durable.rows("SELECT 1 FROM privacy_debits")) == debited
    assert len(durable.rows("SELECT 1 FROM noised")) == answered
    seen = {killed.stdout.strip()} - {""}
    stored = [Noised(durable, KEY).find(name) for (name,) in durable.rows("SELECT release FROM noised")]
    seen |= {json.dumps(vector.tolist()) for vector in stored if vector is not None}
    for _ in range(2):
        seen.add(json.dumps(release(ledger(path), sigma2=Fraction(10**12)).tolist()))
    assert len(seen) == 1
    assert len(durable.rows("SELECT 1 FROM privacy_debits")) == 1
