"""Ended anywhere and begun again, a batch loses no row, scores nobody twice and pays for nothing twice."""

from __future__ import annotations

import random

import pytest

from sandbox.client.batch.steps import Happened
from sandbox.client.errors import BatchBusy, PageUnsettled
from tests.sandbox.client.batch.crashes import Fuse, Killed, lay_fuse
from tests.sandbox.client.batch.stage import BAND, Stage, outcomes


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> Fuse:
    return lay_fuse(monkeypatch, stage)


@pytest.mark.req("RQ-317")
def test_a_batch_that_dies_again_and_again_ends_as_one_that_never_did(stage: Stage, fuse: Fuse) -> None:
    rng = random.Random(1)
    ids = stage.granted(11)
    order = stage.order(ids, "mortal", slice_size=6, page=3)
    deaths = 0
    while True:
        fuse.arm(rng.randint(1, 12), torn=rng.random() < 0.5)
        try:
            stage.run(order)
            break
        except Killed:
            deaths += 1
            assert deaths < 100, "expected every run to come a little further"

    assert deaths >= 5
    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    assert stage.jobs() == {"done": 2}
    assert stage.billed() == stage.received() == len(ids)


@pytest.mark.long
@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
def test_a_batch_that_dies_once_at_each_of_its_acts_ends_as_one_that_never_did(
    stage: Stage, fuse: Fuse, torn: bool
) -> None:
    at = 0
    while True:
        at += 1
        ids = stage.granted(3)
        order = stage.order(ids, f"mortal-{at}", slice_size=3)
        fuse.arm(at, torn=torn)
        try:
            stage.run(order)
            break
        except Killed:
            fuse.arm(0)
            stage.run(order)
        assert outcomes(order.out) == dict.fromkeys(ids, BAND)
        assert stage.jobs() == {"done": at}
        assert stage.billed() == stage.received() == 3 * at
    assert at > 18


def test_a_page_whose_answer_may_be_forgotten_is_not_asked_for_again_unless_told(
    stage: Stage, fuse: Fuse
) -> None:
    ids = stage.granted(2)
    order = stage.order(ids, "unsettled")
    # Begun, asking, fetch, written; drawn, job, submitted; asking, fetch: its answer is lost.
    fuse.arm(9)
    with pytest.raises(Killed):
        stage.run(order)
    fuse.arm(0)
    assert stage.billed() == 2
    stage.site.offset = 23.5 * 3600

    with pytest.raises(PageUnsettled, match="within 23 hours"):
        stage.run(order)
    stage.run(stage.order(ids, "unsettled", again=True))

    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    # Half an hour before the coordinator forgets, the first answer is still there.
    assert stage.billed() == stage.received() == 2


def test_a_batch_goes_on_at_a_coordinator_that_was_started_again(stage: Stage) -> None:
    ids = stage.granted(8)
    order = stage.order(ids, "restarted")
    for step in stage.steps(order):
        if step.happened is Happened.SUBMITTED:
            break
    stage.site.restart()

    stage.run(order)

    assert outcomes(order.out) == dict.fromkeys(ids, BAND)
    assert stage.jobs() == {"done": 2}


def test_two_processes_do_not_run_one_batch(stage: Stage) -> None:
    order = stage.order(stage.granted(2), "twice")
    steps = stage.steps(order)
    next(steps)

    with pytest.raises(BatchBusy):
        next(stage.steps(order))
