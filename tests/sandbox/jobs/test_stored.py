"""The same model and subject: what lies on the shelf is not scored again; and what an answer may bring along."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.endpoint import FetchRefused
from enclaves.transport.problem import NotFound
from policies.documents.halts import Revocation, RevocationTarget
from policies.log.entry import EntryType
from sandbox.jobs.enclosing import Enclosing
from sandbox.store.errors import NotFound as Missing
from sandbox.store.tables import run_items
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import Papers, Registered, agree, both, consents, signed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Inside]:
    with inside(tmp_path) as site:
        yield site


def scored(site: Inside, papers: Papers, count: int = 3) -> tuple[list[Registered], str]:
    """Consents with a score on the shelf, and the release it is of."""
    grants = consents(site, papers, count)
    ids = [grant.id for grant in grants]
    digest = Cast(site).catch_up().run(papers.job(ids), ids)
    status = site.endpoint("partner").job(digest)
    assert status.state == "done"
    return grants, status.releases[0]


def ask(site: Inside, papers: Papers, ids: list[bytes], **changes: object) -> str:
    """Another signed job about `ids`; nobody else takes a turn."""
    endpoint = site.endpoint("partner")
    endpoint.put_attachment(b"".join(ids))
    job = papers.job(ids, **changes)
    return endpoint.submit_job(job.envelope(key_of("partner")), scenario=job.scenario).job


def test_subjects_that_were_scored_are_answered_from_the_shelf(site: Inside) -> None:
    papers = agree(site)
    grants, release = scored(site, papers)
    before, said = site.log_size(), site.count(run_items)
    digest = ask(site, papers, [grant.id for grant in grants[:2]])
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt, status.releases, status.reason) == ("done", 0, (release,), None)
    assert site.count(run_items) == said
    assert not [e for e in site.entries(before) if e.type is EntryType.INTENT]
    fetched = site.endpoint("insurer").fetch_scores(papers.authorization.digest, [grants[0].id.hex()])
    assert not isinstance(fetched.results[0], FetchRefused)
    assert fetched.results[0].release == release


def test_one_subject_without_a_score_and_the_whole_job_is_run(site: Inside) -> None:
    papers = agree(site)
    grants, release = scored(site, papers)
    ids = [grant.id for grant in (*grants, *consents(site, papers, 1))]
    digest = ask(site, papers, ids)
    assert site.endpoint("partner").job(digest).state != "done"
    again = Cast(site).catch_up()
    again.play(lambda: site.endpoint("partner").job(digest).state == "done")
    assert release not in site.endpoint("partner").job(digest).releases


def test_a_withdrawn_consent_has_nothing_on_the_shelf(site: Inside) -> None:
    papers = agree(site)
    grants, _ = scored(site, papers)
    revocation = Revocation(
        id="withdrawal",
        by="consents",
        target=RevocationTarget.CONSENT,
        digests=(grants[0].commitment,),
        reason=both("withdrawn"),
        at="2026-06-01T00:00:00Z",
    )
    site.endpoint("consents").post_document(signed(revocation, "consents"))
    digest = ask(site, papers, [grants[0].id, grants[1].id])
    assert site.endpoint("partner").job(digest).state != "done"


def test_another_mode_is_another_question(site: Inside) -> None:
    papers = agree(site)
    grants, _ = scored(site, papers)
    ids = [grant.id for grant in grants]
    assert site.endpoint("partner").job(ask(site, papers, ids, mode="bfv")).state != "done"


def test_waiting_for_a_job_ends_when_it_moves_and_not_before(site: Inside) -> None:
    papers = agree(site)
    ids = [grant.id for grant in consents(site, papers, 2)]
    digest = ask(site, papers, ids)
    endpoint = site.endpoint("partner")
    steps = len(endpoint.job(digest).progress)
    started = time.monotonic()
    assert len(endpoint.job(digest, wait=1, steps=steps).progress) == steps
    assert time.monotonic() - started >= 0.9
    endpoint.cancel_job(digest)
    started = time.monotonic()
    assert endpoint.job(digest, wait=20, steps=steps).state == "cancelled"
    assert time.monotonic() - started < 10
    with pytest.raises(NotFound):
        site.endpoint("consents").job(digest, wait=20)


def test_a_mailbox_brings_nothing_its_reader_could_not_ask_for(site: Inside) -> None:
    papers = agree(site)
    ids = [grant.id for grant in consents(site, papers, 2)]
    cast = Cast(site).catch_up()
    digest = ask(site, papers, ids)
    cast.play(lambda: site.endpoint("partner").job(digest).state == "keys")
    subjects = hashlib.sha256(b"".join(ids)).hexdigest()
    member, gate = cast.enclaves[0], cast.gate
    for reader in (member, gate):
        site.endpoint(reader.name).receive(reader.seen)
    # The list was shared with the enclaves of the roster; the gate, which knows slots alone, is brought none.
    assert site.endpoint(member.name).enclosed.content(subjects) == b"".join(ids)
    assert site.endpoint(gate.name).enclosed.content(subjects) is None
    with pytest.raises(NotFound):
        site.endpoint(gate.name).get_attachment(subjects)
    # The same rule beneath the table of topics: no message makes it give content to others.
    stranger = site.trust.party("insurer")
    assert stranger is not None
    with site.district.database.read() as connection:
        enclosing = Enclosing(site.district, connection, stranger)
        with pytest.raises(Missing):
            enclosing.content([subjects])
        assert enclosing.to_json()["content"] == []
