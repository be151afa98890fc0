"""Who must sign each kind, who did, who may stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.authorization import (
    PinMismatch,
    RoleMismatch,
    SignaturesMissing,
    SignersUndefined,
    check_boot,
    check_party_signed,
    check_signed,
    check_trust_root,
    data_list_digest,
    may_revoke,
    may_suspend,
    missing_signers,
    required_signers,
    valid_signers,
)
from policies.documents import strict_json
from policies.documents.document import Document
from policies.documents.halts import Revocation, Suspension
from policies.documents.kinds import KINDS
from policies.documents.trust import TrustRoot
from policies.keys import public_key
from tests.policies.decision.example import (
    amended,
    district,
    district_documents,
    district_parties,
    signed,
    whole,
)

DOCUMENTS: dict[str, district_documents.Signed] = district_documents.all_documents()
TRUST = whole().trust
RUN_MESSAGES = {"bundle", "transcript", "contribution", "agreement", "unmasking"}
# A part is never signed for others: its digest stands in the signed head.
UNSIGNED = RUN_MESSAGES | {"model-part"}


def signers_of(kind: str) -> frozenset[str]:
    return required_signers(DOCUMENTS[kind].document, TRUST, scenario=cited(kind))


def cited(kind: str) -> Any:
    return DOCUMENTS["scenario"].document if kind == "authorization" else None


def test_every_kind_has_its_signers_or_is_a_run_message() -> None:
    defined = set()
    for kind in KINDS:
        try:
            assert signers_of(kind)
        except SignersUndefined:
            continue
        defined.add(kind)
    assert defined == set(KINDS) - UNSIGNED


@pytest.mark.req("RQ-302")
@pytest.mark.parametrize("kind", sorted(set(KINDS) - UNSIGNED))
def test_the_signers_are_those_of_the_written_example(kind: str) -> None:
    assert signers_of(kind) == frozenset(DOCUMENTS[kind].signers)


@pytest.mark.req("RQ-302", "RQ-033")
@pytest.mark.parametrize("kind", ["scenario", "authorization"])
def test_scenario_and_authorization_need_every_department_agency_operator_and_partner(kind: str) -> None:
    assert signers_of(kind) == {
        "health-insurance",
        "hospital",
        "social-insurance",
        "futian-agency",
        "futian-operator",
        "actuary-partner",
    }


@pytest.mark.parametrize("kind", sorted(set(KINDS) - UNSIGNED))
def test_one_missing_signature_is_noticed_and_named(kind: str) -> None:
    document, signers = DOCUMENTS[kind].document, DOCUMENTS[kind].signers
    for left_out in signers:
        envelope = signed(document, *(signer for signer in signers if signer != left_out))
        assert missing_signers(envelope, document, TRUST, scenario=cited(kind)) == {left_out}
        with pytest.raises(SignaturesMissing, match=left_out):
            check_signed(envelope, document, TRUST, scenario=cited(kind))
    check_signed(signed(document, *signers), document, TRUST, scenario=cited(kind))


def test_signatures_by_strangers_do_not_count() -> None:
    scenario = whole().scenario
    envelope = signed(scenario, "stranger", "evidence-log")
    assert valid_signers(envelope, TRUST) == frozenset()


def test_an_authorization_without_its_scenario_has_no_signers_and_so_is_never_complete() -> None:
    authorization = whole().authorization
    for scenario in (None, amended(whole().scenario, {"version": 2})):
        with pytest.raises(SignersUndefined):
            required_signers(authorization, TRUST, scenario=scenario)


@pytest.mark.req("RQ-303")
def test_an_authorization_over_other_departments_than_its_scenario_is_refused() -> None:
    roster = whole().authorization.to_body()["roster"]
    fewer = amended(whole().authorization, {"roster": roster[1:]})
    with pytest.raises(RoleMismatch):
        required_signers(fewer, TRUST, scenario=whole().scenario)


@pytest.mark.parametrize(
    ("kind", "member", "party"),
    [
        ("dataset", "owner", "futian-agency"),
        ("overall-authorization", "agency", "futian-operator"),
        ("overall-authorization", "operator", "coordinator"),
        ("scenario", "partner", "insurer-one"),
        ("model", "partner", "insurer-one"),
        ("vetting-report", "examiner", "futian-agency"),
        ("vet-metrics", "enclave", "social-enclave"),
        ("vet-bands", "gate", "coordinator"),
        ("he-key", "gate", "coordinator"),
        ("release", "gate", "coordinator"),
        ("receipt", "operator", "futian-agency"),
        ("consent", "service", "actuary-partner"),
    ],
)
def test_a_party_in_a_place_its_role_does_not_allow_is_refused(kind: str, member: str, party: str) -> None:
    with pytest.raises(RoleMismatch):
        required_signers(amended(DOCUMENTS[kind].document, {member: party}), TRUST)


def test_signatures_over_another_body_are_not_taken_for_this_one() -> None:
    other = signed(
        amended(whole().overall, {"agreement_number": "another"}), "futian-agency", "futian-operator"
    )
    with pytest.raises(SignaturesMissing, match="another body"):
        missing_signers(other, whole().overall, TRUST)


def test_a_revoked_key_does_not_count() -> None:
    overall = whole().overall
    envelope = signed(overall, "futian-agency", "futian-operator")
    revoked = frozenset({public_key(district_parties.private_key("futian-agency")).keyid})
    assert missing_signers(envelope, overall, TRUST, revoked_keys=revoked) == {"futian-agency"}


def test_the_trust_root_is_the_pinned_one_signed_by_agency_and_operator() -> None:
    envelope = signed(TRUST, "futian-agency", "futian-operator")
    assert check_trust_root(envelope, TRUST.digest) == TRUST
    with pytest.raises(PinMismatch):
        check_trust_root(envelope, "0" * 64)
    for alone in ("futian-agency", "futian-operator"):
        with pytest.raises(SignaturesMissing):
            check_trust_root(signed(TRUST, alone), TRUST.digest)


def test_a_boot_key_speaks_for_the_party_that_certified_it() -> None:
    boot = DOCUMENTS["boot"].document
    party, key = check_boot(signed(boot, "hospital-enclave"), TRUST)
    assert party.id == "hospital-enclave"
    assert key == public_key(district_parties.private_key(district_documents.BOOT_LABEL))
    with pytest.raises(SignaturesMissing):
        check_boot(signed(boot, "social-enclave"), TRUST)


@pytest.mark.parametrize("label", ["hospital-enclave", "gate", "evidence-log"])
def test_a_pinned_key_is_no_boot_key(label: str) -> None:
    boot = amended(DOCUMENTS["boot"].document, {"key": district_parties.public_base64(label)})
    with pytest.raises(SignaturesMissing, match="pinned"):
        check_boot(signed(boot, "hospital-enclave"), TRUST)


def test_a_party_that_signed_is_told_from_one_that_did_not() -> None:
    envelope = signed(whole().job, "insurer-one")
    assert check_party_signed(envelope, TRUST, "insurer-one").id == "insurer-one"
    for other in ("actuary-partner", "nobody"):
        with pytest.raises(SignaturesMissing):
            check_party_signed(envelope, TRUST, other)


def test_the_data_list_digest_is_over_the_list_as_it_stands_in_the_body() -> None:
    assert data_list_digest(whole().scenario) == strict_json.digest(whole().scenario.to_body()["data_list"])


def suspension(target: Document | str, by: str) -> Suspension:
    named: dict[str, Any] = (
        {"kind": "party", "digest": None, "party": target}
        if isinstance(target, str)
        else {"kind": target.kind, "digest": target.digest, "party": None}
    )
    return amended(DOCUMENTS["suspension"].document, {"target": named, "by": by})  # type: ignore[return-value]  # the example's kind


EVERYBODY = sorted(party.id for party in TRUST.parties)


@pytest.mark.req("RQ-311")
@pytest.mark.parametrize("by", EVERYBODY)
@pytest.mark.parametrize("name", ["scenario", "authorization", "overall"])
def test_any_one_party_that_had_to_sign_may_suspend_and_nobody_else(name: str, by: str) -> None:
    target: Document = getattr(whole(), name)
    scenario = whole().scenario if name == "authorization" else None
    needed = required_signers(target, TRUST, scenario=scenario)
    allowed = may_suspend(suspension(target, by), target, TRUST, scenario=scenario)
    assert allowed == (by in needed | {"futian-agency"})


@pytest.mark.parametrize("by", EVERYBODY)
def test_a_party_is_suspended_by_itself_the_operator_or_the_agency(by: str) -> None:
    allowed = may_suspend(suspension("actuary-partner", by), None, TRUST)
    assert allowed == (by in {"actuary-partner", "futian-agency", "futian-operator"})


def test_an_authorization_can_be_suspended_without_its_scenario_at_hand() -> None:
    target = whole().authorization
    assert may_suspend(suspension(target, "hospital"), target, TRUST)
    assert not may_suspend(suspension(target, "insurer-one"), target, TRUST)


def test_a_suspension_of_another_document_than_the_one_at_hand_is_refused() -> None:
    assert not may_suspend(suspension(whole().scenario, "futian-agency"), whole().authorization, TRUST)
    assert not may_suspend(suspension(whole().scenario, "futian-agency"), None, TRUST)
    assert not may_suspend(suspension("nobody", "futian-agency"), None, TRUST)
    assert not may_suspend(suspension(whole().scenario, "nobody"), whole().scenario, TRUST)


def revocation(target: str, digests: list[str], by: str) -> Revocation:
    body = {"target": target, "digests": digests, "by": by}
    return amended(DOCUMENTS["revocation"].document, body)  # type: ignore[return-value]  # the example's kind


def _keyid(label: str) -> str:
    return public_key(district_parties.private_key(label)).keyid


REVOKERS: list[tuple[str, Callable[[], list[str]], set[str]]] = [
    ("consent", lambda: ["a" * 64], {"consent-service"}),
    ("model", lambda: [whole().model.digest], {"actuary-partner", "examiner", "futian-agency"}),
    ("model", lambda: [whole().model.digest, "b" * 64], set()),
    ("key", lambda: [_keyid("hospital-enclave")], {"hospital-enclave", "hospital", "futian-agency"}),
    ("key", lambda: [_keyid("hospital-enclave"), _keyid("gate")], {"futian-agency"}),
    ("key", lambda: ["c" * 64], set()),
]


@pytest.mark.parametrize(("target", "digests", "entitled"), REVOKERS)
def test_who_may_revoke(target: str, digests: Callable[[], list[str]], entitled: set[str]) -> None:
    models = [whole().model]
    by = {
        party for party in EVERYBODY if may_revoke(revocation(target, digests(), party), TRUST, models=models)
    }
    assert by == entitled
    assert not may_revoke(revocation(target, digests(), "nobody"), TRUST, models=models)


@settings(max_examples=60, deadline=None)
@given(signers=st.sets(st.sampled_from([*district.AGREED_BY, "insurer-one", "gate"])))
def test_a_scenario_is_complete_exactly_when_all_who_must_sign_did(signers: set[str]) -> None:
    scenario = whole().scenario
    missing = missing_signers(signed(scenario, *sorted(signers)), scenario, TRUST)
    assert missing == set(district.AGREED_BY) - signers


def test_a_trust_root_names_its_own_officers() -> None:
    other = amended(TRUST, {"version": 2})
    assert isinstance(other, TrustRoot)
    assert required_signers(other, TRUST) == {"futian-agency", "futian-operator"}
