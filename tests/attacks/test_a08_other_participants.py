"""Attack A8: the coordinator presents other participants: its own key for an enclave's, one enclave twice, a roster of one.

Whoever holds the other end of a pair key can take that mask off. The naive enclave takes keys as they are relayed, which is
all that an unauthenticated key exchange can do.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols import prg, ring, secagg
from enclaves.run.boot import BootKey
from policies.documents import envelope as dsse
from policies.documents.authorization import RosterMember
from policies.documents.run import Bundle
from policies.keys import public_key
from tests.enclaves.agent.district import NAMES, NOW, Body, District, found, resident

PEOPLE = [resident(number) for number in range(12)]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), NAMES)


def own_bundle(district: District, item: Body, *, ephemeral: bytes, identity: Ed25519PrivateKey) -> Body:
    """A bundle in an enclave's name under keys of the coordinator's own."""
    bundle = Bundle.read(dsse.from_json(item["bundle"]))
    boot = BootKey.draw(bundle.enclave, identity, now=NOW)
    forged = bundle.model_copy(
        update={"ephemeral_key": base64.b64encode(ephemeral).decode(), "boot": boot.certificate.digest}
    )
    return {"bundle": forged.envelope(boot.private).to_json(), "boot": boot.certificate.to_json()}


def test_the_naive_enclave_masks_for_the_coordinator_which_reads_the_partial() -> None:
    sid, partial = secrets.token_bytes(32), np.array([17, -3, 60], dtype=np.int64)
    enclave = secagg.EphemeralKey(secrets.token_bytes(32))
    coordinator = secagg.EphemeralKey(secrets.token_bytes(32))
    # The enclave is handed the coordinator's public key as "enclave-b's" and uses it.
    key = secagg.pair_key(enclave, coordinator.public, sid=sid, low="enclave-a", high="enclave-b")
    masked = ring.encode(partial).copy()
    prg.add_words(masked, key, start=0)
    assert ring.decode(ring.Total(masked)).tolist() != partial.tolist()
    # The coordinator derives the same key and reads.
    known = secagg.pair_key(coordinator, enclave.public, sid=sid, low="enclave-a", high="enclave-b")
    prg.subtract_words(masked, known, start=0)
    assert ring.decode(ring.Total(masked)).tolist() == partial.tolist()


def relayed(district: District, change: Any) -> list[str]:
    """Run to the bundles, relay them as `change` makes them, and return the enclaves' refusals."""
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    items = change([message.body for message in district.relay.said("bundle", plan.sid.hex())])
    for member in plan.roster:
        district.relay.mail(member.enclave, "bundles", {"items": items}, run=plan.sid.hex())
    district.pump()
    assert district.relay.said("transcript", plan.sid.hex()) == []
    return district.refusals(plan)


def test_a_key_of_the_coordinators_own_is_refused_by_every_enclave(district: District) -> None:
    key = secagg.EphemeralKey(secrets.token_bytes(32)).public
    identity = Ed25519PrivateKey.generate()

    def substitute(items: list[Body]) -> list[Body]:
        return [items[0], items[1], own_bundle(district, items[2], ephemeral=key, identity=identity)]

    assert relayed(district, substitute) == ["boot_invalid"] * 3


def test_a_boot_certificate_of_the_coordinator_itself_does_not_speak_for_an_enclave(
    district: District,
) -> None:
    key = secagg.EphemeralKey(secrets.token_bytes(32)).public

    def substitute(items: list[Body]) -> list[Body]:
        bundle = Bundle.read(dsse.from_json(items[2]["bundle"]))
        boot = BootKey.draw("coordinator", district.parties["coordinator"].identity, now=NOW)
        forged = bundle.model_copy(
            update={"ephemeral_key": base64.b64encode(key).decode(), "boot": boot.certificate.digest}
        )
        return [
            *items[:2],
            {"bundle": forged.envelope(boot.private).to_json(), "boot": boot.certificate.to_json()},
        ]

    assert relayed(district, substitute) == ["boot_foreign"] * 3


def test_a_key_changed_under_the_enclaves_signature_is_refused(district: District) -> None:
    def substitute(items: list[Body]) -> list[Body]:
        bundle = Bundle.read(dsse.from_json(items[1]["bundle"]))
        key = base64.b64encode(secagg.EphemeralKey(secrets.token_bytes(32)).public).decode()
        forged = bundle.model_copy(update={"ephemeral_key": key}).envelope().to_json()
        signatures = items[1]["bundle"]["signatures"]
        return [items[0], {**items[1], "bundle": {**forged, "signatures": signatures}}, items[2]]

    assert relayed(district, substitute) == ["signature_invalid"] * 3


def test_one_enclave_cannot_stand_twice_or_be_left_out(district: District) -> None:
    assert relayed(district, lambda items: [items[0], items[1], items[1]]) == ["bundle_duplicate"] * 3
    assert relayed(district, lambda items: items[:2]) == ["bundle_missing"] * 3


def test_a_corrupt_enclave_cannot_borrow_anothers_ephemeral_key(district: District) -> None:
    def borrow(items: list[Body]) -> list[Body]:
        victim = Bundle.read(dsse.from_json(items[0]["bundle"]))
        thief = district.domains["transport"].house
        bundle = Bundle.read(dsse.from_json(items[2]["bundle"]))
        forged = bundle.model_copy(update={"ephemeral_key": victim.ephemeral_key})
        return [*items[:2], {**items[2], "bundle": forged.envelope(thief.boot.private).to_json()}]

    assert relayed(district, borrow) == ["key_duplicate"] * 3


def test_an_own_bundle_that_comes_back_changed_is_refused_by_its_maker(district: District) -> None:
    def replay(items: list[Body]) -> list[Body]:
        maker = district.domains["hospital"].house
        bundle = Bundle.read(dsse.from_json(items[0]["bundle"]))
        key = base64.b64encode(secagg.EphemeralKey(secrets.token_bytes(32)).public).decode()
        other = bundle.model_copy(update={"ephemeral_key": key}).envelope(maker.boot.private)
        return [{**items[0], "bundle": other.to_json()}, *items[1:]]

    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    items = replay([message.body for message in district.relay.said("bundle", plan.sid.hex())])
    district.relay.mail("enclave-hospital", "bundles", {"items": items}, run=plan.sid.hex())
    district.pump()
    assert district.refusals(plan) == ["bundle_changed"]


def test_different_bundles_to_different_enclaves_meet_no_common_transcript(district: District) -> None:
    """The corrupt third enclave signs two bundles; each of the others sees another one."""
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    items = [message.body for message in district.relay.said("bundle", plan.sid.hex())]
    corrupt = district.domains["transport"].house
    bundle = Bundle.read(dsse.from_json(items[2]["bundle"]))
    key = base64.b64encode(secagg.EphemeralKey(secrets.token_bytes(32)).public).decode()
    second = bundle.model_copy(update={"ephemeral_key": key}).envelope(corrupt.boot.private).to_json()
    views = {
        "enclave-hospital": items,
        "enclave-social": [*items[:2], {**items[2], "bundle": second}],
        "enclave-transport": items,
    }
    for enclave, view in views.items():
        district.relay.mail(enclave, "bundles", {"items": view}, run=plan.sid.hex())
    district.pump()
    assert len(district.relay.said("transcript", plan.sid.hex())) == 3
    district.relay_transcripts(plan)
    assert set(district.refusals(plan)) == {"transcript_mismatch"}
    assert district.relay.said("contribution", plan.sid.hex()) == []


def test_a_roster_of_the_coordinators_own_is_refused_by_the_decision(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    job = district.job(district.consent(PEOPLE))
    hospital = district.domains["hospital"].house
    own = public_key(hospital.identity).keyid
    alone = (RosterMember(department="hospital", enclave="enclave-hospital", keyid=own),)
    puppet = RosterMember(
        department="social",
        enclave="enclave-puppet",
        keyid=public_key(Ed25519PrivateKey.generate()).keyid,
    )
    intent = district.intent(job)
    for attempt, roster in enumerate((alone, (*alone, puppet)), start=1):
        plan, body = district.plan(job, attempt=attempt, intent=intent, roster=roster)
        district.relay.mail("enclave-hospital", "plan", body, run=plan.sid.hex())
        district.pump()
        assert district.refusals(plan) == ["roster_mismatch"]
        assert district.relay.said("bundle", plan.sid.hex()) == []


def test_a_gate_of_the_coordinators_own_is_refused(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = district.plan(district.job(district.consent(PEOPLE)), gate="enclave-social")
    district.start(plan, body)
    assert district.refusals(plan) == ["roster_mismatch"] * 2


def test_a_contribution_of_the_coordinators_own_does_not_enter_the_sum(district: District) -> None:
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    opened = district.open_body(plan, body)
    mine = dsse.from_json(opened["contributions"][0])
    other = dsse.Envelope(mine.payload_type, mine.body).signed_by(district.parties["coordinator"].identity)
    opened["contributions"][0] = other.to_json()
    district.relay.mail("gate", "open", opened, run=plan.sid.hex())
    district.pump()
    assert district.refusals(plan) == ["signature_invalid"]
