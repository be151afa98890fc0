"""Attack A14, in the enclaves: a score without consent, after withdrawal, after expiry, or by another scenario's consent.

The submitter of these tests lists whom it likes; the coordinator lets it pass. The naive enclave scores the people it is
given, since the job was approved.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from tests.enclaves.agent.district import NAMES, NOW, District, found, resident

PEOPLE = [resident(number) for number in range(10)]
OTHERS = [resident(number) for number in range(10, 15)]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), NAMES[:2])


def naive(people: list[str], approved: bool) -> list[str]:
    """Whom a naive enclave scores: everybody on the list of an approved job."""
    return people if approved else []


def effective(district: District, ids: list[bytes]) -> list[bool]:
    plan, release = district.run(district.job(ids))
    return [band is not None for band in district.bands(plan, release)]


def test_the_naive_enclave_scores_whoever_is_listed() -> None:
    assert naive(PEOPLE, approved=True) == PEOPLE


@pytest.mark.req("RQ-030", "RQ-299")
def test_an_id_nobody_granted_is_not_scored(district: District) -> None:
    good = district.consent(PEOPLE[:2])
    assert effective(district, [good[0], secrets.token_bytes(16), good[1]]) == [True, False, True]


@pytest.mark.req("RQ-299")
@pytest.mark.parametrize(("mail", "log"), [(True, False), (False, True), (True, True)])
def test_a_withdrawn_consent_is_not_scored_by_whichever_way_it_was_learned(
    district: District, mail: bool, log: bool
) -> None:
    good, gone = district.consent([PEOPLE[2], PEOPLE[3]])
    district.withdraw([gone], mail=mail, log=log)
    assert effective(district, [good, gone]) == [True, False]


def test_a_withdrawal_that_one_enclave_has_not_seen_still_counts(district: District) -> None:
    good, late = district.consent([PEOPLE[4], PEOPLE[5]])
    hospital = district.domains["hospital"].house
    hospital.consents.withdraw([district.grants[late.hex()].commitment], service="consents")
    assert effective(district, [good, late]) == [True, False]


def test_a_consent_that_one_enclave_was_never_told_of_does_not_count(district: District) -> None:
    (good,) = district.consent(PEOPLE[6:7])
    (half,) = district.consent(PEOPLE[7:8], but=("enclave-social",))
    assert effective(district, [good, half]) == [True, False]


def test_an_expired_consent_is_not_scored(district: District) -> None:
    (good,) = district.consent(PEOPLE[8:9])
    (old,) = district.consent(PEOPLE[9:10], expires=NOW)
    (last,) = district.consent(OTHERS[:1], expires=NOW + timedelta(seconds=1))
    assert effective(district, [good, old, last]) == [True, False, True]


def test_the_consent_of_another_scenario_or_recipient_is_not_scored(district: District) -> None:
    (good,) = district.consent(OTHERS[1:2])
    (elsewhere,) = district.consent(OTHERS[2:3], scenario="ab" * 32)
    (someone,) = district.consent(OTHERS[3:4], recipient="other-insurer")
    assert effective(district, [good, elsewhere, someone]) == [True, False, False]


def test_a_job_of_people_who_did_not_consent_is_refused_with_the_reason(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = district.plan(district.job([secrets.token_bytes(16) for _ in range(3)]))
    district.start(plan, body)
    assert district.refusals(plan) == ["consent_missing"] * 2


def test_consents_forged_by_another_party_are_not_stored(district: District) -> None:
    """The partner signs a batch in the service's name; the seal itself anybody can make."""
    service, partner = district.parties["consents"], district.parties["partner"]
    district.parties["consents"] = partner
    try:
        ids = district.consent(OTHERS[4:5])
    finally:
        district.parties["consents"] = service
    (good,) = district.consent(OTHERS[4:5])
    assert effective(district, [ids[0], good]) == [False, True]


def test_absence_from_the_data_does_not_show_in_the_bitmap(district: District) -> None:
    from policies.documents import envelope as dsse
    from policies.documents.run import Bundle

    known_nowhere = [resident(number) for number in range(60, 68)]
    ids = district.consent(known_nowhere)
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    for message in district.relay.said("bundle", plan.sid.hex()):
        bundle = Bundle.read(dsse.from_json(message.body["bundle"]))
        assert district.relay.attachments[bundle.accepts][0] == b"\xff"
