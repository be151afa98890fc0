"""Many powers of one number: a table of its powers by windows, then one multiplication a window.

Rules:
- Entry d of window i is base^((d+1) * 2^(w*i)). The one added to each digit means that no window is ever skipped and
  no factor is 1: the number of full-size multiplications does not depend on the exponent. What it adds to the exponent
  is `offset`, which callers take off beforehand or, for a random exponent, leave.
- Exponents are given by their digits, least significant first, one per window.

This is the fixed-base windowing method (Brickell, Gordon, McCurley and Wilson, EUROCRYPT 1992). Lookup by a secret
digit is not constant time in cache; Python integers are not either.
"""

from collections.abc import Iterable
from typing import Final

from gmpy2 import mpz


class PowerTable:
    """The powers of `base` modulo `modulus` for exponents of `bits` bits, in windows of `window` bits.

    Holds ceil(bits / window) * 2^window numbers of the modulus' size: 38 MB for 1536 bits, window 8 and 6144 bits.
    """

    __slots__ = ("modulus", "offset", "window", "windows")

    def __init__(self, base: mpz, modulus: mpz, *, bits: int, window: int) -> None:
        self.modulus: Final = modulus
        self.window: Final = window
        self.windows: Final = tuple(_windows(base, modulus, count=-(-bits // window), size=1 << window))
        # The ones that stand in every digit.
        self.offset: Final = sum(1 << (window * index) for index in range(len(self.windows)))

    def power(self, digits: Iterable[int]) -> mpz:
        """base^(offset + the number with these `digits`), one digit below 2^window for each window."""
        modulus, product = self.modulus, mpz(1)
        for powers, digit in zip(self.windows, digits, strict=True):
            product = product * powers[digit] % modulus
        return product

    def digits(self, exponent: int) -> list[int]:
        """The digits of an exponent from 0 that fits the table."""
        low = (1 << self.window) - 1
        return [exponent >> (self.window * index) & low for index in range(len(self.windows))]


def _windows(base: mpz, modulus: mpz, *, count: int, size: int) -> Iterable[tuple[mpz, ...]]:
    step = base
    for _ in range(count):
        powers = [step]
        for _ in range(size - 1):
            powers.append(powers[-1] * step % modulus)
        yield tuple(powers)
        # The last power is step^size, which is where the next window begins.
        step = powers[-1]
