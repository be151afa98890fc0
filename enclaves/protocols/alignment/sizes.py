"""How large a batch looks: the number of ids rounded up to the next step of a public 5 % ladder.

The ladder starts at 100, each step is the last one times 1.05 rounded up, and it ends at 10^6, the most ids a job may
bring (protocols.md section 5). Two sets between the same two steps look the same; one person more or fewer is seen only
where a set crosses a step.
"""

from bisect import bisect_left
from typing import Final

from enclaves.protocols.alignment.errors import BatchInvalid

MAX_IDS: Final = 1_000_000
SMALLEST: Final = 100


def _ladder() -> tuple[int, ...]:
    steps = [SMALLEST]
    while steps[-1] < MAX_IDS:
        # ceil(1.05 · step) in integers.
        steps.append(min(-(-105 * steps[-1] // 100), MAX_IDS))
    return tuple(steps)


LADDER: Final = _ladder()


def padded(count: int) -> int:
    """The size of a batch of `count` ids with its dummies. Raises BatchInvalid for more than 10^6."""
    if not 0 <= count <= MAX_IDS:
        raise BatchInvalid(f"expected at most {MAX_IDS} ids, got {count}")
    return LADDER[bisect_left(LADDER, count)]


def check_padded(count: int) -> None:
    """Raises BatchInvalid unless `count` is a step of the ladder: an unpadded batch would tell its size."""
    if count not in _STEPS:
        raise BatchInvalid(f"expected a padded size of at most {MAX_IDS}, got {count}")


_STEPS: Final = frozenset(LADDER)
