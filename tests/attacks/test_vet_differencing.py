"""Vetting as an oracle: two cohorts that differ by one person tell that person's band through rounded counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from enclaves.agent.cohorts import MIN_DIFFERENCE, Cohorts
from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from enclaves.run.rounding import rounded_count

BAND_OF_THE_TARGET = 2


def counts(bands: list[int]) -> list[int]:
    return [rounded_count(bands.count(band)) for band in range(4)]


def test_the_naive_enclave_counts_any_list_and_tells_the_band() -> None:
    """The attacker pads each band to an edge of the rounding with people whose band it knows."""
    padded = [0] * 12 + [1] * 12 + [2] * 12 + [3] * 12
    without, with_target = counts(padded), counts([*padded, BAND_OF_THE_TARGET])
    moved = [band for band in range(4) if without[band] != with_target[band]]
    assert moved == [BAND_OF_THE_TARGET]


def persons(count: int, *, start: int = 0) -> np.ndarray:
    numbers = np.arange(start, start + count, dtype=np.uint64)
    return np.column_stack([numbers * np.uint64(7919), numbers])


@pytest.mark.req("RQ-309")
def test_a_cohort_a_few_persons_away_is_refused_and_an_equal_one_is_not(tmp_path: Path) -> None:
    cohorts = Cohorts(Durable(tmp_path / "state.sqlite"))
    cohorts.keep("job-1", persons(200))
    cohorts.keep("job-2", persons(200)[::-1])
    for close in (persons(199), persons(201), persons(200, start=MIN_DIFFERENCE // 2 - 1)):
        with pytest.raises(RunRefused, match="differs by 50 persons"):
            cohorts.keep("job-3", close)
    cohorts.keep("job-4", persons(200, start=MIN_DIFFERENCE // 2))


def test_what_was_counted_is_remembered_over_a_restart(tmp_path: Path) -> None:
    Cohorts(Durable(tmp_path / "state.sqlite")).keep("job-1", persons(100))
    with pytest.raises(RunRefused):
        Cohorts(Durable(tmp_path / "state.sqlite")).keep("job-2", persons(99))
