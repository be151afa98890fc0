"""Killed at any moment, the log has lost nothing it acknowledged and continues where it stood."""

import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from sandbox.log.recovery import check_on_start
from tests.sandbox.log.district import FIRST, District, entry

REPOSITORY = Path(__file__).parents[3]


def crash(database: Path, *, after: float) -> int:
    """Kill the appender `after` seconds from its first acknowledgement; return the last size it acknowledged."""
    command = [sys.executable, "-m", "tests.sandbox.log.appender", str(database)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after)
        # SIGKILL arrives anywhere in an append; what was acknowledged before stands in the pipe.
        process.kill()
        lines = [first, *process.stdout.read().splitlines(keepends=True)]
    return int([line for line in lines if line.endswith("\n")][-1])


def crash_rounds(database: Path, rounds: int, *, seed: int) -> None:
    random = Random(seed)
    for number in range(rounds):
        acknowledged = crash(database, after=random.uniform(0, 0.1))
        district = District(database)
        with district.engine.begin() as connection:
            head = check_on_start(district.log, connection, witnessed=[])
            assert head.size >= acknowledged, f"round {number}, seed {seed}"
            entries = district.log.entries(connection, 0, head.size)
        district.close()
        assert entries[0] == FIRST.to_bytes()
        assert entries[1:] == [entry(index).to_bytes() for index in range(1, head.size)]


def test_nothing_acknowledged_is_lost_in_5_crashes(tmp_path: Path) -> None:
    crash_rounds(tmp_path / "coordinator.db", 5, seed=5)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_in_50_crashes(tmp_path: Path) -> None:
    crash_rounds(tmp_path / "coordinator.db", 50, seed=50)
