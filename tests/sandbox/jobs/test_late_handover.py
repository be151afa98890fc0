"""A handover that comes when its run is over: the gate must learn that nothing was taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.problem import Refused
from tests.sandbox.doubles import Cast, Double, cosign_latest
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import Papers, agree, consents


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("late"))) as site:
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


def state(site: Inside, digest: str) -> str:
    return site.endpoint("partner").job(digest).state


def play_until(site: Inside, cast: Cast, digest: str, wanted: str) -> None:
    for _ in range(50):
        for double in everyone(cast):
            if state(site, digest) == wanted:
                return
            double.turn()
    raise AssertionError(f"expected the job to become {wanted}, got {state(site, digest)}")


def test_a_handover_of_a_lost_attempt_is_refused_and_the_next_attempt_succeeds(
    site: Inside, papers: Papers, cast: Cast
) -> None:
    digest = submitted(site, papers)
    play_until(site, cast, digest, "handover")
    # An enclave says it has lost the run while the gate hands over.
    hospital = cast.enclaves[0]
    run = next(m.run for m in reversed(hospital.heard) if m.topic == "plan")
    site.endpoint(hospital.name).send("coordinator", "refusal", {"code": "session_lost"}, run=run)
    assert state(site, digest) == "keys"
    with pytest.raises(Refused, match="run_conflict"):
        cast.gate.turn()
    assert state(site, digest) == "keys"
    play_until(site, cast, digest, "done")
    assert site.endpoint("partner").job(digest).attempt == 2


def test_a_handover_said_again_changes_nothing(site: Inside, papers: Papers, cast: Cast) -> None:
    digest = submitted(site, papers)
    play_until(site, cast, digest, "done")
    status = site.endpoint("partner").job(digest)
    outcome = next(m for m in reversed(cast.gate.heard) if m.topic == "outcome")
    before = site.state()
    cast.gate.handle(outcome)
    assert site.endpoint("partner").job(digest) == status
    assert site.state()["releases"] == before["releases"]
