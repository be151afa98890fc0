"""One party's part of a computation on additive shares in Z_2^64: products, truncation, S'X, Chebyshev polynomials.

Each operation is a generator: it yields this party's part of an opening and is sent the sum of all parties' parts. All
parties run the same operations in the same order; whoever drives them carries each part, sealed, to every other party and
never to the dealer. Every part is the party's share plus fresh uniform words that nobody but the dealer and the party
knows, so what a party sees of the others is uniform and independent of every input, to the bit.

Truncation. For |x| < 2^62 put y = x + 2^62, so 0 ≤ y < 2^63, and open c = y + r mod 2^64 with r uniform. The sum wrapped
exactly if r's top bit is 1 and c's is 0, which is linear in the dealt top bit once c is public. Then (c >> s) - (r >> s) +
wrapped·2^(64-s) is floor(y/2^s) or one more, and right on average. No wrap is left to chance.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.training.dealing import TOP, Hand, Words
from enclaves.training.errors import TrainingRefused

Exchange = Generator[Words, Words, Words]
"""Yields a part of an opening, is sent its sum, returns this party's share of the result."""

PLACES: Final = 28
"""Binary places of values within [-1, 1] and of polynomial coefficients: a product of 2·28 places is below 2^62."""
_OFFSET: Final = 1 << 62


def encoded(values: NDArray[np.float64], places: int) -> Words:
    """Residues of rint(values · 2^places); the caller's values stay below 2^62 steps."""
    steps: Words = np.rint(np.ldexp(values, places)).astype(np.int64).view(np.uint64)
    return steps


class Shareholder:
    """One party's arithmetic; `first` is true for exactly one party, which alone adds what is public."""

    def __init__(self, hand: Hand, *, first: bool) -> None:
        self._hand = hand
        self._first = first
        self._right: tuple[Words, Words] | None = None

    def mask_right(self, own: Words) -> Exchange:
        """Open X - U for the right side of later `cross` products; `own` is this party's share of X [rows, columns]."""
        mask = self._hand.uniform(own.shape)
        opened: Words = yield from _open(own - mask)
        self._right = (opened, mask)
        return opened

    def product(self, left: Words, right: Words) -> Exchange:
        """The product slot by slot of two shared vectors of equal length."""
        count = len(left)
        a, b = self._hand.uniform((count,)), self._hand.uniform((count,))
        ab = self._hand.dependent((count,))
        opened = yield from _open(np.concatenate([left - a, right - b]))
        d, e = opened[:count], opened[count:]
        result: Words = ab + d * b + e * a + self._public(d * e)
        return result

    def truncated(self, values: Words, bits: int) -> Exchange:
        """A shared vector divided by 2^bits, |value| < 2^62; rounded down or up, right on average."""
        mask = self._hand.uniform(values.shape)
        high, top = self._hand.dependent(values.shape), self._hand.dependent(values.shape)
        opened: Words = yield from _open(values + mask + self._public(_full(values, _OFFSET)))
        wrapped: Words = top * ((opened >> TOP) ^ np.uint64(1))
        public = (opened >> np.uint64(bits)) - np.uint64(_OFFSET >> bits)
        result: Words = self._public(public) - high + wrapped * np.uint64(1 << (64 - bits))
        return result

    def cross(self, left: Words) -> Exchange:
        """S'X for the shared `left` S [rows, columns] and the masked X: shape [columns of S, columns of X]."""
        if self._right is None:
            raise TrainingRefused("expected a masked matrix before a product with it, got none")
        d, mask = self._right
        v = self._hand.uniform(left.shape)
        vu = self._hand.dependent((left.shape[1], d.shape[1]))
        e = yield from _open(left - v)
        result: Words = vu + e.T @ mask + v.T @ d + self._public(e.T @ d)
        return result

    def chebyshev(self, t: Words, degree: int) -> Exchange:
        """T_0(t) … T_degree(t) [degree + 1, rows] at `PLACES`, for t in [-1, 1]; `degree` is a power of two.

        T_{k+j} = 2·T_k·T_j - T_{k-j}: each step doubles how many are known, with one opening for products, one for truncation.
        """
        known = [self._public(_full(t, 1 << PLACES)), t]
        while len(known) <= degree:
            k = len(known) - 1
            lower = np.concatenate(known[1:])
            products = yield from self.product(np.tile(known[k], k), lower)
            # One bit less than the places of the product: that is the factor 2.
            doubled = yield from self.truncated(products, PLACES - 1)
            known += [doubled[j * len(t) : (j + 1) * len(t)] - known[k - j - 1] for j in range(k)]
        return np.stack(known)

    def combined(self, basis: Words, coefficients: NDArray[np.float64]) -> Words:
        """Σ a_k·T_k with 2·`PLACES` binary places: linear, so nothing is sent."""
        combined: Words = encoded(coefficients, PLACES) @ basis
        return combined

    def _public(self, value: Words) -> Words:
        return value if self._first else np.zeros_like(value)


def _open(part: Words) -> Exchange:
    opened = yield part
    if opened.shape != part.shape or opened.dtype != np.uint64:
        raise TrainingRefused("expected the sum of all parts of an opening, got another vector")
    return opened


def _full(like: Words, value: int) -> Words:
    return np.full(like.shape, value, dtype=np.uint64)
