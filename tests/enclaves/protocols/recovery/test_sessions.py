"""Two thousand sessions under every script of the table; `make long` plays 100,000 in slices of their own seeds.

`DOMICILE_SECAGG_SLICES=12:20` takes only those slices, so that a run can be resumed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.mischief import TABLE, run
from tests.enclaves.protocols.recovery.simulator import Coordinator, Verdict

SMALL = 2_000
SLICES, SLICE = 100, 1_000
FIRST_SEED = 20_261_124
SCRIPTS = list(TABLE)


def play(first: int, sessions: int) -> Counter[tuple[str, Verdict]]:
    """Sessions of consecutive seeds, the scripts in turn."""
    ended: Counter[tuple[str, Verdict]] = Counter()
    for seed in range(first, first + sessions):
        name = SCRIPTS[seed % len(SCRIPTS)]
        ended[name, run(seed, name)] += 1
    return ended


def check_ended(ended: Counter[tuple[str, Verdict]], sessions: int) -> None:
    assert sum(ended.values()) == sessions
    assert {name for name, _ in ended} == set(TABLE)
    # What may end either way must do both, or the script tries nothing.
    split = "splits the survivors"
    assert ended[split, Verdict.EXACT] > 0 < ended[split, Verdict.REFUSED]


@pytest.mark.parametrize("part", range(4))
def test_every_session_ends_with_the_exact_sum_of_the_survivors_or_with_a_refusal(part: int) -> None:
    check_ended(play(FIRST_SEED + part * SMALL // 4, SMALL // 4), SMALL // 4)


def chosen_slices() -> range:
    first, _, end = os.environ.get("DOMICILE_SECAGG_SLICES", f"0:{SLICES}").partition(":")
    return range(int(first), int(end or int(first) + 1))


@pytest.mark.long
@pytest.mark.parametrize("number", chosen_slices())
def test_every_session_ends_as_it_must_in_a_hundred_thousand(number: int) -> None:
    first = FIRST_SEED + SMALL + number * SLICE
    print(f"slice {number} of {SLICES}, seeds from {first}, {SLICE} sessions")
    check_ended(play(first, SLICE), SLICE)


def test_the_table_has_at_least_fifteen_kinds_of_misbehavior_that_must_be_noticed() -> None:
    assert sum(line.ends == {Verdict.REFUSED} for line in TABLE.values()) >= 15


@pytest.mark.parametrize("name", ["nothing", "splits the survivors", "counts a party as gone"])
def test_fifty_parties(name: str) -> None:
    run(7, name, parties=50)


def test_an_honest_session_is_replayed_by_its_seed() -> None:
    ends = []
    for _ in range(2):
        world = simulator.world_of(11)
        Coordinator(world).play()
        assert simulator.judge(world) is Verdict.EXACT
        ends.append((world.opened[0].total.tolist(), world.opened[0].survivors, world.answers))
    assert ends[0] == ends[1]


def test_the_observer_would_notice_both_kinds_of_share() -> None:
    """A test of the tests: answers to two sets of survivors, as a naive party gives them, do not pass the observer."""
    world = simulator.world_of(5, parties=4, crashing=False)
    Coordinator(world).play()
    target = world.honest[0]
    world.answers += [
        replace(a, of_self_masks={}, of_mask_seeds={target: a.of_self_masks[target]}) for a in world.answers
    ]
    with pytest.raises(AssertionError):
        simulator.judge(world)
