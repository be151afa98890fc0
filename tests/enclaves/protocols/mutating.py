"""Mutants of bytes for the fuzz runs: flips, overwritten and zeroed runs, cuts, repeats and spliced lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Dice = np.random.Generator


def _flip(data: bytearray, dice: Dice) -> None:
    for position in dice.integers(0, len(data), int(dice.integers(1, 4))):
        data[position] ^= 1 << int(dice.integers(8))


def _overwrite(data: bytearray, dice: Dice) -> None:
    at, size = int(dice.integers(0, len(data))), int(dice.integers(1, 64))
    data[at : at + size] = dice.bytes(len(data[at : at + size]))


def _zero(data: bytearray, dice: Dice) -> None:
    at, size = int(dice.integers(0, len(data))), int(dice.integers(1, 4096))
    data[at : at + size] = bytes(len(data[at : at + size]))


def _head(data: bytearray, dice: Dice) -> None:
    """Bytes of the headers, where lengths and parameters stand."""
    for position in dice.integers(0, min(160, len(data)), int(dice.integers(1, 4))):
        data[position] = int(dice.integers(256))


def _cut(data: bytearray, dice: Dice) -> None:
    del data[int(dice.integers(0, len(data))) :]


def _remove(data: bytearray, dice: Dice) -> None:
    at = int(dice.integers(0, len(data)))
    del data[at : at + int(dice.integers(1, 64))]


def _repeat(data: bytearray, dice: Dice) -> None:
    at = int(dice.integers(0, len(data)))
    data[at:at] = data[at : at + int(dice.integers(1, 64))]


def _move(data: bytearray, dice: Dice) -> None:
    """A run copied over another, length kept."""
    size = int(dice.integers(1, 1024))
    source, target = (int(dice.integers(0, max(1, len(data) - size))) for _ in range(2))
    data[target : target + size] = data[source : source + size]


_KINDS: tuple[Callable[[bytearray, Dice], None], ...] = (
    _flip,
    _overwrite,
    _zero,
    _head,
    _cut,
    _remove,
    _repeat,
    _move,
)


def mutants(data: bytes, *, count: int, seed: int) -> Iterator[bytes]:
    """`count` byte strings that differ from `data`, the same for the same seed; every kind equally often."""
    dice = np.random.default_rng(seed)
    made = 0
    while made < count:
        mutant = bytearray(data)
        _KINDS[made % len(_KINDS)](mutant, dice)
        if mutant != data:
            made += 1
            yield bytes(mutant)
