"""Attack A8, to its end: what the coordinator reads when it stands in for the peers, and what it reads from ours.

`test_a08_other_participants` goes through the forgeries one by one; here a naive enclave is driven to its contribution and
its partial vector is read, and the same moves against ours leave nothing to read. Another run's bundles are among them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from enclaves.protocols import prg, ring, secagg
from policies.documents.authorization import RosterMember
from policies.keys import public_key
from tests.enclaves.agent.district import NAMES, Body, District, found, resident

PEOPLE = [resident(number) for number in range(12)]


@dataclass
class NaiveEnclave:
    """Masks for whoever is said to be its peer; asks neither who signed nor who belongs to the run."""

    partial: list[int]
    sid: bytes
    key: secagg.EphemeralKey = field(default_factory=lambda: secagg.EphemeralKey(secrets.token_bytes(32)))

    def contribution(self, peers: dict[str, bytes]) -> np.ndarray:
        words = ring.encode(np.array(self.partial, dtype=np.int64)).copy()
        for peer, public in peers.items():
            key = secagg.pair_key(self.key, public, sid=self.sid, low="enclave-a", high=peer)
            prg.add_words(words, key, start=0)
        return words


def read(words: np.ndarray, enclave: NaiveEnclave, own: dict[str, secagg.EphemeralKey]) -> list[int]:
    """What the coordinator sees once it takes off every mask whose other end it holds."""
    bare = words.copy()
    for peer, key in own.items():
        pair = secagg.pair_key(key, enclave.key.public, sid=enclave.sid, low="enclave-a", high=peer)
        prg.subtract_words(bare, pair, start=0)
    return list(ring.decode(ring.Total(bare)).tolist())


@pytest.mark.parametrize("peers", [("enclave-b",), ("enclave-b", "enclave-c"), ()])
def test_the_naive_enclave_contributes_and_the_coordinator_reads_its_vector(peers: tuple[str, ...]) -> None:
    """Substituted keys for one or all peers; with no peer at all, the roster of one, nothing need be taken off."""
    enclave = NaiveEnclave([17, -3, 60], secrets.token_bytes(32))
    own = {peer: secagg.EphemeralKey(secrets.token_bytes(32)) for peer in peers}
    words = enclave.contribution({peer: key.public for peer, key in own.items()})
    assert read(words, enclave, own) == [17, -3, 60]


def test_the_naive_enclave_does_not_see_that_a_peers_key_is_of_another_run() -> None:
    """A key of which the coordinator learned the private half later, such as after a host was seized."""
    learned = secagg.EphemeralKey(secrets.token_bytes(32))
    enclave = NaiveEnclave([5, 6], secrets.token_bytes(32))
    assert read(enclave.contribution({"enclave-b": learned.public}), enclave, {"enclave-b": learned}) == [
        5,
        6,
    ]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), NAMES[:2])


def nothing_left(district: District, run: str) -> bool:
    return not district.relay.said("transcript", run) and not district.relay.said("contribution", run)


@pytest.mark.req("RQ-002")
def test_bundles_of_another_run_are_refused_by_every_enclave(district: District) -> None:
    """Genuine in every signature, and from a run of the same job: the run id alone is another."""
    job = district.job(district.consent(PEOPLE))
    first, body = district.plan(job)
    district.start(first, body)
    earlier: list[Body] = [dict(m.body) for m in district.relay.said("bundle", first.sid.hex())]
    second, body = district.plan(job, attempt=2, intent=first.intent)
    district.start(second, body)
    run = second.sid.hex()
    current: list[Body] = [dict(m.body) for m in district.relay.said("bundle", run)]
    for enclave, items in (
        ("enclave-hospital", [current[0], earlier[1]]),
        ("enclave-social", [earlier[0], current[1]]),
    ):
        district.relay.mail(enclave, "bundles", {"items": items}, run=run)
    district.pump()
    assert district.refusals(second) == ["bundle_foreign"] * 2
    assert nothing_left(district, run)


@pytest.mark.req("RQ-002", "RQ-001")
def test_a_roster_of_one_leaves_the_coordinator_no_vector(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    keyid = public_key(district.domains["hospital"].house.identity).keyid
    alone = (RosterMember(department="hospital", enclave="enclave-hospital", keyid=keyid),)
    plan, body = district.plan(district.job(district.consent(PEOPLE)), roster=alone)
    before = set(district.relay.attachments)
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    district.relay.mail("gate", "open", district.open_body(plan, body), run=plan.sid.hex())
    district.pump()
    # The enclave says why; the gate, asked to open one vector alone, finds no bundle.
    assert district.refusals(plan)[0] == "roster_mismatch"
    assert nothing_left(district, plan.sid.hex())
    assert not district.relay.said("release", plan.sid.hex())
    assert set(district.relay.attachments) == before


@pytest.mark.parametrize("topic", ["abort", "bundles", "transcripts", "plan"])
def test_only_the_coordinator_leads_a_run(district: District, topic: str) -> None:
    """Any party may write to any mailbox; a stranger can neither end a run nor bring it out of order."""
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    if topic == "plan":
        district.relay.mail("enclave-hospital", "plan", body, sender="partner", run=plan.sid.hex())
        district.pump()
        assert district.relay.said("bundle", plan.sid.hex()) == []
    district.start(plan, body)
    for party in ("enclave-hospital", "enclave-social", "gate"):
        district.relay.mail(party, topic, {"items": []}, sender="partner", run=plan.sid.hex())
    district.pump()
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    assert district.refusals(plan) == []
    assert len(district.relay.said("contribution", plan.sid.hex())) == 2


def test_a_strangers_abort_does_not_undo_a_release(district: District) -> None:
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    district.open(plan, body)
    district.relay.mail("gate", "abort", {"code": "lost"}, sender="partner", run=plan.sid.hex())
    district.pump()
    assert district.bands(plan, district.outcome(plan)) == [district.reference_band(p) for p in PEOPLE]
