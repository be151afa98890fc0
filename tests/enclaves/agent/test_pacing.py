"""An answer and a refusal that may depend on rows leave at the end of a whole second of work."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from enclaves.agent.agent import Agent
from enclaves.agent.pacing import refusing_in_time, wait_out
from enclaves.run.errors import RunRefused
from enclaves.run.process import Mailbox
from tests.enclaves.agent.district import found, inline
from tests.enclaves.agent.figures import BANDS


def test_what_took_part_of_a_second_waits_for_the_rest() -> None:
    slept: list[float] = []
    wait_out(time.monotonic(), slept.append)
    wait_out(time.monotonic() - 1.5, slept.append)
    assert 0 < slept[0] <= 1.0
    assert 0 <= slept[1] <= 0.5


def test_a_refusal_at_once_waits_like_an_answer() -> None:
    slept: list[float] = []
    with pytest.raises(RunRefused, match="expected"), refusing_in_time(slept.append):
        raise RunRefused("too_few_persons", "expected ten, got fewer")
    assert len(slept) == 1
    assert 0 < slept[0] <= 1.0


def test_what_is_not_refused_is_not_held_up() -> None:
    slept: list[float] = []
    with refusing_in_time(slept.append):
        pass
    assert slept == []


def test_an_enclave_waits_before_it_sends_a_vector(tmp_path: Path) -> None:
    district = found(tmp_path, ("hospital",))
    domain = district.domains["hospital"]
    sent_before: list[int] = []

    def sleep(seconds: float) -> None:
        assert 0 <= seconds <= 1.0
        sent_before.append(len(district.relay.said("contribution")))

    house = replace(domain.house, sleep=sleep)
    agent = Agent(house, inline)
    domain.mailbox = Mailbox(house.wire, house.durable, agent.take)
    district.run(
        district.asked("SELECT band, COUNT(*) AS n FROM {table} GROUP BY band", groups=[(b,) for b in BANDS])
    )
    assert sent_before == [0]
    assert len(district.relay.said("contribution")) == 1
