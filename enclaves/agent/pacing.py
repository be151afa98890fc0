"""The pace of what depends on rows: it leaves at the end of a whole second, an answer as well as a refusal (attack A13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from enclaves.run.bucket import release_at


def wait_out(started: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Sleep until what was begun at `started`, a time of `time.monotonic`, may leave."""
    now = time.monotonic()
    sleep(max(0.0, release_at(started, now) - time.monotonic()))


@contextmanager
def refusing_in_time(sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Let an error out of the block no earlier than an answer would leave."""
    started = time.monotonic()
    try:
        yield
    except Exception:
        wait_out(started, sleep)
        raise
