"""Taking jobs in: whatever is not a score or vet job under its papers is refused with a reason, logged, and never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.log.entry import EntryType
from sandbox.store.tables import jobs
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import Papers, agree, consents


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("intake"))) as site:
        yield site


@pytest.fixture(scope="module")
def papers(site: Inside) -> Papers:
    return agree(site)


def submit(
    site: Inside, papers: Papers, ids: list[bytes], *, put: bytes | None = None, **changes: object
) -> str:
    data = b"".join(ids) if put is None else put
    site.endpoint("partner").put_attachment(data)
    job = papers.job(ids, **changes).envelope(key_of("partner"))
    return site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest).job


def fresh(site: Inside, papers: Papers, count: int = 2) -> list[bytes]:
    return [grant.id for grant in consents(site, papers, count)]


@pytest.mark.req("RQ-169", "RQ-310")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"job_kind": "export"}, "raw_export"),
        ({"sql": "select * from visits"}, "raw_export"),
        ({"recipient": "other-insurer"}, None),
        ({"recipient": "operator"}, None),
        ({"purpose": "marketing"}, None),
        ({"model": "ab" * 32}, None),
        ({"scenario": "ab" * 32}, None),
        ({"authorization": "ab" * 32}, None),
    ],
)
def test_a_job_outside_its_papers_is_refused_and_logged(
    site: Inside, papers: Papers, changes: dict[str, object], code: str | None
) -> None:
    ids, size = fresh(site, papers), site.log_size()
    with pytest.raises(Refused) as refused:
        submit(site, papers, ids, **changes)  # type: ignore[arg-type]  # members of a job
    problem = refused.value.problem
    assert code is None or problem.code == code
    assert problem.policy
    assert set(problem.reason) == set(problem.change) == {"zh", "en"}
    [entry] = [e for e in site.entries(size) if e.type is EntryType.REFUSAL]
    assert (entry.actor, entry.facts["code"]) == ("partner", problem.code)
    assert not [e for e in site.entries(size) if e.type is EntryType.INTENT]


@pytest.mark.req("RQ-299")
def test_a_job_over_people_who_did_not_consent_is_refused(site: Inside, papers: Papers) -> None:
    with pytest.raises(Refused):
        submit(site, papers, [b"a" * 16, b"b" * 16])


def test_a_subject_list_that_is_not_the_signed_one_is_refused(site: Inside, papers: Papers) -> None:
    ids, before = fresh(site, papers), site.count(jobs)
    with pytest.raises(NotFound):
        submit(site, papers, ids, put=b"other bytes")
    subjects = papers.job(ids).subjects
    with pytest.raises(Malformed, match="consent ids"):
        submit(site, papers, ids, subjects={"count": 3, "sha256": subjects.sha256})
    with pytest.raises(Malformed, match="twice"):
        submit(site, papers, [ids[0], ids[0]])
    assert site.count(jobs) == before


def test_a_subject_list_somebody_else_put_is_not_the_submitters(site: Inside, papers: Papers) -> None:
    ids = fresh(site, papers)
    site.endpoint("insurer").put_attachment(b"".join(ids), audience=["partner"])
    job = papers.job(ids).envelope(key_of("partner"))
    with pytest.raises(NotFound):
        site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest)


def test_a_job_is_submitted_by_its_submitter_with_its_signature(site: Inside, papers: Papers) -> None:
    ids = fresh(site, papers)
    site.endpoint("partner").put_attachment(b"".join(ids))
    job = papers.job(ids)
    with pytest.raises(Malformed, match="submitter"):
        site.endpoint("insurer").submit_job(job.envelope(key_of("partner")), scenario=job.scenario)
    with pytest.raises(Refused):
        site.endpoint("partner").submit_job(job.envelope(key_of("insurer")), scenario=job.scenario)


def test_the_same_job_again_is_the_same_job(site: Inside, papers: Papers) -> None:
    ids = fresh(site, papers)
    site.endpoint("partner").put_attachment(b"".join(ids))
    job = papers.job(ids).envelope(key_of("partner"))
    first = site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest)
    rows, size = site.count(jobs), site.log_size()
    assert site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest) == first
    assert (site.count(jobs), site.log_size()) == (rows, size)
