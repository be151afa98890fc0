"""What averages and spreads will be off by: the promise of 95 % tried out with real noise."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.noise.gaussian import draw
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.outputs import Ratio, deviation_error, mean_error, variance_error

RUNS, ROWS, LARGEST = 4_000, 20_000, 100
RNG = np.random.default_rng(5)
# A person's one row moves the rows by 1, the sum by 100, the sum of squares by 10,000; a third of rho 0.005 for each.
VARIANCES = tuple(Fraction(LARGEST ** (2 * power) * 300) for power in (0, 1, 2))
RATIO = Ratio(VARIANCES[1], VARIANCES[0], Fraction(LARGEST), ROWS)


def noisy(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Rows, sum and sum of squares, `RUNS` times with noise."""
    exact = (float(len(values)), float(values.sum()), float((values**2).sum()))
    return tuple(
        whole + np.asarray(draw(variance, RUNS), dtype=np.float64)
        for whole, variance in zip(exact, VARIANCES, strict=True)
    )


@pytest.mark.parametrize("top", [100.0, 30.0])
def test_the_truth_is_within_the_estimate_95_times_in_100(top: float) -> None:
    values = RNG.uniform(0, top, ROWS)
    rows, total, squares = noisy(values)
    spread = squares / rows - (total / rows) ** 2
    off = {
        mean_error(RATIO): total / rows - values.mean(),
        variance_error(RATIO, VARIANCES[2]): spread - values.var(),
        deviation_error(RATIO, VARIANCES[2]): np.sqrt(np.maximum(spread, 0)) - values.std(),
    }
    for estimate, found in off.items():
        # 4,000 runs tell 95 % to within 1.7 % once in a million.
        assert (np.abs(found) <= estimate).mean() > 0.933


def test_the_estimate_of_a_mean_at_its_bound_is_not_mere_caution() -> None:
    values = np.full(ROWS, float(LARGEST))
    rows, total, _ = noisy(values)
    off = np.abs(total / rows - LARGEST)
    assert (off <= mean_error(RATIO)).mean() > 0.933
    assert (off <= 0.8 * mean_error(RATIO)).mean() < 0.95


def test_larger_cells_have_better_averages() -> None:
    small, large = (Ratio(RATIO.total, RATIO.rows, RATIO.largest, rows) for rows in (100, 10_000))
    assert math.isclose(mean_error(small), 100 * mean_error(large))
    assert math.isclose(variance_error(small, VARIANCES[2]), 100 * variance_error(large, VARIANCES[2]))
    assert math.isclose(deviation_error(small, VARIANCES[2]), 10 * deviation_error(large, VARIANCES[2]))


@pytest.mark.parametrize("change", [{"total": 0}, {"rows": -1}, {"largest": -1}, {"cell_rows": 0}])
def test_what_no_noise_or_cell_can_be_is_refused(change: dict[str, int]) -> None:
    given = {"total": Fraction(1), "rows": Fraction(1), "largest": Fraction(1), "cell_rows": 1}
    with pytest.raises(PrivacyInvalid):
        Ratio(**{**given, **{name: Fraction(value) for name, value in change.items()}})  # type: ignore[arg-type]  # by name
