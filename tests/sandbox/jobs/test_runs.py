"""Jobs played to their end against the real application, with enclaves and a gate that speak the real documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.endpoint import FetchRefused
from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.log.entry import Entry, EntryType
from sandbox.jobs import rows
from sandbox.jobs.states import MAX_ATTEMPTS
from tests.sandbox.doubles import Cast, Double, EnclaveDouble, cosign_latest, unseal
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import DEPARTMENTS, WITNESSES, key_of
from tests.sandbox.papers import Papers, agree, consents

ENDS = {"done", "refused", "failed", "cancelled"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("runs"))) as site:
        yield site


@pytest.fixture(scope="module")
def papers(site: Inside) -> Papers:
    return agree(site)


def everyone(cast: Cast) -> list[Double]:
    return [*cast.enclaves, cast.gate]


@pytest.fixture
def cast(site: Inside) -> Cast:
    """Processes that have read what earlier tests left them."""
    cast = Cast(site)
    for double in everyone(cast):
        double.seen = max((m.seq for m in _all_mail(site, double.name)), default=0)
        cosign_latest(site, double.name)
    return cast


def _all_mail(site: Inside, name: str) -> list:  # type: ignore[type-arg]  # messages of the transport
    messages, seen = [], 0
    while page := site.endpoint(name).receive(seen):
        messages += page
        seen = page[-1].seq
    return messages


def ids_of(site: Inside, papers: Papers, count: int = 3) -> list[bytes]:
    return [grant.id for grant in consents(site, papers, count)]


def submit(site: Inside, papers: Papers, **changes: object) -> str:
    ids = ids_of(site, papers)
    site.endpoint("partner").put_attachment(b"".join(ids))
    job = papers.job(ids, **changes)
    return site.endpoint("partner").submit_job(job.envelope(key_of("partner")), scenario=job.scenario).job


def play_until(site: Inside, cast: Cast, digest: str, *states: str) -> None:
    """Let everyone take turns until the job is in one of `states`, and stop right there."""
    for _ in range(50):
        for double in everyone(cast):
            if site.endpoint("partner").job(digest).state in {*states, *ENDS}:
                return
            double.turn()
    raise AssertionError("expected the story to end")


def outcomes(site: Inside, digest: str) -> list[Entry]:
    return [e for e in site.entries() if e.job == digest and e.type is EntryType.OUTCOME]


@pytest.mark.req("RQ-047", "RQ-316")
@pytest.mark.parametrize("mode", ["masked", "bfv"])
def test_a_job_ends_with_sealed_scores_that_the_release_proves(
    site: Inside, papers: Papers, cast: Cast, mode: str
) -> None:
    ids = ids_of(site, papers, 5)
    cast.enclaves[1].rejects = frozenset({2})
    digest = cast.run(papers.job(ids, mode=mode), ids)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt, len(status.releases)) == ("done", 1, 1)
    asked = [consent.hex() for consent in ids]
    fetched = site.endpoint("insurer").fetch_scores(papers.authorization.digest, asked)
    # Three departments with a partial of 4 make 12, which passes the first cut point alone.
    bands = [r.code if isinstance(r, FetchRefused) else unseal(r.slot, r.sealed) for r in fetched.results]
    assert bands == [1, 1, "score_not_found", 1, 1]
    types = [e.type for e in site.entries() if e.job == digest]
    assert types == [EntryType.INTENT, EntryType.OUTCOME]
    released = outcomes(site, digest)[0]
    assert released.digests["release"] == status.releases[0]
    intent = next(e for e in site.entries() if e.job == digest and e.type is EntryType.INTENT)
    assert intent.digests["authorization"] == papers.authorization.digest
    assert intent.actor == "partner"


def test_nothing_is_planned_before_a_quorum_cosigned_the_intent(
    site: Inside, papers: Papers, cast: Cast
) -> None:
    digest = submit(site, papers)
    needed = site.trust.quorum
    for count, double in enumerate(everyone(cast)):
        assert (site.endpoint("partner").job(digest).state == "awaiting-intent") == (count < needed)
        double.turn()
    assert site.endpoint("partner").job(digest).state == "keys"


@pytest.mark.req("RQ-169")
def test_a_refusal_by_an_enclave_ends_the_job_with_its_reason_and_an_outcome(
    site: Inside, papers: Papers, cast: Cast
) -> None:
    cast.enclaves[2].refuse_plan = "consent_missing"
    ids = ids_of(site, papers)
    digest = cast.run(papers.job(ids), ids)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("refused", 1)
    assert isinstance(status.reason, dict)
    assert (status.reason["code"], status.reason["by"]) == ("consent_missing", "enclave-transport")
    assert [e.facts for e in outcomes(site, digest)] == [
        {"result": "refused", "code": "consent_missing", "policy": "p"}
    ]
    for double in everyone(cast):
        double.turn()
        assert "abort" in {m.topic for m in double.heard}


@pytest.mark.req("RQ-318")
def test_a_refusal_by_the_gate_ends_the_job_with_its_reason_and_an_outcome(
    site: Inside, papers: Papers, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: object) -> None:
        run = message.run  # type: ignore[attr-defined]  # a message of the transport
        site.endpoint("gate").send("coordinator", "refusal", {"code": "too_few_persons"}, run=run)

    monkeypatch.setattr(cast.gate, "_open", refuse)
    ids = ids_of(site, papers)
    digest = cast.run(papers.job(ids), ids)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.releases) == ("refused", ())
    assert [e.facts["code"] for e in outcomes(site, digest)] == ["too_few_persons"]
    fetched = site.endpoint("insurer").fetch_scores(papers.authorization.digest, [i.hex() for i in ids])
    assert [r.code for r in fetched.results if isinstance(r, FetchRefused)] == ["score_not_found"] * 3


@pytest.mark.parametrize("policy", ["p" * 3000, "两" * 600, 7])
def test_a_refusal_with_an_odd_policy_still_ends_the_job(
    site: Inside, papers: Papers, cast: Cast, policy: object
) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "keys")
    run = _run(site, digest)
    body = {"code": "no", "policy": policy}
    site.endpoint("gate").send("coordinator", "refusal", body, run=run)  # type: ignore[arg-type]  # JSON by construction
    assert site.endpoint("partner").job(digest).state == "refused"
    assert outcomes(site, digest)[0].facts["code"] == "no"


def test_a_lost_session_means_a_new_attempt_under_a_new_run_three_at_most(
    site: Inside, papers: Papers, cast: Cast
) -> None:
    cast.enclaves[0].refuse_plan = "session_lost"
    ids = ids_of(site, papers)
    digest = cast.run(papers.job(ids), ids)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("failed", MAX_ATTEMPTS)
    assert isinstance(status.reason, dict)
    assert status.reason["code"] == "session_lost"
    sids = [sid for sid, plan in cast.enclaves[0].plans.items() if plan.job == digest]
    assert len(set(sids)) == MAX_ATTEMPTS
    assert [cast.enclaves[0].plans[sid].attempt for sid in sids] == [1, 2, 3]
    assert len({cast.enclaves[0].plans[sid].roster for sid in sids}) == 1
    assert [e.facts["code"] for e in outcomes(site, digest)] == ["session_lost"]


@pytest.mark.parametrize("mode", ["masked", "bfv"])
def test_silence_means_a_new_attempt_that_can_still_succeed(
    site: Inside, papers: Papers, cast: Cast, mode: str
) -> None:
    digest = submit(site, papers, mode=mode)
    silent: EnclaveDouble = cast.enclaves[1]
    play_until(site, cast, digest, "transcripts")
    silent.silent = True
    _let_pass(site, cast, 3)
    site.offset += 30
    site.tick()
    assert site.endpoint("partner").job(digest).attempt == 2
    silent.silent = False
    play_until(site, cast, digest)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("done", 2)


def test_silence_three_times_fails_the_job_with_a_reason(site: Inside, papers: Papers, cast: Cast) -> None:
    cast.enclaves[1].silent = True
    digest = submit(site, papers)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        _let_pass(site, cast, 3)
        assert site.endpoint("partner").job(digest).attempt == attempt
        site.offset += 30
        site.tick()
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("failed", MAX_ATTEMPTS)
    assert status.reason == {"code": "no_answer"}
    assert [e.facts["code"] for e in outcomes(site, digest)] == ["no_answer"]


def test_a_job_that_no_quorum_witnesses_fails_and_runs_nothing(
    site: Inside, papers: Papers, cast: Cast
) -> None:
    digest = submit(site, papers)
    site.offset += 6 * 20 + 1
    site.tick()
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt, status.reason) == ("failed", 0, {"code": "quorum_missing"})


def test_a_job_past_its_own_expiry_fails(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        digest, cast = submit(site, agree(site)), Cast(site)
        play_until(site, cast, digest, "contributions")
        site.offset += 3601
        site.tick()
        assert site.endpoint("partner").job(digest).reason == {"code": "job_expired"}
        assert [e.facts["code"] for e in outcomes(site, digest)] == ["job_expired"]


@pytest.mark.parametrize("state", ["awaiting-intent", "keys", "contributions", "awaiting-outcome"])
def test_a_coordinator_that_starts_again_goes_on_where_it_stopped(
    site: Inside, papers: Papers, cast: Cast, state: str
) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, state)
    assert site.endpoint("partner").job(digest).state == state
    site.restart()
    play_until(site, cast, digest)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("done", 1)


def test_a_message_said_again_changes_nothing(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "transcripts")
    before = site.state()
    heard = next(m for m in reversed(cast.enclaves[0].heard) if m.topic == "plan")
    cast.enclaves[0].handle(heard)
    after = site.state()
    for table in ("messages", "run_items", "jobs", "job_progress", "runs"):
        assert after[table] == before[table], table


def test_another_message_of_the_same_kind_is_a_conflict(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "transcripts")
    enclave = cast.enclaves[0]
    heard = next(m for m in reversed(enclave.heard) if m.topic == "plan")
    enclave.rejects = frozenset({0})
    with pytest.raises(Refused, match="run_conflict"):
        enclave.handle(heard)
    assert site.endpoint("partner").job(digest).state == "transcripts"


def test_a_transcript_of_other_bundles_is_refused(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "transcripts")
    enclave = cast.enclaves[0]
    if not any(m.topic == "bundles" for m in enclave.heard):
        message = next(m for m in site.endpoint(enclave.name).receive(enclave.seen) if m.topic == "bundles")
    else:
        message = next(m for m in reversed(enclave.heard) if m.topic == "bundles")
    forged = type(message)(
        message.seq,
        message.sender,
        "bundles",
        message.run,
        {"items": list(message.body["items"])[:2]},  # type: ignore[arg-type]  # JSON by protocol
        (),
        message.sent_at,
    )
    with pytest.raises(Refused, match="run_conflict"):
        enclave._bundles(forged)


@pytest.mark.parametrize("name", ["insurer", "operator"])
def test_a_stranger_says_nothing_in_a_run(site: Inside, papers: Papers, cast: Cast, name: str) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "keys")
    for topic in ("refusal", "release", "handover", "bundle"):
        with pytest.raises((Refused, Malformed), match="not_in_run"):
            site.endpoint(name).send("coordinator", topic, {"code": "x"}, run=_run(site, digest))
    assert site.endpoint("partner").job(digest).state == "keys"


def test_only_the_gate_releases_and_hands_over(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "keys")
    for topic in ("release", "handover"):
        with pytest.raises(Refused, match="not_in_run"):
            site.endpoint("enclave-hospital").send("coordinator", topic, {}, run=_run(site, digest))


def test_a_message_for_no_run_or_of_no_topic_is_refused(site: Inside, papers: Papers, cast: Cast) -> None:
    hospital = site.endpoint("enclave-hospital")
    with pytest.raises(NotFound):
        hospital.send("coordinator", "bundle", {}, run="ab" * 32)
    with pytest.raises(Malformed):
        hospital.send("coordinator", "bundle", {})
    with pytest.raises(Malformed):
        hospital.send("coordinator", "gossip", {}, run="ab" * 32)


def test_a_late_message_of_an_ended_run_changes_nothing(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "keys")
    site.endpoint("partner").cancel_job(digest)
    before = site.state()
    for double in everyone(cast):
        double.turn()
    after = site.state()
    for table in ("jobs", "job_progress", "runs", "releases", "scores"):
        assert after[table] == before[table], table


@pytest.mark.parametrize(("name", "allowed"), [("partner", True), ("agency", True), ("insurer", False)])
@pytest.mark.req("RQ-311")
def test_the_submitter_and_the_agency_cancel_a_job(
    site: Inside, papers: Papers, cast: Cast, name: str, allowed: bool
) -> None:
    digest = submit(site, papers)
    play_until(site, cast, digest, "transcripts")
    if not allowed:
        with pytest.raises(Refused, match="not_in_run"):
            site.endpoint(name).cancel_job(digest)
        assert site.endpoint("partner").job(digest).state == "transcripts"
        return
    assert site.endpoint(name).cancel_job(digest) == "cancelled"
    assert site.endpoint("partner").job(digest).reason == {"code": "cancelled", "by": name}
    assert [e.facts for e in outcomes(site, digest)] == [{"result": "cancelled", "code": "cancelled"}]
    assert site.endpoint(name).cancel_job(digest) == "cancelled"
    assert len(outcomes(site, digest)) == 1


def test_a_job_does_not_exist_for_those_it_does_not_concern(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submit(site, papers)
    for name in ("other-insurer", "consents", "price-office"):
        with pytest.raises(NotFound):
            site.endpoint(name).job(digest)
        with pytest.raises(NotFound):
            site.endpoint(name).cancel_job(digest)
    for name in ("partner", "insurer", "agency", "auditor", "operator", *DEPARTMENTS, *WITNESSES):
        assert site.endpoint(name).job(digest).job == digest


def _run(site: Inside, digest: str) -> str:
    with site.district.database.read() as connection:
        return str(rows.get(connection, digest).run)


def _let_pass(site: Inside, cast: Cast, turns: int) -> None:
    for _ in range(turns):
        for double in everyone(cast):
            double.turn()
