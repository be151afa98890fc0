"""A statistical audit: what somebody who sees the answers could prove about the privacy loss, against what is claimed.

Two neighboring data sets are released many times over, each cell of one wide vector a run of its own. Whatever event
tells the two apart best, its likelihood ratio with Clopper-Pearson limits gives a lower bound of ε at δ that holds but once
in a million; it may not pass the ε that the rho stands for. The naive ways are audited by the same test, and fail it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from enclaves.agent.budget import PrivacyLedger
from enclaves.noise.gaussian import draw
from enclaves.noise.skellam import draw_skellam
from enclaves.run.durable import Durable
from policies.privacy.shares import Kind, Sensitivity, share
from policies.privacy.zcdp import epsilon, variance

DELTA = Fraction(1, 1000)
ERROR = 1e-6
RHO = Fraction(1, 10)
Answers = NDArray[np.int64]
Mechanism = Callable[[int, int], Answers]
"""The answers of so many runs on the data set with this count."""


def provable_epsilon(without: Answers, having: Answers) -> float:
    """The largest lower bound of ε that any event proves, at confidence 1 - ERROR over all of them together."""
    runs = len(without)
    thresholds = np.unique(
        np.quantile(np.concatenate([without, having]), np.linspace(0, 1, 101)).astype(np.int64)
    )
    events: list[Callable[[Answers], NDArray[np.bool_]]] = [
        *(lambda x, t=t: x >= t for t in thresholds),
        *(lambda x, t=t: x < t for t in thresholds),
        # Noise on a coarser grid than the values shows nothing to a threshold and everything to a remainder.
        *(lambda x, r=r: x % 2 == r for r in (0, 1)),
    ]
    level, best = ERROR / (4 * len(events)), 0.0
    for event in events:
        hits = int(event(without).sum()), int(event(having).sum())
        for seen, mistaken in (hits, hits[::-1]):
            least = stats.beta.ppf(level, seen, runs - seen + 1) if seen else 0.0
            most = stats.beta.ppf(1 - level, mistaken + 1, runs - mistaken) if mistaken < runs else 1.0
            if least > DELTA:
                best = max(best, math.log((least - float(DELTA)) / most))
    return best


def audit(mechanism: Mechanism, runs: int) -> float:
    return provable_epsilon(mechanism(0, runs), mechanism(1, runs))


def released(path: Path) -> Mechanism:
    """The whole way: ledger, noise and store."""
    ledger = PrivacyLedger(Durable(path), bytes(32))

    def run(count: int, runs: int) -> Answers:
        return ledger.release(
            f"count {count}", "s", scenario="sc", universe=str(count), rho=Fraction(1, 20),
            exact=np.full(runs, count, dtype=np.int64), sigma2=variance(1, RHO), now=1_800_000_000, draw=draw,
        )  # fmt: skip

    return run


def shared(parties: int, rho: Fraction) -> Mechanism:
    """The noise of the honest parties alone, as the colluding ones see it."""
    found = share(Sensitivity(1, 1, 1), rho=rho, parties=parties)
    sampler = draw if found.kind is Kind.GAUSSIAN else draw_skellam

    def run(count: int, runs: int) -> Answers:
        noise = [sampler(found.variance, runs) for _ in range(found.honest)]
        return count + np.sum(noise, axis=0, dtype=np.int64)

    return run


def too_little(count: int, runs: int) -> Answers:
    """Naive: the noise of four times the rho that is claimed."""
    return count + draw(variance(1, 16 * RHO), runs)


def averaged(count: int, runs: int) -> Answers:
    """Naive: fresh noise for every repetition of a query, the same query asked thirty times."""
    return count * 30 + np.sum([draw(variance(1, RHO), runs) for _ in range(30)], axis=0, dtype=np.int64)


def coarse(count: int, runs: int) -> Answers:
    """Naive: plenty of noise, but on a coarser grid than the values, as floating-point noise has it at scale."""
    return count + 2 * draw(variance(1, RHO), runs)


def test_what_the_ledger_releases_is_as_private_as_claimed(tmp_path: Path) -> None:
    assert audit(released(tmp_path / "a.sqlite"), 20_000) <= epsilon(RHO, DELTA)


@pytest.mark.parametrize(("parties", "rho"), [(3, RHO), (12, Fraction(1, 2))])
def test_shared_noise_is_as_private_as_claimed(parties: int, rho: Fraction) -> None:
    assert audit(shared(parties, rho), 3_000) <= epsilon(rho, DELTA, whole_orders=True)


@pytest.mark.parametrize("naive", [too_little, averaged, coarse])
def test_the_audit_convicts_the_naive_ways(naive: Mechanism) -> None:
    assert audit(naive, 3_000) > epsilon(RHO, DELTA)


@pytest.mark.long
@pytest.mark.parametrize("rho", ["0.02", "0.1", "0.5", "1"])
def test_a_hundred_thousand_runs_prove_no_more_than_claimed(rho: str) -> None:
    def run(count: int, runs: int) -> Answers:
        return count + draw(variance(1, Fraction(rho)), runs)

    found = audit(run, 100_000)
    assert found <= epsilon(Fraction(rho), DELTA)
    # And the audit is no formality: it proves a good part of it.
    assert found > epsilon(Fraction(rho), DELTA) / 4


@pytest.mark.long
@pytest.mark.parametrize(
    ("parties", "rho", "runs"), [(3, "0.1", 100_000), (12, "0.5", 20_000), (50, "0.1", 10_000)]
)
def test_many_runs_of_shared_noise_prove_no_more_than_claimed(parties: int, rho: str, runs: int) -> None:
    assert audit(shared(parties, Fraction(rho)), runs) <= epsilon(Fraction(rho), DELTA, whole_orders=True)
