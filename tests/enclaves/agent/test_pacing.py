"""A refusal that may depend on rows leaves at the end of a whole second, like an answer."""

from __future__ import annotations

import time

import pytest

from enclaves.agent.pacing import refusing_in_time, wait_out
from enclaves.run.errors import RunRefused


def test_a_refusal_at_once_leaves_after_a_whole_second() -> None:
    started = time.monotonic()
    with pytest.raises(RunRefused, match="expected"), refusing_in_time():
        raise RunRefused("too_few_persons", "expected ten, got fewer")
    assert 1.0 <= time.monotonic() - started < 1.9


def test_what_is_not_refused_is_not_held_up() -> None:
    started = time.monotonic()
    with refusing_in_time():
        pass
    assert time.monotonic() - started < 0.5


def test_work_of_more_than_a_second_leaves_at_the_second_one() -> None:
    started = time.monotonic()
    wait_out(started - 1.5)
    assert 0.5 <= time.monotonic() - started < 1.4
