"""Randomness that a dealer hands to parties before they compute on shares: masks, products of masks, truncations.

Rules:
1. Values are additive shares in Z_2^64: the sum over parties is the value; any set but all of them is uniform.
2. Every party has one keystream (32 fresh bytes, sealed to it, for one run) and the dealer has them all. Uniform words are
   read from it, in the order of the steps. What depends on other words (a product of masks) is uniform for all parties
   but the first, which gets the correction in full.
3. The dealer sees no message of the computation; the parties send those to one another, sealed. INVARIANT: a step's words are
   read once. A key must never be used for a second run.
4. The dealer is the gate. It is trusted not to collude with a domain: with the masks and one domain's incoming messages,
   everything is open. It is trusted to deal correctly: wrong products give wrong results, not rows.

Sources: Beaver 1991 (products from precomputed triples), here for matrices too; truncation with the borrowed top bit as in
Dalskov, Escudero and Keller 2021 ("Fantastic Four"), with r uniform in the whole ring: nothing is hidden only statistically.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols import prg
from enclaves.training.errors import TrainingRefused

Words = NDArray[np.uint64]
Shape = tuple[int, ...]
TOP: np.uint64 = np.uint64(63)


@dataclass(frozen=True, slots=True)
class Masking:
    """Uniform masks for a matrix that many products share as their right side."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Product:
    """Slot by slot, of two vectors."""

    count: int


@dataclass(frozen=True, slots=True)
class Truncation:
    """Division of a vector by 2^bits."""

    count: int
    bits: int


@dataclass(frozen=True, slots=True)
class Cross:
    """S'X of a matrix S [rows, columns] with the masked matrix X."""

    rows: int
    columns: int


Step = Masking | Product | Truncation | Cross


class Stream:
    """A keystream read front to back, each word once."""

    def __init__(self, key: bytes) -> None:
        prg.check_key(key)
        self._key = key
        self._at = 0

    def take(self, shape: Shape) -> Words:
        """The next words, in this shape."""
        count = int(np.prod(shape))
        words = prg.words(self._key, start=self._at, count=count)
        self._at += count
        return words.reshape(shape)


class Hand:
    """What one party was dealt. The first party's dependent words come as corrections, the others' from their stream."""

    def __init__(self, stream: Stream, corrections: Iterator[Words] | None = None) -> None:
        self._stream = stream
        self._corrections = corrections

    def uniform(self, shape: Shape) -> Words:
        """This party's share of fresh masks."""
        return self._stream.take(shape)

    def dependent(self, shape: Shape) -> Words:
        """This party's share of something computed from masks. Raises TrainingRefused if the dealer dealt otherwise."""
        if self._corrections is None:
            return self._stream.take(shape)
        words = next(self._corrections, None)
        if words is None or words.shape != shape or words.dtype != np.uint64:
            raise TrainingRefused("expected corrections for the steps of the plan, got others")
        return words


class Dealer:
    """The dealer's side: all keystreams, and the corrections for the first party."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` in the order of the parties; at least two, all different. Raises TrainingRefused."""
        if len(keys) < 2 or len(set(keys)) != len(keys):
            raise TrainingRefused("expected two or more different keys, got others")
        self._streams = [Stream(key) for key in keys]
        self._right: Words | None = None

    def deal(self, steps: Sequence[Step]) -> list[Words]:
        """The first party's corrections for these steps, which all parties then take in this order."""
        return [words for step in steps for words in self._corrections(step)]

    def _corrections(self, step: Step) -> list[Words]:
        match step:
            case Masking(shape):
                self._right = self._sum(shape)
                return []
            case Product(count):
                left, right = self._sum((count,)), self._sum((count,))
                return [self._correct(left * right)]
            case Truncation(count, bits):
                mask = self._sum((count,))
                return [self._correct(mask >> np.uint64(bits)), self._correct(mask >> TOP)]
            case Cross(rows, columns):
                if self._right is None:
                    raise TrainingRefused("expected a masked matrix before a product with it, got none")
                return [self._correct(self._sum((rows, columns)).T @ self._right)]

    def _sum(self, shape: Shape) -> Words:
        """The masks that all parties' uniform words add up to."""
        total = np.zeros(shape, dtype=np.uint64)
        for stream in self._streams:
            total += stream.take(shape)
        return total

    def _correct(self, value: Words) -> Words:
        """What the first party needs, so that all shares add up to `value`."""
        for stream in self._streams[1:]:
            value = value - stream.take(value.shape)
        return value
