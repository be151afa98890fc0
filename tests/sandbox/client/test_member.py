"""What every party can do; signing happens on the party's own side and only after it was shown what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from enclaves.transport.endpoint import Endpoint
from policies.documents.document import Document
from policies.documents.halts import RevocationTarget, Suspension, SuspensionTarget
from sandbox.client import Agency, Department, Operator, Partner, member_of
from sandbox.client.errors import InputMalformed
from sandbox.client.member import Member
from sandbox.client.roles import Auditor
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.sandbox.client.paper import SIGNERS, Signed, both, scenario

Open = Callable[[str], Endpoint]


def test_a_scenario_gathers_the_signatures_of_all(
    signed: Signed, endpoint: Open, coordinator: LittleCoordinator
) -> None:
    keys = signed.district.keys
    Partner(endpoint("partner"), keys("partner")).submit_document(scenario())
    for party in SIGNERS:
        member = Member(endpoint(party), keys(party))
        posted = member.sign(scenario().digest)

    assert posted is not None
    assert set(posted.signers) == set(SIGNERS)


def test_nothing_is_signed_that_was_not_approved(
    signed: Signed, endpoint: Open, coordinator: LittleCoordinator
) -> None:
    Partner(endpoint("partner"), signed.district.keys("partner")).submit_document(scenario())
    seen: list[Document] = []

    def refuse(document: Document) -> bool:
        seen.append(document)
        return False

    agency = Agency(endpoint("agency"), signed.district.keys("agency"))
    assert agency.sign(scenario().digest, approve=refuse) is None
    assert seen == [scenario()]
    assert coordinator.signers(coordinator.documents[scenario().digest]) == ["partner"]


def test_only_the_own_signature_is_posted(
    signed: Signed, endpoint: Open, coordinator: LittleCoordinator
) -> None:
    envelope = signed.by(scenario(), "partner")
    coordinator.documents[envelope.digest] = envelope
    posts: list[object] = []

    def take(call: object) -> object:
        posts.append(call.json)  # type: ignore[attr-defined]  # a Call
        return coordinator.post_document(call)  # type: ignore[arg-type]  # a Call

    coordinator.routes[("POST", "/v1/documents")] = take
    Agency(endpoint("agency"), signed.district.keys("agency")).sign(scenario().digest)

    assert len(posts[0]["envelope"]["signatures"]) == 1  # type: ignore[index]  # JSON


def test_a_suspension_names_target_reason_and_who(
    signed: Signed, endpoint: Open, coordinator: LittleCoordinator
) -> None:
    hospital = Department(endpoint("hospital"), signed.district.keys("hospital"))

    posted = hospital.suspend(SuspensionTarget.SCENARIO, both("an incident"), digest=scenario().digest)

    suspension = Suspension.read(coordinator.documents[posted.digest])
    assert (suspension.by, suspension.target.digest) == ("hospital", scenario().digest)


def test_revocations_are_split_at_five_hundred(signed: Signed, endpoint: Open) -> None:
    operator = Operator(endpoint("operator"), signed.district.keys("operator"))
    digests = [f"{number:064x}" for number in range(1001)]

    found = operator.revocations(RevocationTarget.KEY, digests, both("lost"))

    assert [len(one.digests) for one in found] == [500, 500, 1]
    assert [d for one in found for d in one.digests] == digests


def test_a_party_is_opened_as_its_role(signed: Signed) -> None:
    expected = {"partner": Partner, "agency": Agency, "hospital": Department, "auditor": Auditor}
    for party, kind in expected.items():
        assert type(member_of(signed.district.folder(party))) is kind
    with pytest.raises(InputMalformed, match="role"):
        Agency.open(signed.district.folder("partner"))


def test_an_unknown_kind_is_not_listed(signed: Signed, endpoint: Open) -> None:
    with pytest.raises(InputMalformed):
        Agency(endpoint("agency"), signed.district.keys("agency")).documents("secret")
