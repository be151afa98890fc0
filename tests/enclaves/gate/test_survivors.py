"""Aggregates of four and five domains through real enclaves and gate: they open over the survivors, once, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from enclaves.agent.stages import Stage
from policies.documents.envelope import Envelope
from policies.documents.job import Job, Plan
from tests.enclaves.agent.district import FIVE, FOUR, Body, District, found, restart
from tests.enclaves.agent.figures import BANDS, figures

SELECT = "SELECT band, COUNT(DISTINCT person) AS persons, SUM(visits) AS v FROM {table} GROUP BY band"
GROUPS = [(band,) for band in BANDS]


@pytest.fixture
def four(tmp_path: Path) -> District:
    return found(tmp_path, FOUR)


@pytest.fixture
def five(tmp_path: Path) -> District:
    return found(tmp_path, FIVE)


def asked(district: District, **more: Any) -> Job:
    return district.asked(SELECT, groups=GROUPS, **more)


def shared_out(
    district: District, job: Job, *, attempt: int = 1, gone: Sequence[str] = ()
) -> tuple[Plan, Body]:
    """A run in which all have dealt their shares, and all but `gone` have contributed."""
    plan, body = district.plan(job, attempt=attempt)
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan, but=tuple(gone))
    return plan, body


def opened(district: District, plan: Plan, body: Body) -> Envelope:
    district.open(plan, body)
    assert district.refusals(plan) == []
    return district.outcome(plan)


def check_table(district: District, plan: Plan, envelope: Envelope, names: Sequence[str]) -> None:
    """The table is that of plain arithmetic over the rows of `names`."""
    table = district.table(plan, envelope)
    rows = {row["key"][0]: row["values"] for row in json.loads(table["table"])["rows"]}
    assert set(rows) == set(BANDS)
    for band, (persons, visits) in rows.items():
        cells = [[f for f in figures(name) if f.band == band] for name in names]
        assert persons == to_base(sum(len({f.person for f in cell}) for cell in cells))
        assert Decimal(visits) == to_digits(Decimal(to_base(sum(f.visits for cell in cells for f in cell))))
    assert table["report"]["domains"] == len(names)


def to_base(count: int) -> int:
    """The nearest multiple of five."""
    return (2 * count + 5) // 10 * 5


def to_digits(value: Decimal) -> Decimal:
    """Three significant digits."""
    return value if not value else round(value, 2 - value.adjusted())


def stage(district: District, name: str, plan: Plan) -> str:
    session = district.domains[name].house.sessions.find(plan.sid)
    assert session is not None
    return session.stage


def test_a_full_roster_opens_as_if_nothing_could_be_recovered(four: District) -> None:
    plan, body = shared_out(four, asked(four))
    assert plan.recovers
    four.recover(plan)
    check_table(four, plan, opened(four, plan, body), FOUR)
    assert {stage(four, name, plan) for name in FOUR} == {Stage.REVEALED}


@pytest.mark.parametrize(
    "gone", ["social", *(pytest.param(n, marks=pytest.mark.long) for n in FOUR if n != "social")]
)
def test_without_one_of_four_the_table_is_that_of_the_others(four: District, gone: str) -> None:
    plan, body = shared_out(four, asked(four), gone=[gone])
    four.recover(plan)
    left = [name for name in FOUR if name != gone]
    check_table(four, plan, opened(four, plan, body), left)


def test_without_one_of_five_the_table_is_that_of_the_others(five: District) -> None:
    plan, body = shared_out(five, asked(five), gone=["social"])
    five.recover(plan)
    check_table(five, plan, opened(five, plan, body), [name for name in FIVE if name != "social"])


def test_one_that_falls_silent_after_its_vector_stays_in_the_sum(four: District) -> None:
    plan, body = shared_out(four, asked(four))
    survivors = [f"enclave-{name}" for name in FOUR]
    four.announce(plan, *FOUR, to=tuple(survivors[1:]))
    four.relay_agreements(plan)
    check_table(four, plan, opened(four, plan, body), FOUR)


def test_without_two_of_five_nothing_opens(five: District) -> None:
    plan, body = shared_out(five, asked(five), gone=["social", "transport"])
    five.announce(plan)
    assert five.refusals(plan) == ["survivors_invalid"] * 3
    assert five.relay.said("unmasking", plan.sid.hex()) == []
    five.open(plan, body)
    assert five.relay.said("release", plan.sid.hex()) == []


def test_a_score_of_four_domains_needs_every_part(four: District) -> None:
    from tests.enclaves.agent.district import resident

    ids = four.consent([resident(number) for number in range(12)])
    plan, body = shared_out(four, four.job(ids), gone=["social"])
    four.announce(plan)
    assert four.refusals(plan) == ["survivors_incomplete"] * 3
    four.open(plan, body)
    assert four.relay.said("release", plan.sid.hex()) == []


@pytest.mark.parametrize("at", [Stage.TRANSCRIBED, Stage.DELIVERED, Stage.AGREED, Stage.REVEALED])
def test_a_restart_never_gives_a_share_again_and_the_others_do_without(four: District, at: Stage) -> None:
    before = at is Stage.TRANSCRIBED
    plan, body = shared_out(four, asked(four), gone=["social"] if before else [])
    if at in {Stage.AGREED, Stage.REVEALED}:
        four.announce(plan)
    if at is Stage.REVEALED:
        four.relay_agreements(plan, to=("enclave-social",))
    assert stage(four, "social", plan) == at
    restart(four, "social").agent.start()
    if before:
        four.relay_transcripts(plan, but=tuple(name for name in FOUR if name != "social"))
        assert stage(four, "social", plan) == Stage.LOST
    if at in {Stage.TRANSCRIBED, Stage.DELIVERED}:
        four.announce(plan)
    four.relay_agreements(plan, to=tuple(f"enclave-{name}" for name in FOUR))
    said = [m.sender for m in four.relay.said("unmasking", plan.sid.hex())]
    assert said.count("enclave-social") == (at is Stage.REVEALED)
    assert four.refusals(plan).count("session_lost") == (at is not Stage.REVEALED)
    four.open(plan, body)
    check_table(four, plan, four.outcome(plan), [n for n in FOUR if n != "social"] if before else FOUR)


def test_a_job_that_was_opened_over_some_is_not_opened_over_others(four: District) -> None:
    """Attack A10: the difference of two attempts would be the part of the one that was missing."""
    job = asked(four)
    plan, body = shared_out(four, job, gone=["social"])
    four.recover(plan)
    # The gate opens the sum and its release is undone: as far as the coordinator says, nothing came of it.
    four.open(plan, body)
    four.relay.mail("gate", "abort", {"code": "lost"}, run=plan.sid.hex())
    four.pump()
    again, _ = shared_out(four, job, attempt=2)
    four.announce(again)
    assert four.refusals(again) == ["survivors_changed"] * 3
    # Were all enclaves to forget it, the gate would not.
    third, body = shared_out(four, job, attempt=3)
    for domain in four.domains.values():
        domain.house.durable.run("DELETE FROM answered")
    four.recover(third)
    four.open(third, body)
    assert four.refusals(third) == ["survivors_changed"]
    assert four.relay.said("release", third.sid.hex()) == []


def test_the_same_survivors_may_be_opened_in_another_attempt(four: District) -> None:
    job = asked(four)
    first, _ = shared_out(four, job, gone=["social"])
    four.recover(first)
    second, body = shared_out(four, job, attempt=2)
    four.announce(second, *(name for name in FOUR if name != "social"))
    four.relay_agreements(second)
    relayed = four.open_body(second, body)
    relayed["contributions"] = [
        m.body["contribution"]
        for m in four.relay.said("contribution", second.sid.hex())
        if m.sender != "enclave-social"
    ]
    four.relay.mail("gate", "open", relayed, run=second.sid.hex())
    four.pump()
    check_table(four, second, four.outcome(second), [name for name in FOUR if name != "social"])
