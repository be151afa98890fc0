"""Attack A7: bring policy and consent back to before a revocation, by an older log or an older disk.

The coordinator of these tests is malicious: it serves what it likes of what it once had. The naive enclave keeps its policy
in a table and takes the coordinator's word for what is revoked.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from enclaves.witness.errors import LogRolledBack
from policies.documents import envelope as dsse
from policies.documents.run import Bundle
from policies.log.entry import EntryType, Target
from tests.enclaves.agent.district import NAMES, District, found, resident, restart
from tests.enclaves.agent.relay import entry

PEOPLE = [resident(number) for number in range(12)]


@dataclass
class NaiveEnclave:
    """Remembers what it was last told, and is told by the coordinator before each job."""

    revoked: set[str] = field(default_factory=set)

    def sync(self, told: set[str]) -> None:
        self.revoked = set(told)

    def accepts(self, scenario: str) -> bool:
        return scenario not in self.revoked


def suspend(district: District) -> None:
    district.log(entry(EntryType.SUSPENSION, target=Target("scenario", district.scenario.digest)))


@dataclass
class OlderLog:
    """What the coordinator had before the suspension, to be served again."""

    leaves: list[bytes]
    notes: dict[int, str]
    cosignatures: dict[int, dict[str, str]]

    @classmethod
    def of(cls, district: District) -> OlderLog:
        relay = district.relay
        return cls(list(relay.leaves), dict(relay.notes), {s: dict(c) for s, c in relay.cosignatures.items()})

    def serve(self, district: District) -> None:
        district.relay.leaves = self.leaves
        district.relay.notes = self.notes
        district.relay.cosignatures = self.cosignatures


def test_the_naive_enclave_believes_the_older_store() -> None:
    naive = NaiveEnclave()
    naive.sync({"scenario"})
    assert not naive.accepts("scenario")
    naive.sync(set())
    assert naive.accepts("scenario")


@pytest.mark.req("RQ-299")
def test_an_older_log_does_not_undo_what_the_enclave_has_replayed(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    job = district.job(district.consent(PEOPLE))
    plan, body = district.plan(job)
    older = OlderLog.of(district)
    suspend(district)
    older.serve(district)
    district.start(plan, body)
    # The older checkpoint is fresh and cosigned, but the own replay knows better.
    assert district.refusals(plan) == ["suspended"] * 2
    assert district.relay.said("bundle", plan.sid.hex()) == []


def test_an_enclave_started_again_refuses_a_shorter_log(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    older = OlderLog.of(district)
    suspend(district)
    older.serve(district)
    domain = restart(district, "hospital")
    with pytest.raises(LogRolledBack):
        domain.house.witness.check_start()


def test_a_disk_from_before_the_revocation_learns_of_it_again_before_it_computes(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    job = district.job(district.consent(PEOPLE))
    plan, body = district.plan(job)
    state, copy = tmp_path / "hospital" / "state", tmp_path / "copy"
    district.domains["hospital"].house.witness._memory.close()
    shutil.copytree(state, copy)
    restart(district, "hospital")
    suspend(district)
    district.domains["hospital"].house.witness._memory.close()
    shutil.rmtree(state)
    shutil.copytree(copy, state)
    domain = restart(district, "hospital")
    assert not domain.house.witness.halts.suspended("scenario", district.scenario.digest)
    domain.house.witness.check_start()
    assert domain.house.witness.halts.suspended("scenario", district.scenario.digest)
    district.start(plan, body)
    assert district.refusals(plan) == ["suspended"] * 2


def test_an_older_disk_and_an_older_log_together_last_ten_minutes_at_most(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    job = district.job(district.consent(PEOPLE))
    plan, body = district.plan(job)
    state, copy = tmp_path / "hospital" / "state", tmp_path / "copy"
    district.domains["hospital"].house.witness._memory.close()
    shutil.copytree(state, copy)
    restart(district, "hospital")
    older = OlderLog.of(district)
    suspend(district)
    district.domains["hospital"].house.witness._memory.close()
    shutil.rmtree(state)
    shutil.copytree(copy, state)
    older.serve(district)
    restart(district, "hospital").house.witness.check_start()
    # The witnesses that remember will not cosign the older log again, so its cosignatures age.
    district.clock.now += 601
    district.relay.call_witnesses()
    district.start(plan, body)
    codes = {m.sender: m.body["code"] for m in district.relay.said("refusal", plan.sid.hex())}
    assert codes["enclave-hospital"] == "checkpoint_stale"
    assert district.relay.said("bundle", plan.sid.hex()) == []


@pytest.mark.req("RQ-299")
def test_a_withdrawal_is_not_undone_by_an_older_log(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    good, gone = district.consent(PEOPLE[:2])
    plan, body = district.plan(district.job([good, gone]))
    older = OlderLog.of(district)
    district.withdraw([gone], mail=False)
    older.serve(district)
    district.start(plan, body)
    bitmaps = [
        district.relay.attachments[Bundle.read(dsse.from_json(m.body["bundle"])).accepts][0]
        for m in district.relay.said("bundle", plan.sid.hex())
    ]
    # The first slot alone: nothing of the other person enters the run.
    assert bitmaps == [b"\x80"] * 2


def test_a_run_held_back_for_longer_than_ten_minutes_needs_a_fresh_checkpoint(tmp_path: Path) -> None:
    """The coordinator keeps the transcripts back and hides what came into the log meanwhile."""
    district = found(tmp_path, NAMES[:2])
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.clock.now += 601
    district.relay_transcripts(plan)
    assert district.refusals(plan) == ["checkpoint_stale"] * 2
    assert district.relay.said("contribution", plan.sid.hex()) == []
