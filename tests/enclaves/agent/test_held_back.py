"""A run that the coordinator holds back outlives neither a withdrawal nor a revoked key."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.log.entry import EntryType, Target
from tests.enclaves.agent.district import NAMES, found, resident
from tests.enclaves.agent.relay import entry


@pytest.mark.req("RQ-030", "RQ-299")
def test_a_consent_withdrawn_after_the_bundle_ends_the_run(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    ids = district.consent([resident(number) for number in range(4)])
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.withdraw(ids[:1])
    district.relay_transcripts(plan)
    assert district.relay.said("contribution", plan.sid.hex()) == []
    assert set(district.refusals(plan)) == {"session_lost"}


@pytest.mark.req("RQ-162")
def test_consents_signed_with_a_revoked_key_are_not_stored(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    service = next(party for party in district.trust.parties if party.role == "consent-service")
    district.log(entry(EntryType.REVOCATION, target=Target("key", service.key.keyid)))
    district.pump()
    ids = district.consent([resident(number) for number in range(4)])
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    assert district.relay.said("bundle", plan.sid.hex()) == []
