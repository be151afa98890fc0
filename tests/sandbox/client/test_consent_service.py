"""Consents: who stands behind an id stays at the service and, sealed, with the enclaves."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from enclaves.protocols.errors import SealBroken
from enclaves.protocols.sealing import open_sealed
from enclaves.transport.endpoint import Endpoint, Unavailable
from enclaves.transport.sealed_mail import consent_info
from policies.authorization import check_signed
from policies.documents import envelope as dsse
from policies.documents.consent import Consent, Grant, unpack
from policies.documents.halts import Revocation
from sandbox.client import ConsentService
from sandbox.client.consent_records import ConsentRecords
from sandbox.client.consent_service import parse_persons
from sandbox.client.errors import InputMalformed, NothingYet
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.sandbox.client.paper import DEPARTMENTS, Signed, persons, scenario

Open = Callable[[str], Endpoint]
LATER = datetime.now(UTC) + timedelta(days=30)
ENCLAVES = [f"{department}-enclave" for department in DEPARTMENTS]
DIGEST = scenario().digest


@pytest.fixture
def service(signed: Signed, endpoint: Open, coordinator: LittleCoordinator, tmp_path: Path) -> ConsentService:
    envelope = signed.scenario()
    coordinator.documents[envelope.digest] = envelope
    return ConsentService(
        endpoint("consent-service"),
        signed.district.keys("consent-service"),
        records=ConsentRecords(tmp_path / "consents.db"),
    )


def opened(signed: Signed, coordinator: LittleCoordinator, enclave: str) -> list[Grant]:
    """What an enclave makes of its mail: heads checked, grants opened with its own key."""
    found = []
    key = signed.district.keys(enclave).sealing
    assert key is not None
    for message in coordinator.mail.get(enclave, []):
        if message["topic"] == "consent":
            envelope = dsse.from_json(message["body"]["consent"])
            head = Consent.read(envelope)
            check_signed(envelope, head, signed.district.trust)
            data, readers = coordinator.attachments[message["attachments"][0]]
            assert readers == {"consent-service", enclave}
            found += unpack(open_sealed(key, data, info=consent_info(envelope.digest, enclave)), head)
    return found


def test_every_enclave_of_the_scenario_opens_the_same_grants(
    service: ConsentService, signed: Signed, coordinator: LittleCoordinator
) -> None:
    people = persons(20)

    ids = service.grant(DIGEST, "insurer", people, LATER)

    for enclave in ENCLAVES:
        grants = opened(signed, coordinator, enclave)
        assert [grant.person for grant in grants] == people
        assert [grant.id.hex() for grant in grants] == ids
        assert {grant.expires_at for grant in grants} == {int(LATER.timestamp())}
        assert all(coordinator.consents[g.id.hex()]["commitment"] == g.commitment for g in grants)
    assert len(set(ids)) == 20


def test_grants_sealed_to_one_enclave_do_not_open_for_another(
    service: ConsentService, signed: Signed, coordinator: LittleCoordinator
) -> None:
    service.grant(DIGEST, "insurer", persons(1), LATER)
    message = coordinator.mail[ENCLAVES[0]][0]
    head = dsse.from_json(message["body"]["consent"]).digest
    sealed, _ = coordinator.attachments[message["attachments"][0]]
    mine, other = (signed.district.keys(enclave).sealing for enclave in ENCLAVES[:2])
    assert mine is not None
    assert other is not None

    with pytest.raises(SealBroken):
        open_sealed(other, sealed, info=consent_info(head, ENCLAVES[0]))
    with pytest.raises(SealBroken):
        open_sealed(mine, sealed, info=consent_info(head, ENCLAVES[1]))


def test_the_coordinator_never_holds_a_person_or_a_salt(
    service: ConsentService, coordinator: LittleCoordinator, tmp_path: Path
) -> None:
    people = persons(5)
    service.grant(DIGEST, "insurer", people, LATER)

    held = b"".join(data for data, _ in coordinator.attachments.values())
    held += json.dumps([coordinator.mail, coordinator.consents]).encode()
    held += b"".join(envelope.body for envelope in coordinator.documents.values())
    salts = [recorded.grant.salt for recorded in service.records.of_recipient("insurer")]
    assert not [person for person in people if person.text.encode() in held]
    assert not [salt for salt in salts if salt in held or salt.hex().encode() in held]


def test_a_consent_in_force_keeps_its_id(service: ConsentService, coordinator: LittleCoordinator) -> None:
    people = persons(3)
    first = service.grant(DIGEST, "insurer", people[:2], LATER)

    again = service.grant(DIGEST, "insurer", people[::-1], LATER)

    assert again[1:] == first[::-1]
    assert len(coordinator.consents) == 3


def test_a_withdrawn_consent_is_told_to_everybody_and_a_new_one_has_a_new_id(
    service: ConsentService, signed: Signed, coordinator: LittleCoordinator
) -> None:
    people = persons(2)
    ids = service.grant(DIGEST, "insurer", people, LATER)
    commitment = coordinator.consents[ids[0]]["commitment"]

    assert service.withdraw([ids[0]]) == 1
    assert service.withdraw([ids[0]]) == 0

    for enclave in ENCLAVES:
        told = [m for m in coordinator.mail[enclave] if m["topic"] == "withdrawal"]
        assert len(told) == 1
        envelope = dsse.from_json(told[0]["body"]["revocation"])
        check_signed(envelope, Revocation.read(envelope), signed.district.trust)
        assert Revocation.read(envelope).digests == (commitment,)
        assert envelope.digest in coordinator.documents
    assert [item.id for item in service.ids_for("insurer")] == [ids[1]]
    assert service.grant(DIGEST, "insurer", people, LATER)[0] not in ids


def test_many_withdrawals_are_written_in_documents_of_five_hundred(
    service: ConsentService, coordinator: LittleCoordinator
) -> None:
    ids = service.grant(DIGEST, "insurer", persons(999)[:501], LATER)

    assert service.withdraw(ids) == 501

    revocations = [Revocation.read(e) for e in coordinator.documents.values() if e.kind == "revocation"]
    assert [len(revocation.digests) for revocation in revocations] == [500, 1]


def test_what_was_recorded_and_not_sent_is_sent_after_a_crash(
    service: ConsentService, signed: Signed, coordinator: LittleCoordinator, endpoint: Open, tmp_path: Path
) -> None:
    # The scenario, then the first attachment arrive; then the coordinator is gone.
    coordinator.routes[("PUT", "/v1/attachments/([0-9a-f]{64})")] = gone
    with pytest.raises(Unavailable):
        service.grant(DIGEST, "insurer", persons(4), LATER)
    assert coordinator.consents == {}

    coordinator.routes[("PUT", "/v1/attachments/([0-9a-f]{64})")] = coordinator.put_attachment
    reopened = ConsentService(
        endpoint("consent-service"),
        signed.district.keys("consent-service"),
        records=ConsentRecords(tmp_path / "consents.db"),
    )
    reopened.resume()
    reopened.resume()

    assert [g.person for g in opened(signed, coordinator, ENCLAVES[2])] == persons(4)
    assert len(coordinator.consents) == 4


def gone(*_: object) -> object:
    from tests.enclaves.transport.little_coordinator import Declined

    raise Declined("unavailable")


def test_the_record_is_readable_by_its_owner_only(service: ConsentService, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "consents.db").stat().st_mode) == 0o600


def test_what_does_not_fit_is_refused_before_anything_is_recorded(
    service: ConsentService, coordinator: LittleCoordinator
) -> None:
    person = persons(1)[0]
    for recipient, people, until in (
        ("partner", [person], LATER),
        ("insurer", [person, person], LATER),
        ("insurer", [person], datetime.now(UTC)),
    ):
        with pytest.raises(InputMalformed):
            service.grant(DIGEST, recipient, people, until)
    with pytest.raises(NothingYet):
        service.withdraw(["ab" * 16])
    with pytest.raises(InputMalformed):
        service.withdraw(["xyz"])
    assert coordinator.mail == {}


def test_handed_over_consents_do_not_show_the_person() -> None:
    (person,) = parse_persons(["", f" {persons(1)[0].text} "])
    from sandbox.client.consent_service import HandedConsent

    assert person.text not in repr(HandedConsent(person, "id", 1))
