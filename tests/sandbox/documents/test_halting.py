"""Signatures gather, signers stop, outsiders do not; attachments are for their audience."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.problem import Malformed, Refused
from policies.documents.fields import Bilingual
from policies.documents.halts import (
    HaltedDocument,
    Revocation,
    RevocationTarget,
    Suspension,
    SuspensionTarget,
)
from policies.log.entry import EntryType
from sandbox.documents.attachments import MAX_BYTES
from sandbox.store.tables import attachments
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import DEPARTMENTS, key_of
from tests.sandbox.papers import AGREED, Papers, agree, consents, signed

TEXT = Bilingual(zh="停", en="stop")
AT = "2026-11-24T00:00:00Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("halting"))) as site:
        yield site


@pytest.fixture(scope="module")
def papers(site: Inside) -> Papers:
    return agree(site)


def suspension(papers: Papers, by: str, number: int = 0) -> Suspension:
    target = HaltedDocument(kind=SuspensionTarget.SCENARIO, digest=papers.scenario.digest)
    return Suspension(id=f"stop-{by}-{number}", target=target, by=by, reason=TEXT, at=AT)


def test_signatures_gather_one_by_one_and_completion_is_logged_once(site: Inside, papers: Papers) -> None:
    scenario = papers.scenario.model_copy(update={"id": "scenario-gathering"})
    size = site.log_size()
    for count, name in enumerate(AGREED, start=1):
        posted = site.endpoint(name).post_document(signed(scenario, name))
        assert set(posted.signers) == set(AGREED[:count])
        again = site.endpoint(name).post_document(signed(scenario, name))
        assert again == posted
    facts = [e.facts["complete"] for e in site.entries(size) if e.type is EntryType.DOCUMENT]
    assert facts == [False, True]
    stored = site.endpoint("auditor").get_document(scenario.digest)
    assert len(stored.signatures) == len(AGREED)


def test_a_strangers_signature_is_not_kept(site: Inside, papers: Papers) -> None:
    scenario = papers.scenario.model_copy(update={"id": "scenario-noise"})
    posted = site.endpoint("agency").post_document(signed(scenario, "agency", "somebody"))
    assert posted.signers == ("agency",)
    assert len(site.endpoint("auditor").get_document(scenario.digest).signatures) == 1


@pytest.mark.req("RQ-162", "RQ-311")
@pytest.mark.parametrize("by", [*DEPARTMENTS, "agency", "operator", "partner"])
def test_any_signer_suspends_alone(site: Inside, papers: Papers, by: str) -> None:
    document, size = suspension(papers, by), site.log_size()
    site.endpoint(by).post_document(document.envelope(key_of(by)))
    [entry] = [e for e in site.entries(size) if e.type is EntryType.SUSPENSION]
    assert (entry.actor, entry.target and entry.target.id) == (by, papers.scenario.digest)
    assert site.district.halts.suspended("scenario", papers.scenario.digest)


@pytest.mark.parametrize(
    "by", ["insurer", "other-insurer", "consents", "auditor", "gate", "enclave-hospital"]
)
def test_an_outsider_suspends_nothing(site: Inside, papers: Papers, by: str) -> None:
    size = site.log_size()
    with pytest.raises(Refused):
        site.endpoint(by).post_document(suspension(papers, by, 1).envelope(key_of(by)))
    assert not [e for e in site.entries(size) if e.type is EntryType.SUSPENSION]


def test_nobody_suspends_in_anothers_name(site: Inside, papers: Papers) -> None:
    document = suspension(papers, "agency", 2)
    with pytest.raises(Refused, match="signatures_missing"):
        site.endpoint("insurer").post_document(document.envelope(key_of("insurer")))


def test_a_service_withdraws_its_own_consents_alone(site: Inside, papers: Papers) -> None:
    [grant] = consents(site, papers, 1)
    members = {"target": RevocationTarget.CONSENT, "digests": (grant.commitment,), "reason": TEXT, "at": AT}
    for by in ("insurer", "partner", "agency"):
        document = Revocation(id=f"end-{by}", by=by, **members)  # type: ignore[arg-type]  # members by name
        with pytest.raises(Refused):
            site.endpoint(by).post_document(document.envelope(key_of(by)))
    document = Revocation(id="end", by="consents", **members)  # type: ignore[arg-type]  # members by name
    site.endpoint("consents").post_document(document.envelope(key_of("consents")))
    states = {c.id: c.state for c in site.endpoint("insurer").consents(papers.scenario.digest, "insurer")}
    assert states[grant.id.hex()] == "withdrawn"
    assert list(site.endpoint("other-insurer").consents(papers.scenario.digest, "insurer")) == []


def test_bytes_under_a_wrong_name_or_too_many_are_refused(site: Inside) -> None:
    before = site.count(attachments)
    for data in (b"other bytes", b"a" * (MAX_BYTES + 1)):
        answer = site.ask("partner", "PUT", "/v1/attachments/" + "ab" * 32, data)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    with pytest.raises(Malformed):
        site.endpoint("partner").put_attachment(b"for nobody known", audience=["nobody"])
    assert site.count(attachments) == before


def test_a_mailbox_is_read_by_its_party_alone_and_by_cursor(site: Inside) -> None:
    sent = [site.endpoint("partner").send("price-office", "note", {"n": n}) for n in range(3)]
    assert [m.seq for m in site.endpoint("price-office").receive()] == sent
    assert [m.seq for m in site.endpoint("price-office").receive(sent[0])] == sent[1:]
    assert site.endpoint("auditor").receive() == []
    site.restart()
    assert [m.seq for m in site.endpoint("price-office").receive(sent[1])] == sent[2:]
