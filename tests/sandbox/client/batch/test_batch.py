"""A batch end to end at the real coordinator: every subject gets one row, nobody is scored or paid for twice."""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Refused
from policies.documents.authorization import Limits
from policies.documents.halts import Revocation, RevocationTarget
from sandbox.client.batch.scoring import score_batch
from sandbox.client.batch.steps import BatchStep, Happened
from sandbox.client.errors import InputMalformed
from tests.sandbox.client.batch.stage import BAND, Stage, outcomes, rows, stage_in
from tests.sandbox.kit import both, key_of
from tests.sandbox.papers import consents

NOT_THERE = "ab" * 16


@pytest.mark.req("RQ-317")
def test_every_subject_gets_a_row_and_each_slice_is_one_job(stage: Stage) -> None:
    ids = stage.granted(12)
    order = stage.order(ids, "all")

    steps = stage.run(order)

    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    assert {row["bands"] for row in rows(order.out)} == {"4"}
    assert stage.jobs() == {"done": 3}
    assert stage.billed() == stage.received() == 12
    last = steps[-1]
    assert last.happened is Happened.DONE
    assert (last.totals.slices, last.totals.slices_done, last.totals.scored) == (3, 3, 12)
    told = [result.consent for step in steps for result in step.results]
    assert told == [row["consent"] for row in rows(order.out)]
    assert [told[start : start + 5] for start in range(0, 12, 5)] == [
        ids[start : start + 5] for start in range(0, 12, 5)
    ]


class NothingMoves(Exception):
    """Raised where a batch would rest."""


def test_no_more_jobs_are_under_way_than_allowed(stage: Stage) -> None:
    def rest(_: float) -> None:
        raise NothingMoves

    order = stage.order(stage.granted(20), "few", ahead=2)

    with pytest.raises(NothingMoves):
        list(score_batch(stage.insurer(), order, pause=rest))

    # Nobody computes, so no job can end; two slices of four wait for theirs.
    assert sum(stage.jobs().values()) == 2


def test_a_job_of_a_batch_shows_each_of_its_steps(stage: Stage) -> None:
    order = stage.order(stage.granted(5), "shown")

    steps = stage.run(order)

    job = next(step.job for step in steps if step.job is not None)
    told = [step.step for step in stage.site.endpoint("insurer").job(job).progress]
    assert told == [
        "submitted", "awaiting-intent", "keys", "transcripts", "contributions", "opening", "awaiting-outcome",
        "handover", "done",
    ]  # fmt: skip
    moved = [step.state for step in steps if step.happened is Happened.MOVED]
    assert moved
    assert set(moved) <= set(told)


def test_stored_scores_are_fetched_and_not_scored_again(stage: Stage) -> None:
    ids = stage.granted(12)
    stage.run(stage.order(ids[:7], "first"))
    before = stage.jobs()
    order = stage.order(ids, "second")

    stage.run(order)

    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    # Slices of five: the first is all stored, of the second three are not, the third is not at all.
    assert stage.jobs() - before == {"done": 2}
    with stage.site.district.database.read() as connection:
        slots = connection.exec_driver_sql("SELECT slots FROM jobs ORDER BY submitted_at").scalars().all()
    assert slots == [5, 2, 3, 2]


def test_a_finished_batch_asked_for_again_asks_the_coordinator_for_nothing(stage: Stage) -> None:
    order = stage.order(stage.granted(6), "again")
    stage.run(order)
    before, billed = order.out.read_bytes(), stage.billed()

    steps = stage.run(order)

    assert [step.happened for step in steps] == [Happened.RESUMED, Happened.DONE]
    assert (order.out.read_bytes(), stage.billed()) == (before, billed)


def test_the_refused_are_written_with_their_code(stage: Stage) -> None:
    ids = stage.granted(6)
    withdrawn = withdraw(stage)
    order = stage.order([*ids[:3], NOT_THERE, *ids[3:], withdrawn], "refused")

    stage.run(order)

    assert outcomes(order.out) == {
        **dict.fromkeys(ids, BAND),
        NOT_THERE: "consent_missing",
        withdrawn: "consent_withdrawn",
    }
    assert stage.billed() == stage.received() == 6


def test_whoever_expires_before_the_batch_is_written_as_expired(stage: Stage) -> None:
    ids = stage.granted(3)
    stage.site.offset = 2 * 86400.0
    order = stage.order(ids, "expired", page=1)

    stage.run(order)

    assert set(outcomes(order.out).values()) == {"consent_expired"}
    assert stage.jobs() == Counter()


def test_whom_an_enclave_does_not_accept_is_written_as_not_scored(stage: Stage) -> None:
    ids = stage.granted(5)
    stage.cast.enclaves[0].rejects = frozenset({1, 4})
    order = stage.order(ids, "rejected")

    stage.run(order)

    expected = dict.fromkeys(ids, BAND) | dict.fromkeys((ids[1], ids[4]), "score_not_found")
    assert outcomes(order.out) == expected


def test_when_no_fetches_are_left_the_rest_is_written_so_and_nobody_is_scored_in_vain(tmp_path: Path) -> None:
    with stage_in(tmp_path, limits=Limits(vet_jobs=10, score_jobs=100, fetches=7)) as stage:
        ids = stage.granted(20)
        order = stage.order(ids, "quota", ahead=1)

        stage.run(order)

        # Pages of two: seven fetches are three pages, and one more of a single subject (the fifth of slice 0).
        told = outcomes(order.out)
        assert set(told) == set(ids)
        assert Counter(told.values()) == {BAND: 7, "quota_exhausted": 13}
        assert stage.billed() == stage.received() == 7
        assert stage.jobs() == {"done": 2}


def test_a_job_that_policy_refuses_stops_the_batch_and_other_slices_stay(tmp_path: Path) -> None:
    with stage_in(tmp_path, limits=Limits(vet_jobs=10, score_jobs=2, fetches=1000)) as stage:
        ids = stage.granted(20)
        order = stage.order(ids, "stopped")
        steps: list[BatchStep] = []

        with pytest.raises(Refused) as refused:
            steps.extend(stage.steps(order))

        assert refused.value.problem.change["en"]
        assert refused.value.problem.reason["zh"]
        stopped = [step for step in steps if step.happened is Happened.STOPPED]
        assert [step.slice for step in stopped] == [2]
        assert outcomes(order.out) == dict.fromkeys(ids[:10], BAND)
        assert stage.jobs() == {"done": 2, "refused": 1}


def test_a_job_that_an_enclave_refuses_is_drawn_anew_by_the_same_order(stage: Stage) -> None:
    ids = stage.granted(15)
    order = stage.order(ids, "healed")
    stage.cast.enclaves[1].refuse_plan = "consent_missing"
    with pytest.raises(Refused, match="consent_missing"):
        stage.run(order)
    assert outcomes_or_none(order.out) == {}
    stage.cast.enclaves[1].refuse_plan = None

    stage.run(order)

    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    assert stage.jobs()["done"] == 3
    assert stage.billed() == stage.received() == 15


def outcomes_or_none(path: Path) -> dict[str, str]:
    return outcomes(path) if path.exists() else {}


def test_a_job_that_fails_is_drawn_anew_by_the_same_order(stage: Stage) -> None:
    order = stage.order(stage.granted(5), "late")
    stage.frozen = True
    steps = stage.steps(order)
    assert [next(steps).happened for _ in range(4)][-1] is Happened.WRITTEN
    assert next(steps).happened is Happened.SUBMITTED
    stage.site.offset = 13 * 3600.0
    stage.site.tick()
    with pytest.raises(Refused, match="job_expired"):
        list(steps)
    stage.frozen = False

    stage.run(order)

    assert len(outcomes(order.out)) == 5
    assert stage.jobs() == {"failed": 1, "done": 1}


def test_an_authorization_of_another_recipient_is_refused_before_anything_is_written(stage: Stage) -> None:
    order = stage.order(stage.granted(2), "none")
    insurer = stage.insurer()
    with pytest.raises(InputMalformed, match="slice"):
        insurer.score_batch(stage.authorization, order.subjects, order.out, slice_size=0)
    with pytest.raises(InputMalformed, match="other than the subject file"):
        insurer.score_batch(stage.authorization, order.subjects, order.subjects)
    assert not order.out.exists()


def test_consents_in_force_are_those_that_stand(stage: Stage) -> None:
    ids = stage.granted(3)
    withdraw(stage)
    assert sorted(stage.insurer().consents_in_force(stage.authorization)) == sorted(ids)


def withdraw(stage: Stage) -> str:
    """A consent that was granted and withdrawn."""
    (grant,) = consents(stage.site, stage.papers, 1)
    revocation = Revocation(
        id=f"revocation-{secrets.token_hex(4)}",
        target=RevocationTarget.CONSENT,
        digests=(grant.commitment,),
        by="consents",
        reason=both("withdrawn"),
        at="2026-11-24T00:00:00Z",
    )
    stage.site.endpoint("consents").post_document(revocation.envelope(key_of("consents")))
    return grant.id.hex()
