"""Fetching a table: it is looked at anew each time, delivery is one act with one bill, and refusals are recorded."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.endpoint import FetchedTable
from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.documents import strict_json
from policies.documents.authorization import Limits
from policies.documents.fields import Bilingual
from policies.documents.halts import (
    HaltedDocument,
    Revocation,
    RevocationTarget,
    Suspension,
    SuspensionTarget,
)
from policies.documents.job import Receipt, TableRelease
from policies.keys import public_key
from policies.log.entry import EntryType
from sandbox.aggregates.fetching import REASONS
from sandbox.store.tables import usage_events
from tests.sandbox.asking import Questions, agree_on_queries, post_query
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of

TEXT = Bilingual(zh="停", en="stop")
AT = "2026-11-24T00:00:00Z"


@dataclass
class Played:
    """A site on whose shelf one table lies for the insurer."""

    site: Inside
    questions: Questions
    release: str

    @property
    def authorization(self) -> str:
        return self.questions.authorization.digest

    def fetch(self, name: str = "insurer", **changes: str) -> FetchedTable:
        asked = {"authorization": self.authorization, "release": self.release} | changes
        return self.site.endpoint(name).fetch_table(asked["authorization"], asked["release"])

    def billed(self) -> tuple[int, int, int]:
        """Units in usage events, in delivery entries, and usage events."""
        events: Any = self.site.endpoint("operator").usage(AT[:7])["events"]
        units = sum(int(event["data"]["units"]) for event in events)
        logged = sum(int(e.facts["units"]) for e in self.site.entries() if e.type is EntryType.DELIVERY)
        return units, logged, self.site.count(usage_events)


def play(site: Inside, *, limits: Limits | None = None) -> Played:
    questions = agree_on_queries(site, limits=limits)
    query = post_query(site, questions.query("hospital"))
    job = Cast(site).run(questions.job(query))
    (release,) = site.endpoint("partner").job(job).releases
    return Played(site, questions, release)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    with inside(tmp_path) as site:
        yield play(site)


def suspend(played: Played, target: HaltedDocument) -> None:
    document = Suspension(id="stop", target=target, by="agency", reason=TEXT, at=AT)
    played.site.endpoint("agency").post_document(document.envelope(key_of("agency")))


@pytest.mark.req("RQ-316", "RQ-317", "RQ-140")
def test_a_fetch_gives_the_sealed_table_a_receipt_a_bill_and_evidence(played: Played) -> None:
    fetched = played.fetch()
    release = TableRelease.read(fetched.release)
    assert fetched.release.digest == played.release
    assert hashlib.sha256(fetched.sealed).hexdigest() == release.sealed.sha256
    fetched.receipt.check_signed_by(public_key(key_of("coordinator")))
    receipt = Receipt.read(fetched.receipt)
    assert (receipt.units, receipt.unit_price, receipt.recipient) == (1, "20.00", "insurer")
    assert receipt.deliveries == strict_json.digest([{"release": played.release, "slot": 0}])
    delivery = [e for e in played.site.entries() if e.type is EntryType.DELIVERY]
    assert [e.digests["receipt"] for e in delivery] == [fetched.receipt.digest]
    assert delivery[0].commitments == ()
    event: Any = played.site.endpoint("insurer").usage(AT[:7])["events"]
    assert event[0]["data"]["usage_form"] == "report"
    assert played.site.endpoint("insurer").invoice("insurer", AT[:7])["total"] == "20.00"
    assert played.billed() == (1, 1, 1)


def test_a_table_fetched_again_is_delivered_and_charged_again(played: Played) -> None:
    first, second = played.fetch(), played.fetch()
    assert first.sealed == second.sealed
    assert first.receipt != second.receipt
    assert played.billed() == (2, 2, 2)


def test_the_same_request_bills_once_and_answers_the_same_bytes(played: Played) -> None:
    site = played.site
    body = json.dumps({"authorization": played.authorization, "release": played.release}).encode()
    answers = [site.ask("insurer", "POST", "/v1/tables/fetch", body, key="k1") for _ in range(2)]
    site.restart()
    answers.append(site.ask("insurer", "POST", "/v1/tables/fetch", body, key="k1"))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert played.billed() == (1, 1, 1)


@pytest.mark.req("RQ-310", "RQ-169")
def test_to_a_stranger_there_is_no_table(played: Played) -> None:
    for name in ("other-insurer", "partner", "operator", "gate", "auditor", "hospital", "enclave-hospital"):
        with pytest.raises(Refused) as refused:
            played.fetch(name)
        assert refused.value.problem.code == "table_not_found"
        assert set(refused.value.problem.reason) == set(refused.value.problem.change) == {"zh", "en"}
    refusals = [e for e in played.site.entries() if e.type is EntryType.REFUSAL]
    assert len(refusals) == 7
    assert {e.facts["action"] for e in refusals} == {"deliver-table"}
    assert played.billed() == (0, 0, 0)


def test_what_is_not_there_and_what_is_anothers_look_alike(played: Played) -> None:
    told = []
    for name, release in (
        ("other-insurer", played.release),
        ("other-insurer", "ab" * 32),
        ("insurer", "ab" * 32),
    ):
        with pytest.raises(Refused) as refused:
            played.fetch(name, release=release)
        told.append(refused.value.problem)
    assert len(set(map(str, told))) == 1


def test_another_authorization_delivers_nothing_of_this_one(played: Played) -> None:
    other = agree_on_queries(played.site, name="other")
    with pytest.raises(Refused, match="table_not_found"):
        played.fetch(authorization=other.authorization.digest)
    with pytest.raises(NotFound):
        played.fetch(authorization="ab" * 32)


@pytest.mark.req("RQ-162", "RQ-311")
@pytest.mark.parametrize("kind", ["scenario", "authorization", "overall-authorization", "insurer", "partner"])
def test_a_suspension_stops_the_next_fetch(played: Played, kind: str) -> None:
    played.fetch()
    scenario = played.questions.scenario
    digests = {
        "scenario": scenario.digest,
        "authorization": played.authorization,
        "overall-authorization": scenario.overall,
    }
    if kind in digests:
        suspend(played, HaltedDocument(kind=SuspensionTarget(kind), digest=digests[kind]))
    else:
        suspend(played, HaltedDocument(kind=SuspensionTarget.PARTY, party=kind))
    with pytest.raises(Refused, match="suspended"):
        played.fetch()
    played.site.restart()
    with pytest.raises(Refused, match="suspended"):
        played.fetch()
    assert played.billed() == (1, 1, 1)


def test_a_release_under_a_revoked_key_of_the_gate_delivers_nothing(played: Played) -> None:
    document = Revocation(
        id="end",
        target=RevocationTarget.KEY,
        digests=(public_key(key_of("gate")).keyid,),
        by="agency",
        reason=TEXT,
        at=AT,
    )
    played.site.endpoint("agency").post_document(document.envelope(key_of("agency")))
    with pytest.raises(Refused, match="signatures_missing"):
        played.fetch()


def test_an_expired_table_is_not_delivered(played: Played) -> None:
    played.site.offset = 31 * 86400
    with pytest.raises(Refused, match="table_expired"):
        played.fetch()
    assert played.billed()[2] == 0


def test_fetches_end_with_the_quota(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        played = play(site, limits=Limits(vet_jobs=1, score_jobs=1, fetches=2))
        played.fetch()
        played.fetch()
        with pytest.raises(Refused) as refused:
            played.fetch()
        assert refused.value.problem.where == "scenario.limits.fetches"
        assert played.billed() == (2, 2, 2)


def test_a_delivery_that_cannot_be_recorded_is_none(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    before = played.site.state()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("sandbox.jobs.delivering.record", full)
    body = json.dumps({"authorization": played.authorization, "release": played.release}).encode()
    answer = played.site.ask("insurer", "POST", "/v1/tables/fetch", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert played.site.state() == before


CROOKED: list[dict[str, Any]] = [
    {},
    {"authorization": "ab" * 32},
    {"authorization": "ab" * 32, "release": 7},
    {"authorization": "zz" * 32, "release": "ab" * 32},
    {"authorization": "ab" * 32, "release": "ab" * 32, "more": 1},
]


def test_a_crooked_question_is_malformed(played: Played) -> None:
    for body in CROOKED:
        with pytest.raises(Malformed):
            played.site.endpoint("insurer").post_json("/v1/tables/fetch", body)


def test_the_table_itself_is_no_attachment_for_anybody(played: Played) -> None:
    fetched = played.fetch()
    sha256 = TableRelease.read(fetched.release).sealed.sha256
    for name in ("insurer", "partner", "hospital", "operator"):
        with pytest.raises(NotFound):
            played.site.endpoint(name).get_attachment(sha256)


def test_every_state_has_its_reason_in_both_languages() -> None:
    assert set(REASONS) == {"table_not_found", "table_expired"}
    assert all(reason.zh and reason.en for reason in REASONS.values())


def test_the_sealed_bytes_travel_unchanged(played: Played) -> None:
    body = json.dumps({"authorization": played.authorization, "release": played.release}).encode()
    answer = played.site.ask("insurer", "POST", "/v1/tables/fetch", body).json()
    assert base64.b64decode(answer["sealed"]) == played.fetch().sealed
    assert set(answer) == {"release", "sealed", "receipt"}
