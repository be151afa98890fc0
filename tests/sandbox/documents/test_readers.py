"""Papers of a job are for those it concerns: one insurer does not see what another asks for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from policies.documents.authorization import Scenario
from policies.documents.document import Document
from policies.documents.kinds import KINDS
from policies.documents.trust import Role
from sandbox.documents.readers import OF_A_JOB, OUTSIDERS, may_read


def paper(kind: str, **members: str) -> Document:
    return cast(Document, SimpleNamespace(kind=kind, **members))


def test_the_table_names_kinds_and_members_that_exist() -> None:
    for kind, members in OF_A_JOB.items():
        assert set(members) <= set(KINDS[kind].model_fields)


@pytest.mark.req("RQ-168", "RQ-310")
def test_an_insurer_reads_its_own_jobs_and_no_other() -> None:
    job = paper("job", submitter="partner", recipient="insurer-one")
    assert may_read(job, party="insurer-one", role=Role.INSURER)
    assert may_read(job, party="partner", role=Role.PARTNER)
    assert not may_read(job, party="insurer-two", role=Role.INSURER)


@pytest.mark.parametrize("kind", ["vet-bands", "vet-metrics", "plan", "contribution"])
def test_what_a_vet_job_found_is_not_for_the_partner(kind: str) -> None:
    assert not may_read(paper(kind), party="partner", role=Role.PARTNER)
    assert may_read(paper(kind), party="examiner", role=Role.EXAMINER)


def test_papers_of_the_district_are_for_everybody() -> None:
    for role in OUTSIDERS:
        assert may_read(paper("scenario"), party="anybody", role=role)


def test_a_query_is_for_its_author_and_the_recipients_of_its_scenario() -> None:
    query = paper("query", partner="partner-one")
    scenario = cast(Scenario, SimpleNamespace(recipients=("insurer-one",)))
    assert may_read(query, party="partner-one", role=Role.PARTNER)
    assert not may_read(query, party="partner-two", role=Role.PARTNER)
    assert not may_read(query, party="insurer-one", role=Role.INSURER)
    assert may_read(query, party="insurer-one", role=Role.INSURER, scenario=scenario)
    assert not may_read(query, party="insurer-two", role=Role.INSURER, scenario=scenario)
    assert may_read(query, party="hospital", role=Role.DEPARTMENT)


def test_a_table_is_for_its_recipient_and_what_reviewers_wrote_for_no_outsider() -> None:
    release = paper("table-release", recipient="insurer-one")
    assert may_read(release, party="insurer-one", role=Role.INSURER)
    assert not may_read(release, party="partner", role=Role.PARTNER)
    for role in OUTSIDERS:
        assert not may_read(paper("output-review", reviewer="examiner"), party="anybody", role=role)
    assert may_read(paper("output-review"), party="social", role=Role.DEPARTMENT)
