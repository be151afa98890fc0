"""How long the coordinator was away is held against nobody: jobs go on with their time anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.doubles import Cast, Double, cosign_latest
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import Papers, agree, consents

ENDS = {"done", "refused", "failed", "cancelled"}
ABSENCE_S = 300.0
"""Longer than an attempt and a quorum are waited for."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("downtime"))) as site:
        yield site


@pytest.fixture(scope="module")
def papers(site: Inside) -> Papers:
    return agree(site)


@pytest.fixture
def cast(site: Inside) -> Cast:
    """Processes that have read what earlier tests left them."""
    cast = Cast(site)
    for double in everyone(cast):
        while page := site.endpoint(double.name).receive(double.seen):
            double.seen = page[-1].seq
        cosign_latest(site, double.name)
    return cast


def everyone(cast: Cast) -> list[Double]:
    return [*cast.enclaves, cast.gate]


def submitted(site: Inside, papers: Papers) -> str:
    ids = [grant.id for grant in consents(site, papers, 3)]
    site.endpoint("partner").put_attachment(b"".join(ids))
    job = papers.job(ids)
    return site.endpoint("partner").submit_job(job.envelope(key_of("partner")), scenario=job.scenario).job


def play_until(site: Inside, cast: Cast, digest: str, *states: str) -> None:
    for _ in range(50):
        for double in everyone(cast):
            if site.endpoint("partner").job(digest).state in {*states, *ENDS}:
                return
            double.turn()
    raise AssertionError("expected the job to end")


@pytest.mark.parametrize("state", ["awaiting-intent", "contributions", "awaiting-outcome", "handover"])
def test_an_absence_of_the_coordinator_costs_no_attempt(
    site: Inside, papers: Papers, cast: Cast, state: str
) -> None:
    digest = submitted(site, papers)
    play_until(site, cast, digest, state)
    site.offset += ABSENCE_S
    site.restart()
    site.tick()
    assert site.endpoint("partner").job(digest).state == state
    play_until(site, cast, digest)
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt) == ("done", 1)


def test_silence_after_a_restart_counts_as_before(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submitted(site, papers)
    play_until(site, cast, digest, "contributions")
    site.restart()
    site.offset += 30
    site.tick()
    assert site.endpoint("partner").job(digest).attempt == 2
