"""The clock of one party runs a whole session; how long it takes is not asserted."""

from __future__ import annotations

import pytest

from enclaves.bench.aggregation import measure
from enclaves.protocols.recovery.errors import RecoveryRefused


def test_the_whole_step_is_timed_and_the_total_holds_every_part() -> None:
    clock = measure(4, 100, rounds=1)
    assert (clock.parties, clock.values, clock.rounds) == (4, 100, 1)
    parts = (clock.keys, clock.shares, clock.vector, clock.unmask)
    assert all(part > 0 for part in parts)
    assert clock.total == pytest.approx(sum(parts))


def test_a_roster_without_recovery_is_not_measured() -> None:
    with pytest.raises(RecoveryRefused):
        measure(3, 100, rounds=1)
