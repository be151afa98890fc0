"""P: an encrypted number that tells its size beside the ciphertext.

Naive way: phe as shipped encodes floats, and the exponent of the encoding travels in clear. Whoever carries the message tells a
rent of 0.3 from an income of 40,000 without a key. Ours: integers on a declared grid, one length, no exponent.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from enclaves.protocols.paillier import ciphertexts
from tests.enclaves.protocols.paillier.kit import phe_key, small, small_pool

PEOPLE = 2_000
# Each level is some 250 times the one before; which of them a person is on is the secret.
LEVELS = (0.002, 0.5, 128.0, 32_000.0)
GRID = 0.0005


@cache
def people() -> tuple[list[int], list[float]]:
    """Everybody's secret level and amount; invented."""
    dice = random.Random(20261124)
    levels = [dice.randrange(len(LEVELS)) for _ in range(PEOPLE)]
    return levels, [LEVELS[level] * dice.uniform(1.0, 1.9) for level in levels]


def guessed(seen: Sequence[object]) -> float:
    """The share of the second half whose level is guessed right by what the first half taught of what was seen."""
    levels, half = people()[0], PEOPLE // 2
    taught: defaultdict[object, Counter[int]] = defaultdict(Counter)
    for sight, level in zip(seen[:half], levels[:half], strict=True):
        taught[sight][level] += 1
    always = Counter(levels[:half]).most_common(1)[0][0]
    guesses = [taught[sight].most_common(1)[0][0] if sight in taught else always for sight in seen[half:]]
    return float(np.mean(np.array(guesses) == np.array(levels[half:])))


@cache
def naive() -> list[int]:
    """The exponents that travel with phe's numbers."""
    key = phe_key(small())
    # A fixed randomness spares time; the exponent is chosen before it is used.
    return [key.encrypt(amount, r_value=7).exponent for amount in people()[1]]


@cache
def ours() -> list[bytes]:
    return [ciphertexts.encrypt(round(amount / GRID), small_pool()).to_wire() for amount in people()[1]]


def test_the_naive_way_tells_everybodys_level() -> None:
    assert guessed(naive()) == 1.0
    assert len(set(naive())) == len(LEVELS)


def test_ours_tells_no_more_than_the_most_frequent_level() -> None:
    sights: list[Callable[[bytes], object]] = [len, lambda data: data[0], lambda data: data[-1], sum]
    for sight in sights:
        # A quarter by chance; 0.05 is more than three and a half deviations of 1,000 guesses.
        assert guessed([sight(data) for data in ours()]) < 0.25 + 0.05


def test_ours_has_one_length_and_opens_to_the_grid() -> None:
    assert {len(data) for data in ours()} == {small().public.ciphertext_bytes}
    for data, amount in list(zip(ours(), people()[1], strict=True))[:50]:
        opened = ciphertexts.decrypt(small(), ciphertexts.from_wire(small().public, data))
        assert abs(opened * GRID - amount) <= GRID / 2 + 1e-12
