"""Tables that people must see before they leave: what a review does to the job, and what no paper can do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.problem import NotFound, Refused
from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual
from policies.documents.halts import HaltedDocument, Suspension, SuspensionTarget
from policies.documents.job import TableRelease
from policies.documents.review import Finding, OutputReview
from policies.log.entry import EntryType
from sandbox.jobs.states import MAX_ATTEMPTS
from sandbox.store.tables import output_reviews, sealed_tables
from tests.sandbox.asking import Questions, agree_on_queries, post_query
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import digest_of

COPIES = ("enclave-hospital", "examiner")
AT = "2026-11-24T00:00:00Z"


@dataclass
class Waiting:
    """A job whose table waits for reviewers."""

    site: Inside
    questions: Questions
    cast: Cast
    job: str
    release: str

    @property
    def state(self) -> str:
        return self.site.endpoint("partner").job(self.job).state

    def go_on(self) -> str:
        """Let everyone take turns until nothing is left to say; returns the state."""
        while sum(double.turn() for double in (*self.cast.enclaves, self.cast.gate)):
            pass
        return self.state

    def post(self, envelope: Envelope, *, by: str = "examiner") -> None:
        self.site.endpoint(by).post_document(envelope)

    def say(self, reviewer: str, finding: Finding = Finding.APPROVE) -> Envelope:
        envelope = review(reviewer, self.release, finding)
        self.post(envelope, by=reviewer)
        return envelope


def review(
    reviewer: str, release: str, finding: Finding = Finding.APPROVE, *, by: str | None = None
) -> Envelope:
    document = OutputReview(
        id=f"review-{secrets.token_hex(4)}",
        reviewer=reviewer,
        release=release,
        finding=finding,
        reason=Bilingual(zh="已核对", en="checked"),
        reviewed_at=AT,
    )
    return document.envelope(key_of(by or reviewer))


def wait_for_review(site: Inside, questions: Questions, *, cast: Cast | None = None) -> Waiting:
    cast = cast or Cast(site).catch_up()
    cast.gate.reviewers = COPIES
    query = post_query(site, questions.query("hospital"))
    job = cast.run(questions.job(query))
    status = site.endpoint("partner").job(job)
    assert status.state == "review"
    return Waiting(site, questions, cast, job, status.releases[0])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Inside, Questions]]:
    with inside(Path(tmp_path_factory.mktemp("reviews"))) as site:
        yield site, agree_on_queries(site)


@pytest.fixture
def waiting(shared: tuple[Inside, Questions]) -> Waiting:
    site, questions = shared
    return wait_for_review(site, questions)


def tables_kept(site: Inside) -> int:
    return site.count(sealed_tables)


def test_a_table_waits_until_two_organizations_approve_and_the_gate_gets_their_papers(
    waiting: Waiting,
) -> None:
    kept = tables_kept(waiting.site)
    assert waiting.go_on() == "review"
    first = waiting.say("hospital")
    assert waiting.go_on() == "review"
    assert tables_kept(waiting.site) == kept
    second = waiting.say("examiner")
    assert waiting.state == "awaiting-outcome"
    assert waiting.go_on() == "done"
    assert tables_kept(waiting.site) == kept + 1
    outcome = next(m for m in waiting.cast.gate.heard if m.topic == "outcome")
    assert sorted(map(str, outcome.body["reviews"])) == sorted(map(str, [first.to_json(), second.to_json()]))  # type: ignore[arg-type]  # JSON by protocol
    logged = [e for e in waiting.site.entries() if e.job == waiting.job and e.type is EntryType.OUTCOME]
    assert [e.digests["release"] for e in logged] == [waiting.release]


def test_nothing_is_logged_as_released_before_it_is_reviewed(waiting: Waiting) -> None:
    assert not [e for e in waiting.site.entries() if e.job == waiting.job and e.type is EntryType.OUTCOME]
    waiting.say("hospital")
    assert not [e for e in waiting.site.entries() if e.job == waiting.job and e.type is EntryType.OUTCOME]


def test_a_rejection_ends_the_job_with_its_reason(waiting: Waiting) -> None:
    kept = tables_kept(waiting.site)
    waiting.say("hospital")
    waiting.say("examiner", Finding.REJECT)
    status = waiting.site.endpoint("partner").job(waiting.job)
    assert (status.state, status.releases) == ("refused", ())
    assert isinstance(status.reason, dict)
    assert (status.reason["code"], status.reason["by"]) == ("review_rejected", "examiner")
    assert status.reason["reason"] == {"zh": "已核对", "en": "checked"}
    assert waiting.go_on() == "refused"
    assert tables_kept(waiting.site) == kept
    assert "abort" in {m.topic for m in waiting.cast.gate.heard}
    with pytest.raises(Refused, match="review_not_allowed"):
        waiting.say("examiner")


def test_who_approved_may_still_reject(waiting: Waiting) -> None:
    waiting.say("hospital")
    waiting.say("hospital", Finding.REJECT)
    assert waiting.state == "refused"


def test_the_same_organization_twice_is_one_approval(waiting: Waiting) -> None:
    waiting.say("hospital")
    with pytest.raises(Refused, match="run_conflict"):
        waiting.say("hospital")
    assert waiting.go_on() == "review"


def test_a_replayed_review_changes_nothing(waiting: Waiting) -> None:
    paper = waiting.say("hospital")
    count = waiting.site.count(output_reviews)
    for name in ("hospital", "examiner", "insurer"):
        waiting.post(paper, by=name)
    assert waiting.site.count(output_reviews) == count
    assert waiting.go_on() == "review"
    waiting.say("examiner")
    assert waiting.go_on() == "done"
    waiting.post(paper, by="hospital")
    assert waiting.state == "done"


def test_a_review_of_another_release_does_not_count_here(shared: tuple[Inside, Questions]) -> None:
    one = wait_for_review(*shared)
    other = wait_for_review(*shared, cast=one.cast)
    one.say("hospital")
    other.say("examiner")
    assert (one.go_on(), other.go_on()) == ("review", "review")
    one.say("examiner")
    assert (one.go_on(), other.go_on()) == ("done", "review")


@pytest.mark.parametrize("reviewer", ["social", "insurer", "partner", "gate", "enclave-hospital", "agency"])
def test_a_party_that_was_not_shown_the_table_has_no_word(waiting: Waiting, reviewer: str) -> None:
    for finding in Finding:
        with pytest.raises(Refused, match=r"review_not_allowed|role_mismatch"):
            waiting.post(review(reviewer, waiting.release, finding), by=reviewer)
    assert waiting.state == "review"


def test_a_forged_review_is_refused(waiting: Waiting) -> None:
    with pytest.raises(Refused, match="signatures_missing"):
        waiting.post(review("hospital", waiting.release, by="insurer"), by="insurer")
    with pytest.raises(NotFound):
        waiting.post(review("hospital", digest_of("no release")), by="hospital")
    assert waiting.site.endpoint("partner").job(waiting.job).state == "review"


def test_a_copy_is_for_its_reviewer_alone(waiting: Waiting) -> None:
    document = TableRelease.read(waiting.site.endpoint("hospital").get_document(waiting.release))
    for copy in document.reviewers:
        assert waiting.site.endpoint(copy.reviewer).get_attachment(copy.sha256)
        for name in {"insurer", "partner", "hospital", "enclave-social", *COPIES} - {copy.reviewer}:
            with pytest.raises(NotFound):
                waiting.site.endpoint(name).get_attachment(copy.sha256)
    for name in ("insurer", "partner", "examiner", "hospital"):
        with pytest.raises(NotFound):
            waiting.site.endpoint(name).get_attachment(document.sealed.sha256)


def test_what_reviewers_write_is_not_for_the_partner(waiting: Waiting) -> None:
    paper = waiting.say("hospital")
    for name in ("examiner", "hospital", "gate", "agency", "enclave-hospital"):
        assert waiting.site.endpoint(name).get_document(paper.digest) == paper
    for name in ("partner", "insurer", "other-insurer"):
        with pytest.raises(NotFound):
            waiting.site.endpoint(name).get_document(paper.digest)
    with pytest.raises(NotFound):
        waiting.site.endpoint("other-insurer").get_document(waiting.release)


def test_people_are_given_time_until_the_job_ends(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        waiting = wait_for_review(site, agree_on_queries(site))
        site.offset += 6 * 3600
        site.tick()
        site.restart()
        site.tick()
        assert waiting.state == "review"
        site.offset += 6 * 3600
        site.tick()
        status = site.endpoint("partner").job(waiting.job)
        assert (status.state, status.reason) == ("failed", {"code": "job_expired"})
        with pytest.raises(Refused, match="review_not_allowed"):
            waiting.say("hospital")


@pytest.mark.parametrize("party", ["examiner", "agency"])
def test_a_suspended_reviewer_has_no_word(tmp_path: Path, party: str) -> None:
    with inside(tmp_path) as site:
        waiting = wait_for_review(site, agree_on_queries(site))
        target = HaltedDocument(kind=SuspensionTarget.PARTY, party=party)
        stop = Suspension(
            id="stop", target=target, by="operator", reason=Bilingual(zh="停", en="stop"), at=AT
        )
        site.endpoint("operator").post_document(stop.envelope(key_of("operator")))
        with pytest.raises(Refused, match="suspended"):
            waiting.say("examiner")
        assert waiting.state == "review"


@pytest.mark.parametrize("how", ["cancel", "suspend", "refuse"])
def test_a_job_that_ends_while_reviewers_look_hands_nothing_over(tmp_path: Path, how: str) -> None:
    with inside(tmp_path) as site:
        waiting = wait_for_review(site, agree_on_queries(site))
        waiting.say("hospital")
        if how == "cancel":
            site.endpoint("partner").cancel_job(waiting.job)
        elif how == "suspend":
            target = HaltedDocument(
                kind=SuspensionTarget.AUTHORIZATION, digest=waiting.questions.authorization.digest
            )
            stop = Suspension(
                id="stop", target=target, by="agency", reason=Bilingual(zh="停", en="stop"), at=AT
            )
            site.endpoint("agency").post_document(stop.envelope(key_of("agency")))
        else:
            run = TableRelease.read(site.endpoint("gate").get_document(waiting.release)).run
            site.endpoint("gate").send("coordinator", "refusal", {"code": "no"}, run=run)
        assert waiting.state == {"cancel": "cancelled", "suspend": "refused", "refuse": "refused"}[how]
        with pytest.raises(Refused, match="review_not_allowed"):
            waiting.say("examiner")
        waiting.go_on()
        assert tables_kept(site) == 0


def test_a_gate_that_lost_the_table_means_a_new_attempt_and_new_reviews(waiting: Waiting) -> None:
    old = waiting.say("hospital")
    run = TableRelease.read(waiting.site.endpoint("gate").get_document(waiting.release)).run
    waiting.site.endpoint("gate").send("coordinator", "refusal", {"code": "session_lost"}, run=run)
    assert waiting.go_on() == "review"
    status = waiting.site.endpoint("partner").job(waiting.job)
    assert (status.attempt, len(status.releases)) == (2, 1)
    assert status.attempt <= MAX_ATTEMPTS
    assert status.releases[0] != waiting.release
    with pytest.raises(Refused, match="review_not_allowed"):
        waiting.say("examiner")
    waiting.post(old, by="hospital")
    waiting.release = status.releases[0]
    waiting.say("examiner")
    assert waiting.go_on() == "review"
    waiting.say("hospital")
    assert waiting.go_on() == "done"


@pytest.mark.parametrize(
    "reviewers",
    [("enclave-hospital",), ("enclave-social", "examiner"), ("examiner", "insurer"), ("examiner", "gate")],
)
def test_a_release_that_nobody_could_review_is_refused(
    shared: tuple[Inside, Questions], reviewers: tuple[str, ...]
) -> None:
    site, questions = shared
    cast = Cast(site).catch_up()
    cast.gate.reviewers = reviewers
    query = post_query(site, questions.query("hospital"))
    with pytest.raises(Refused, match="release_mismatch"):
        cast.run(questions.job(query))


@pytest.mark.parametrize("attached", ["none", "one too many", "another's"])
def test_copies_come_with_the_release_and_are_the_gates(
    shared: tuple[Inside, Questions], monkeypatch: pytest.MonkeyPatch, attached: str
) -> None:
    site, questions = shared
    cast = Cast(site).catch_up()
    cast.gate.reviewers = COPIES
    gate = site.endpoint("gate")
    send = gate.send
    stranger = site.endpoint("insurer").put_attachment(secrets.token_bytes(9), audience=["gate"])

    def lying(to: str, topic: str, body: Any, **more: Any) -> int:
        if topic == "release":
            given = list(more["attachments"])
            more["attachments"] = {"none": [], "one too many": [*given, stranger], "another's": given}[
                attached
            ]
        return send(to, topic, body, **more)

    if attached == "another's":
        copies = [{"reviewer": name, "sha256": stranger} for name in COPIES]
        cast.gate.changes = {"reviewers": copies}  # type: ignore[dict-item]  # JSON by construction
    monkeypatch.setattr(gate, "send", lying)
    query = post_query(site, questions.query("hospital"))
    with pytest.raises((Refused, NotFound)):
        cast.run(questions.job(query))
