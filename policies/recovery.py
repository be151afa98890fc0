"""Which runs open though some of their parties are gone, and how many must help: the one place where both are reckoned.

Rules (protocols.md section 2.3):
1. Fewer than four parties have no threshold worth the name: all of them help, or nothing opens.
2. From four on t = floor(2n/3) + 1 must help. Two sets of t have more than n/3 parties in common, so no coordinator shows
   one set of survivors to some and another to the rest.
"""

from __future__ import annotations

from typing import Final

MIN_PARTIES: Final = 4
"""The smallest roster whose sums survive absence."""


def threshold(parties: int) -> int:
    """How many of `parties` must help: floor(2n/3) + 1, and all of them for n <= 3, where nothing is recovered."""
    return parties if parties < MIN_PARTIES else 2 * parties // 3 + 1


def spare(parties: int) -> int:
    """How many of `parties` a sum may be without."""
    return parties - threshold(parties)
