"""Fetching: each consent is looked at anew, delivery is one act with one bill, and refusals are recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.endpoint import Fetched, FetchRefused
from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.documents.authorization import Limits
from policies.documents.fields import Bilingual
from policies.documents.halts import (
    HaltedDocument,
    Revocation,
    RevocationTarget,
    Suspension,
    SuspensionTarget,
)
from policies.documents.job import Receipt, Release
from policies.keys import public_key
from policies.log.entry import EntryType
from policies.log.merkle import check_inclusion, leaf_hash
from sandbox.store.tables import usage_events
from tests.sandbox.inside import inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import agree, consents
from tests.sandbox.scores.stage import Stage, inside_of, stage

TEXT = Bilingual(zh="停", en="stop")
AT = "2026-11-24T00:00:00Z"


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Stage]:
    with inside(tmp_path) as site:
        yield stage(site, 4)


def fetch(played: Stage, *consents: str, name: str = "insurer") -> Fetched:
    return played.site.endpoint(name).fetch_scores(played.authorization, consents or played.ids)


def codes(fetched: Fetched) -> list[str | None]:
    return [r.code if isinstance(r, FetchRefused) else None for r in fetched.results]


def billed(played: Stage) -> tuple[int, int, int]:
    """Units in usage events, in delivery entries, and usage events."""
    site = inside_of(played)
    events: Any = played.site.endpoint("operator").usage(AT[:7])["events"]
    units = sum(int(event["data"]["units"]) for event in events)
    logged = sum(int(e.facts["units"]) for e in site.entries() if e.type is EntryType.DELIVERY)
    return units, logged, site.count(usage_events)


def withdraw(played: Stage, number: int) -> None:
    document = Revocation(
        id="withdrawal",
        target=RevocationTarget.CONSENT,
        digests=(played.grants[number].commitment,),
        by="consents",
        reason=TEXT,
        at=AT,
    )
    played.site.endpoint("consents").post_document(document.envelope(key_of("consents")))


def suspend(played: Stage, target: HaltedDocument) -> None:
    document = Suspension(id="stop", target=target, by="agency", reason=TEXT, at=AT)
    played.site.endpoint("agency").post_document(document.envelope(key_of("agency")))


@pytest.mark.req("RQ-316", "RQ-317", "RQ-140", "RQ-320")
def test_a_fetch_gives_proven_slots_a_signed_receipt_a_bill_and_evidence(played: Stage) -> None:
    fetched = fetch(played)
    assert fetched.receipt is not None
    fetched.receipt.check_signed_by(public_key(key_of("coordinator")))
    receipt = Receipt.read(fetched.receipt)
    assert (receipt.units, receipt.unit_price, receipt.recipient) == (4, "1.25", "insurer")
    for result in fetched.results:
        assert not isinstance(result, FetchRefused)
        root = bytes.fromhex(Release.read(fetched.releases[result.release]).sealed.root)
        check_inclusion(leaf_hash(result.sealed), result.slot, size=4, path=list(result.proof), root=root)
    delivery = [e for e in inside_of(played).entries() if e.type is EntryType.DELIVERY]
    assert [e.digests["receipt"] for e in delivery] == [fetched.receipt.digest]
    assert delivery[0].digests["authorization"] == played.authorization
    assert set(delivery[0].commitments) == {grant.commitment for grant in played.grants}
    event = played.site.endpoint("insurer").usage(AT[:7])["events"][0]["data"]  # type: ignore[index,call-overload]  # JSON by protocol
    assert event["receipt"] == fetched.receipt.digest  # type: ignore[index,call-overload]  # JSON by protocol
    assert played.site.endpoint("insurer").invoice("insurer", AT[:7])["total"] == "5.00"


@pytest.mark.req("RQ-299")
def test_each_consent_is_refused_by_its_own_code_and_the_rest_delivered(played: Stage) -> None:
    withdraw(played, 1)
    unknown = "ab" * 16
    elsewhere = consents(played.site, played.papers, 1, recipient="other-insurer")[0].id.hex()
    unscored = consents(played.site, played.papers, 1)[0].id.hex()
    other = agree(played.site, name="other")
    foreign = consents(played.site, other, 1)[0].id.hex()
    asked = [played.ids[0], played.ids[1], unknown, elsewhere, unscored, foreign]
    fetched = fetch(played, *asked)
    assert codes(fetched) == [
        None,
        "consent_withdrawn",
        "consent_missing",
        "consent_missing",
        "score_not_found",
        "consent_missing",
    ]
    assert billed(played) == (1, 1, 1)


def test_an_expired_consent_gives_nothing(played: Stage) -> None:
    inside_of(played).offset = 86401
    assert codes(fetch(played)) == ["consent_expired"] * 4
    assert billed(played)[2] == 0


@pytest.mark.req("RQ-310", "RQ-169")
def test_another_party_gets_nothing_and_is_recorded(played: Stage) -> None:
    for name in ("other-insurer", "operator", "partner", "gate", "auditor"):
        with pytest.raises(Refused, match="consent_missing"):
            fetch(played, played.ids[0], name=name)
        assert codes(fetch(played, name=name)) == ["consent_missing"] * 4
    refusals = [e.actor for e in inside_of(played).entries() if e.type is EntryType.REFUSAL]
    assert set(refusals) == {"other-insurer", "operator", "partner", "gate", "auditor"}
    assert len(refusals) == 10
    assert billed(played) == (0, 0, 0)


@pytest.mark.req("RQ-162", "RQ-366", "RQ-370", "RQ-311")
@pytest.mark.parametrize("kind", ["scenario", "authorization", "overall-authorization", "party", "partner"])
def test_a_suspension_stops_the_next_fetch(played: Stage, kind: str) -> None:
    assert codes(fetch(played, *played.ids[:2])) == [None, None]
    papers = played.papers
    digests = {
        "scenario": papers.scenario.digest,
        "authorization": papers.authorization.digest,
        "overall-authorization": papers.scenario.overall,
    }
    parties = {"party": "insurer", "partner": "partner"}
    if kind in digests:
        suspend(played, HaltedDocument(kind=SuspensionTarget(kind), digest=digests[kind]))
    else:
        suspend(played, HaltedDocument(kind=SuspensionTarget.PARTY, party=parties[kind]))
    assert codes(fetch(played)) == ["suspended"] * 4
    with pytest.raises(Refused, match="suspended"):
        fetch(played, played.ids[0])
    inside_of(played).restart()
    assert codes(fetch(played)) == ["suspended"] * 4
    assert billed(played) == (2, 2, 1)


def test_a_revoked_model_gives_no_more_scores(played: Stage) -> None:
    document = Revocation(
        id="end",
        target=RevocationTarget.MODEL,
        digests=(played.papers.model.digest,),
        by="examiner",
        reason=TEXT,
        at=AT,
    )
    played.site.endpoint("examiner").post_document(document.envelope(key_of("examiner")))
    assert None not in codes(fetch(played))
    assert billed(played) == (0, 0, 0)


def test_a_revoked_key_asks_for_nothing(played: Stage) -> None:
    document = Revocation(
        id="end",
        target=RevocationTarget.KEY,
        digests=(public_key(key_of("insurer")).keyid,),
        by="agency",
        reason=TEXT,
        at=AT,
    )
    played.site.endpoint("agency").post_document(document.envelope(key_of("agency")))
    with pytest.raises(Refused, match="unauthenticated"):
        fetch(played)


@pytest.mark.req("RQ-113", "RQ-157")
def test_an_agreement_that_has_ended_gives_nothing(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        papers = agree(site)
        site.offset = 11 * 365 * 86400
        grants = consents(site, papers, 1)
        with pytest.raises(Refused):
            site.endpoint("insurer").fetch_scores(papers.authorization.digest, [grants[0].id.hex()])
        ids = [grants[0].id]
        site.endpoint("partner").put_attachment(ids[0])
        changes = {"submitted_at": "2037-11-20T00:00:00Z", "expires_at": "2038-11-24T00:00:00Z"}
        job = papers.job(ids, **changes).envelope(key_of("partner"))
        with pytest.raises(Refused) as refused:
            site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest)
        assert refused.value.problem.policy


def test_fetches_end_with_the_quota_and_never_above_it(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        played = stage(site, 4, limits=Limits(vet_jobs=1, score_jobs=1, fetches=5))
        assert codes(fetch(played, *played.ids[:3])) == [None] * 3
        over = codes(fetch(played, *played.ids[:3]))
        assert None not in over
        assert codes(fetch(played, *played.ids[:2])) == [None] * 2
        with pytest.raises(Refused):
            fetch(played, played.ids[0])
        assert billed(played) == (5, 5, 2)


@pytest.mark.req("RQ-140")
def test_the_same_request_bills_once_and_answers_the_same_bytes(played: Stage) -> None:
    site = inside_of(played)
    body = json.dumps({"authorization": played.authorization, "consents": played.ids}).encode()
    answers = [site.ask("insurer", "POST", "/v1/scores/fetch", body, key="k1") for _ in range(3)]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert answers[0].status_code == 200
    site.restart()
    again = site.ask("insurer", "POST", "/v1/scores/fetch", body, key="k1")
    assert again.content == answers[0].content
    assert billed(played) == (4, 4, 1)
    other = json.dumps({"authorization": played.authorization, "consents": played.ids[:1]}).encode()
    conflict = site.ask("insurer", "POST", "/v1/scores/fetch", other, key="k1")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")
    assert billed(played) == (4, 4, 1)


def test_a_delivery_that_cannot_be_recorded_is_none(played: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    site = inside_of(played)
    before = site.state()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("sandbox.jobs.delivering.record", full)
    body = json.dumps({"authorization": played.authorization, "consents": played.ids}).encode()
    answer = site.ask("insurer", "POST", "/v1/scores/fetch", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "space" not in answer.text
    assert site.state() == before


def test_an_unknown_authorization_and_a_crooked_question_are_refused(played: Stage) -> None:
    with pytest.raises(NotFound):
        played.site.endpoint("insurer").fetch_scores("ab" * 32, played.ids)
    for consents_asked in ([], [played.ids[0]] * 2, ["zz"], [1], ["ab" * 16] * 1001):
        body = {"authorization": played.authorization, "consents": consents_asked}
        with pytest.raises(Malformed):
            played.site.endpoint("insurer").post_json("/v1/scores/fetch", body)  # type: ignore[arg-type]  # JSON


@pytest.mark.req("RQ-369")
def test_the_operator_sees_all_use_and_a_recipient_its_own(played: Stage) -> None:
    fetch(played)
    for name, seen in (("operator", 1), ("agency", 1), ("auditor", 1), ("insurer", 1), ("other-insurer", 0)):
        assert len(played.site.endpoint(name).usage(AT[:7])["events"]) == seen  # type: ignore[arg-type]  # JSON
    with pytest.raises(Refused, match="not_allowed"):
        played.site.endpoint("other-insurer").invoice("insurer", AT[:7])
