"""A coordinator that plays with a run that recovers: two sets of survivors, other bundles, both kinds of share, swapped shares.

Real enclaves and gate around a relay that the attacker is. Each attack would take the masks off one vector; each ends without
a share or without a sum. The room's own break of the naive protocol is in `test_p_active_and_dead`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from enclaves.gate import recovering
from enclaves.protocols.sealing import open_sealed
from enclaves.run import recovery
from policies.documents import envelope as dsse
from policies.documents.job import Job, Plan
from policies.documents.run import Bundle
from policies.documents.survivors import Survivors, Unmasking
from tests.enclaves.agent.district import FIVE, FOUR, Body, District, found
from tests.enclaves.agent.figures import BANDS

SELECT = "SELECT band, COUNT(DISTINCT person) AS persons FROM {table} GROUP BY band"


@pytest.fixture
def four(tmp_path: Path) -> District:
    return found(tmp_path, FOUR)


def asked(district: District) -> Job:
    return district.asked(SELECT, groups=[(band,) for band in BANDS])


def contributed(district: District, job: Job, *, attempt: int = 1) -> tuple[Plan, Body]:
    plan, body = district.plan(job, attempt=attempt)
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    return plan, body


def enclaves(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"enclave-{name}" for name in names)


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def unmasked(district: District, plan: Plan) -> int:
    return len(district.relay.said("unmasking", plan.sid.hex()))


def test_two_sets_of_survivors_never_both_find_enough_who_agree(tmp_path: Path) -> None:
    """Attack A9: with five, four must agree; whoever signed one set signs no other."""
    five = found(tmp_path, FIVE)
    plan, _ = contributed(five, asked(five))
    five.announce(plan, *FIVE, to=enclaves(FIVE[:2]))
    five.announce(plan, *FIVE[1:], to=enclaves(FIVE[2:]))
    said = [
        dsse.from_json(copied(m.body)["agreement"]).body for m in five.relay.said("agreement", plan.sid.hex())
    ]
    sets = [len(json.loads(body)["survivors"]) for body in said]
    assert sorted(sets) == [4, 4, 4, 5, 5]
    five.relay_agreements(plan)
    assert unmasked(five, plan) == 0
    assert five.refusals(plan) == ["survivors_invalid"] * 5


def test_whoever_signed_one_set_signs_no_second_and_never_gives_both_kinds_of_share(four: District) -> None:
    plan, _ = contributed(four, asked(four))
    left = FOUR[1:]
    four.announce(plan, *left)
    four.relay_agreements(plan)
    # Now the one that was called gone is alive after all: its self mask would do the rest.
    four.announce(plan, *FOUR)
    four.relay_agreements(plan)
    assert unmasked(four, plan) == len(left)
    key = four.parties["gate"].sealing
    assert key is not None
    for message in four.relay.said("unmasking", plan.sid.hex()):
        given = Unmasking.read(dsse.from_json(copied(message.body)["unmasking"]))
        info = recovery.answer_info(plan.sid, given.enclave)
        answer = recovery.unpacked(given.enclave, open_sealed(key, base64.b64decode(given.shares), info=info))
        assert set(answer.of_self_masks) == set(enclaves(left))
        assert set(answer.of_mask_seeds) == set(enclaves(FOUR[:1]))


def test_a_second_announcement_before_the_shares_ends_the_run_of_whoever_hears_it(four: District) -> None:
    plan, _ = contributed(four, asked(four))
    four.announce(plan, *FOUR[1:])
    four.announce(plan, *FOUR)
    four.relay_agreements(plan)
    assert unmasked(four, plan) == 0
    # Those who had signed the first set, and the one that signed the second alone.
    assert sorted(four.refusals(plan)) == ["survivors_changed"] * 3 + ["survivors_invalid"]


def test_survivors_that_another_than_the_coordinator_announces_are_not_signed(four: District) -> None:
    plan, _ = contributed(four, asked(four))
    four.announce(plan, *FOUR, sender="partner")
    assert four.relay.said("agreement", plan.sid.hex()) == []
    run = plan.sid.hex()
    document = Survivors(id="survivors-x", run="0" * 64, survivors=enclaves(FOUR))
    body = {"survivors": document.envelope(four.parties["coordinator"].identity).to_json()}
    four.relay.mail("enclave-social", "survivors", body, run=run)
    four.pump()
    assert four.relay.said("agreement", run) == []


@pytest.mark.parametrize("member", ["share_key", "self_commitment", "signature"])
def test_a_bundle_with_other_keys_is_not_dealt_to(four: District, member: str) -> None:
    plan, body = four.plan(asked(four))
    four.start(plan, body)
    items = copied([m.body for m in four.relay.said("bundle", plan.sid.hex())])
    payload = json.loads(base64.b64decode(items[0]["bundle"]["payload"]))
    payload["recovery"][member] = json.loads(base64.b64decode(items[1]["bundle"]["payload"]))["recovery"][
        member
    ]
    items[0]["bundle"]["payload"] = base64.b64encode(
        Bundle.from_body(payload).envelope(four.parties["coordinator"].identity).body
    ).decode()
    for enclave in enclaves(FOUR[1:]):
        four.relay.mail(enclave, "bundles", {"items": items}, run=plan.sid.hex())
    four.pump()
    assert four.relay.said("transcript", plan.sid.hex()) == []
    assert set(four.refusals(plan)) == {"signature_invalid"}


def test_bundles_of_an_earlier_attempt_are_not_dealt_to(four: District) -> None:
    job = asked(four)
    first, body = four.plan(job)
    four.start(first, body)
    old = [m.body for m in four.relay.said("bundle", first.sid.hex())]
    second, body = four.plan(job, attempt=2)
    four.start(second, body)
    new = [m.body for m in four.relay.said("bundle", second.sid.hex())]
    for enclave in enclaves(FOUR[1:]):
        four.relay.mail(enclave, "bundles", {"items": [old[0], *new[1:]]}, run=second.sid.hex())
    four.pump()
    assert four.relay.said("transcript", second.sid.hex()) == []
    assert set(four.refusals(second)) == {"bundle_foreign"}


def test_swapped_shares_are_refused_before_anything_sealed_is_opened(
    four: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, body = contributed(four, asked(four))
    four.recover(plan)
    relayed = copied(four.open_body(plan, body))
    one, other = (json.loads(base64.b64decode(item["payload"])) for item in relayed["unmaskings"][:2])
    one["shares"] = other["shares"]
    forged = Unmasking.from_body(one).envelope(four.parties["coordinator"].identity)
    relayed["unmaskings"][0]["payload"] = base64.b64encode(forged.body).decode()
    opened: list[Any] = []
    monkeypatch.setattr(recovering, "open_sealed", lambda *sealed, **_: opened.append(sealed))
    four.relay.mail("gate", "open", relayed, run=plan.sid.hex())
    four.pump()
    assert opened == []
    assert four.refusals(plan) == ["signature_invalid"]


def test_too_few_answers_open_nothing(four: District) -> None:
    plan, body = contributed(four, asked(four))
    four.recover(plan)
    relayed = four.open_body(plan, body)
    relayed["unmaskings"] = relayed["unmaskings"][:2]
    four.relay.mail("gate", "open", relayed, run=plan.sid.hex())
    four.pump()
    assert four.refusals(plan) == ["answers_invalid"]
    assert four.relay.said("release", plan.sid.hex()) == []
