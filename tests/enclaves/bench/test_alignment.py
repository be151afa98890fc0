"""The alignment's figures are of a pipeline that ran and joined the whole set; no time is asserted."""

import pytest

from enclaves.bench.alignment import measure


def test_every_step_has_a_rate_and_the_slower_one_is_the_departments() -> None:
    rates = measure(150, repeats=1)
    assert rates.ids == 150
    assert min(rates.bring, rates.pass_on, rates.deliver, rates.join) > 0
    assert rates.pipeline == min(rates.bring, rates.pass_on)


@pytest.mark.parametrize(("ids", "repeats"), [(0, 1), (1_000_001, 1), (10, 0)])
def test_a_size_that_is_no_job_is_refused(ids: int, repeats: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1000000 ids"):
        measure(ids, repeats=repeats)
