"""Many powers of one number modulo n^2: a table of its powers by windows, then one multiplication a window.

Rules:
- Entry d of window i is base^((d+1) * 2^(w*i)). The one added to each digit means that no window is ever skipped and
  no factor is 1: the number of full-size multiplications does not depend on the exponent. What it adds to the exponent
  is `offset`, which callers take off beforehand or, for a random exponent, leave.
- Exponents are given by their digits, least significant first, one per window.
- An entry is held as (r, log), which stands for r * (1 + n*log) mod n^2, both below n. A product of such numbers needs

      a * r = q*n + a'      c' = c*r + q (mod n)      L' = L + log      for the number (a + n*c) * (1 + n*L),

  two products and two reductions of half size, since logarithms only add: a third less time than multiplying modulo n^2.

This is the fixed-base windowing method (Brickell, Gordon, McCurley and Wilson, EUROCRYPT 1992). Lookup by a secret
digit is not constant time in cache; Python integers are not either.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import gmpy2
from gmpy2 import mpz


class Split(NamedTuple):
    """The number r * (1 + n*log) modulo n^2, with 0 < r < n and 0 <= log < n."""

    r: mpz
    log: mpz


Window = tuple[Split, ...]


class PowerTable:
    """The powers of `base`, a unit modulo n, modulo n^2, for exponents of `bits` bits in windows of `window` bits.

    Holds ceil(bits / window) * 2^window entries of the size of n^2: about 45 MB for 1536 bits, windows of 8 and n of
    3072 bits. Raises ZeroDivisionError for a base that is no unit.
    """

    __slots__ = ("n", "offset", "window", "windows")

    def __init__(self, base: mpz, n: mpz, *, bits: int, window: int) -> None:
        self.n: Final = n
        self.window: Final = window
        self.windows: Final = tuple(_windows(base, n, count=-(-bits // window), size=1 << window))
        # The ones that stand in every digit.
        self.offset: Final = sum(1 << (window * index) for index in range(len(self.windows)))

    def power(self, digits: Sequence[int]) -> mpz:
        """base^(offset + the number with these `digits`), one digit below 2^window for each window."""
        return self.powers([digits])[0]

    def powers(self, exponents: Sequence[Sequence[int]]) -> list[mpz]:
        """`power` of each of several exponents."""
        columns = zip(*exponents, strict=True)
        return products([mpz(1)] * len(exponents), self.windows, digits=columns, n=self.n)

    def digits(self, exponent: int) -> list[int]:
        """The digits of an exponent from 0 that fits the table."""
        low = (1 << self.window) - 1
        return [exponent >> (self.window * index) & low for index in range(len(self.windows))]


def products(
    starts: Sequence[mpz], windows: Iterable[Window], *, digits: Iterable[Sequence[int]], n: mpz
) -> list[mpz]:
    """Each start times the entries that its digits pick from the windows, modulo n^2.

    `digits` has one sequence per window, in it one digit per start: all starts use a window's entries while those are in
    the cache, which is a tenth faster than one start after the other.
    """
    # Of every start its (a, c, L): see the formula above.
    state = [(start % n, start // n, mpz(0)) for start in starts]
    for entries, column in zip(windows, digits, strict=True):
        state = [_times(*numbers, entries[digit], n) for numbers, digit in zip(state, column, strict=True)]
    return [a + n * ((a * total + c) % n) for a, c, total in state]


def _times(a: mpz, c: mpz, total: mpz, entry: Split, n: mpz) -> tuple[mpz, mpz, mpz]:
    r, log = entry
    q, a = divmod(a * r, n)
    return a, (c * r + q) % n, total + log


def _windows(base: mpz, n: mpz, *, count: int, size: int) -> Iterator[Window]:
    high, r = divmod(base % (n * n), n)
    inverse = gmpy2.invert(r, n)
    step = Split(r, high * inverse % n)
    for _ in range(count):
        entries, step_inverse = [step], inverse
        for _ in range(size - 1):
            r, log = entries[-1]
            q, r = divmod(r * step.r, n)
            inverse = inverse * step_inverse % n
            entries.append(Split(r, (log + step.log + q * inverse) % n))
        yield tuple(entries)
        # The last power is step^size, which is where the next window begins.
        step = entries[-1]
