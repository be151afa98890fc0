"""A commitment opens on dispute: computed again from the snapshot, it is what was signed, and other data are found out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from enclaves.agent.disputing import open_dispute
from enclaves.protocols import ring, secagg
from enclaves.protocols.errors import CommitmentMismatch, SealBroken
from enclaves.run.errors import RunRefused
from policies.documents import envelope as dsse
from policies.documents.authorization import Mode
from policies.documents.job import Plan
from policies.documents.run import Contribution
from tests.enclaves.agent.district import FOUR, NAMES, District, found, resident, restart
from tests.enclaves.agent.figures import BANDS, figures, publish
from tests.enclaves.worker.domain import head, part, reference_units

SELECT = "SELECT band, COUNT(DISTINCT person) AS n, SUM(visits) AS v FROM {table} GROUP BY band"
GROUPS = [(band,) for band in BANDS]
PEOPLE = [resident(number) for number in range(20)]


@pytest.fixture
def district(tmp_path: Path) -> District:
    return found(tmp_path)


def signed(district: District, plan: Plan, name: str) -> bytes:
    """The commitment in the contribution that this department's enclave signed."""
    (message,) = [
        m for m in district.relay.said("contribution", plan.sid.hex()) if m.sender == f"enclave-{name}"
    ]
    body = json.loads(json.dumps(message.body))
    return bytes.fromhex(Contribution.read(dsse.from_json(body["contribution"])).commitment)


def refused(code: str, district: District, name: str, run: str) -> None:
    with pytest.raises(RunRefused) as caught:
        open_dispute(district.domains[name].house, run)
    assert caught.value.code == code


@pytest.mark.parametrize("mode", [Mode.MASKED, Mode.BFV])
def test_a_score_opens_to_the_units_of_plain_arithmetic_after_a_restart(
    district: District, mode: Mode
) -> None:
    ids = district.consent(PEOPLE)
    district.withdraw(ids[:1])
    plan, _ = district.run(district.job(ids, mode=mode))
    domain = restart(district, "social")
    opening = open_dispute(domain.house, plan.sid.hex())
    secagg.check_opening(signed(district, plan, "social"), opening.opening_key, opening.words)
    linear = part("social")
    public = head(linear)
    units = [reference_units(person, domain.held, linear, public) for person in PEOPLE]
    # The withdrawn person's slot is nobody's and has the default.
    assert ring.decode(opening.words).tolist() == [public.default, *units[1:]]  # type: ignore[arg-type]  # one party's vector is its own sum


def test_an_answer_opens_and_nothing_is_debited_or_remembered(tmp_path: Path) -> None:
    four = found(tmp_path, FOUR)
    plan, _ = four.run(four.asked(SELECT, groups=GROUPS))
    house = four.domains["social"].house
    tables = ("lineages", "answered", "committed")
    before = [house.durable.rows(f"SELECT count(*) FROM {table}") for table in tables]
    opening = open_dispute(house, plan.sid.hex())
    secagg.check_opening(signed(four, plan, "social"), opening.opening_key, opening.words)
    persons = {f.person for f in figures("social")}
    assert int(opening.words[plan.slots - 1]) == len(persons)
    assert [house.durable.rows(f"SELECT count(*) FROM {table}") for table in tables] == before


def test_refreshed_data_and_unknown_runs_open_nothing(district: District) -> None:
    plan, _ = district.run(district.asked(SELECT, groups=GROUPS))
    publish(district.domains["social"].store, "social", figures("social")[:-40])
    refused("snapshot_gone", district, "social", plan.sid.hex())
    refused("run_unknown", district, "social", "0" * 64)


def test_the_kept_key_is_sealed_to_the_enclave_and_bound_to_its_run(district: District) -> None:
    first, _ = district.run(district.asked(SELECT, groups=GROUPS))
    ids = district.consent(PEOPLE)
    second, _ = district.run(district.job(ids))
    house = district.domains[NAMES[0]].house
    opening = open_dispute(house, first.sid.hex())
    kept = house.durable.rows("SELECT sealed FROM committed")
    assert all(opening.opening_key not in row[0] for row in kept)
    house.durable.run(
        "UPDATE committed SET sealed = (SELECT sealed FROM committed WHERE sid = ?) WHERE sid = ?",
        (second.sid, first.sid),
    )
    with pytest.raises(SealBroken):
        open_dispute(house, first.sid.hex())


def test_what_was_not_committed_to_does_not_pass(district: District) -> None:
    plan, _ = district.run(district.job(district.consent(PEOPLE)))
    house = district.domains["social"].house
    house.durable.run("UPDATE committed SET commitment = ?", (bytes(32),))
    with pytest.raises(CommitmentMismatch):
        open_dispute(house, plan.sid.hex())
    assert np.any(np.frombuffer(signed(district, plan, "social"), dtype=np.uint8))
