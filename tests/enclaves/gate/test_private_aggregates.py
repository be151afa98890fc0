"""Whole runs of differentially private aggregates: exact plus everybody's noise, paid once, the same for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.agent import answering
from enclaves.agent.noised import Noised
from enclaves.noise.tails import SIGMAS
from policies.aggregate.question import asked_of
from policies.documents.authorization import QueryTerms
from policies.documents.job import Job, Plan
from policies.documents.query import Query
from tests.enclaves.agent.district import NAMES, Body, District, Domain, found, restart
from tests.enclaves.agent.figures import BANDS, figures, figures_dataset, question
from tests.enclaves.worker.domain import dataset

BY_BAND = (
    "SELECT band, COUNT(DISTINCT person) AS persons, SUM(visits) AS v, AVG(spent) AS mean"
    " FROM {table} GROUP BY band ORDER BY band"
)
GROUPS = [(band,) for band in BANDS]
VISITS = "SELECT band, SUM(visits) AS v FROM {table} GROUP BY band"
BY_SEX = "SELECT sex, SUM(visits) AS v FROM {table} GROUP BY sex"


def noises(domain: Domain, lanes: int) -> list[NDArray[np.int64]]:
    """The noise vectors this domain has stored, each [lanes, cells]."""
    house = domain.house
    stored = Noised(house.durable, house.store.ledger_key("privacy"))
    found_names = house.durable.rows("SELECT release FROM noised")
    return [v.reshape(lanes, -1) for (name,) in found_names if (v := stored.find(name)) is not None]


def debits(domain: Domain) -> list[tuple[str, int]]:
    return domain.house.durable.rows("SELECT scenario, units FROM privacy_debits")


def exact(names: Sequence[str], band: str) -> tuple[int, int, int, int]:
    """Persons, visits, rows with a value, their sum in cents and the like: summed over the domains, by hand."""
    persons = visits = rows = 0
    spent = Decimal(0)
    for name in names:
        held = [f for f in figures(name) if f.band == band]
        persons += len({f.person for f in held})
        visits += sum(f.visits for f in held)
        rows += sum(f.spent is not None for f in held)
        spent += sum((Decimal(str(f.spent)) for f in held if f.spent is not None), Decimal(0))
    return persons, visits, rows, int(spent * 100)


def table(district: District, plan: Plan, envelope: Any) -> dict[str, Any]:
    opened = district.table(plan, envelope)
    return {**opened, "rows": json.loads(opened["table"])["rows"]}


def attempt(district: District, job: Job, number: int = 1) -> tuple[Plan, Body]:
    """A run as far as the contributions."""
    plan, body = district.plan(job, attempt=number)
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    return plan, body


def of_hospital(district: District, select: str, rho: str) -> Query:
    groups = GROUPS if "band" in select else [("F",), ("M",)]
    return question(district.scenario.digest, select, ("hospital",), groups=groups, rho=rho)


def test_every_number_is_exact_plus_the_noise_of_every_domain_and_a_repeat_is_the_same(
    tmp_path: Path,
) -> None:
    district = found(tmp_path)
    asked = question(district.scenario.digest, BY_BAND, NAMES, groups=GROUPS, rho="0.05")
    answer = table(district, *district.run(district.ask(asked)))
    # Persons, the sum of visits, then rows and sum of spending.
    drawn = [noises(domain, 4)[0] for domain in district.domains.values()]
    noise = np.sum(drawn, axis=0)
    unit = 10**6
    for place, (band, row) in enumerate(zip(BANDS, answer["rows"], strict=True)):
        persons, visits, rows, cents = exact(NAMES, band)
        added = [int(n) for n in noise[:, place]]
        assert row["key"] == [band]
        assert row["values"][0] == max(0, persons + added[0])
        assert Decimal(row["values"][1]) == visits + added[1]
        # Where the domains withhold the mean, so does the answer.
        if row["marks"][2] is not None:
            continue
        mean = Fraction(cents * (unit // 100) + added[3], unit * max(1, rows + added[2]))
        assert abs(Fraction(row["values"][2]) - mean) <= abs(mean) / 10**8
    assert sum(row["values"][2] is not None for row in answer["rows"]) >= 1
    assert noise.any()
    assert not any(np.array_equal(one, drawn[0]) for one in drawn[1:])
    # No number is farther off than the stated error allows: 12 σ, and most lie within the 95 % interval.
    told = answer["report"]["privacy"]
    assert (told["rho"], told["delta"]) == ("0.05", "0.000001")
    widths = [Decimal(each["half_width_95"]) for each in told["noise"]]
    sigmas = [Decimal(each["sigma"]) for each in told["noise"]]
    inside = 0
    for added, width, sigma, scale in zip(noise, widths, sigmas, (1, 1, 1, unit), strict=True):
        assert all(abs(Decimal(int(n))) / scale <= SIGMAS * sigma for n in added)
        inside += sum(abs(Decimal(int(n))) / scale <= width for n in added)
    assert inside >= 6
    # The same question again, for nothing; the department sees what it cost.
    left = [debits(domain) for domain in district.domains.values()]
    assert left == [[("partner/scenario", 50_000_000)]] * 3
    again = table(district, *district.run(district.ask(asked)))
    assert again["table"] == answer["table"]
    assert [debits(domain) for domain in district.domains.values()] == left
    assert {entry.rho for entry in district.domains["social"].house.lineages.asked()} == {"0.05"}


def test_a_budget_that_is_spent_refuses_before_any_noise_and_repeats_stay_free(tmp_path: Path) -> None:
    district = found(tmp_path, ("hospital",), queries=QueryTerms(free=True, rho_per_quarter="0.015"))
    first = of_hospital(district, VISITS, "0.005")
    answer = table(district, *district.run(district.ask(first)))
    hospital = district.domains["hospital"]
    assert (debits(hospital), len(noises(hospital, 2))) == ([("partner/scenario", 5_000_000)], 1)
    # The same statement over other cells is another question: with the same noise their difference would be bare.
    other = first.model_copy(update={"groups": tuple(reversed(GROUPS))})
    table(district, *district.run(district.ask(other)))
    before = debits(hospital)
    assert len(before) == 2
    one, two = noises(hospital, 2)
    assert not (one == two).all()
    assert not (one == two[:, ::-1]).all()
    # 0.02 would be more than the authorization allows, though less than the product does.
    plan, _ = attempt(district, district.ask(of_hospital(district, BY_SEX, "0.01")))
    assert district.refusals(plan) == ["privacy_budget_exhausted"]
    assert (debits(hospital), len(noises(hospital, 2))) == (before, 2)
    # What was answered is answered again.
    assert table(district, *district.run(district.ask(first)))["table"] == answer["table"]
    assert debits(hospital) == before


class Crash(BaseException):
    """The process dies."""


def test_a_crash_between_debit_and_answer_has_paid_once_and_the_next_attempt_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = found(tmp_path, ("hospital",))
    job = district.ask(of_hospital(district, VISITS, "0.02"))

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(answering, "run_confined", die)
        with pytest.raises(Crash):
            attempt(district, job)
    paid, drawn = debits(district.domains["hospital"]), noises(district.domains["hospital"], 2)
    assert paid == [("partner/scenario", 20_000_000)]
    restart(district, "hospital").agent.start()
    plan, body = attempt(district, job, 2)
    district.open(plan, body)
    answer = table(district, plan, district.outcome(plan))
    hospital = district.domains["hospital"]
    assert debits(hospital) == paid
    assert np.array_equal(noises(hospital, 2), drawn)
    for place, row in enumerate(answer["rows"]):
        assert Decimal(row["values"][0]) == exact(("hospital",), BANDS[place])[1] + int(drawn[0][1, place])


def test_without_public_cells_a_private_answer_is_refused_and_says_why(tmp_path: Path) -> None:
    district = found(tmp_path, ("hospital",))
    select = "SELECT sex, COUNT(*) AS n FROM {table} GROUP BY sex"
    plan, body = district.plan(district.asked(select, "hospital", rho="0.01"))
    district.start(plan, body)
    assert district.refusals(plan) == ["query_refused"]
    query = question(district.scenario.digest, select, ("hospital",), rho="0.01")
    datasets = (dataset("hospital"), figures_dataset("hospital"))
    asked = asked_of(query, (), scenario=district.scenario, datasets=datasets)
    assert "public group dictionary" in (asked.problem or "")
    # A statement that takes too long is told so for good, not retried.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(answering, "QUESTION_SECONDS", 0.05)
        plan, _ = attempt(district, district.asked(select, "hospital"))
    assert district.refusals(plan) == ["query_timeout"]
