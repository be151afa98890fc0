"""The fixed point of each block of slots: how many binary places, so that no sum can ever wrap.

Rules:
1. A block gets 30 binary places, or the most below that for which rows · ceil(bound · 2^f) + noise < 2^63, where `rows` is the
   most rows that all domains have together and noise is twelve standard deviations of everybody's noise.
2. A block that would get fewer than 12 is refused. A sum that large still has more than 12 + 31 binary digits that tell
   something, more than its rows justify; two lanes of 64 bits are therefore not needed.
3. Rows are counted with no binary places.

Source: protocols.md §2.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.glm.errors import GlmInvalid
from policies.glm.families import RowBounds, bounds
from policies.glm.specification import Specification

BINARY_PLACES: Final = 30
LEAST_PLACES: Final = 12
LARGEST_ROWS: Final = 2**31
_HALF_RING: Final = 2**63


class Block(StrEnum):
    """Slots that share a unit."""

    INFORMATION = "information"
    SCORE = "score"
    DEVIANCE = "deviance"
    OUTCOME = "outcome"
    SATURATED = "saturated"
    ROWS = "rows"


NoiseTail = Callable[[int, int], int]
"""How large noise gets on a block of so many cells, of which one row moves each by at most so many steps."""


@dataclass(frozen=True, slots=True)
class Scales:
    """Binary places and largest row, in steps, of every block."""

    parameters: int
    places: dict[Block, int]
    bound: dict[Block, int]

    @property
    def slots(self) -> int:
        return sum(self.cells(block) for block in Block)

    def cells(self, block: Block) -> int:
        """How many slots a block has."""
        p = self.parameters
        return {Block.INFORMATION: p * (p + 1) // 2, Block.SCORE: p}.get(block, 1)

    def step(self, block: Block) -> int:
        """Steps a unit: 2^f."""
        return 1 << self.places[block]

    def largest(self, block: Block) -> int:
        """The most steps that one row adds to a slot of the block."""
        return self.bound[block]


def no_noise(cells: int, bound: int) -> int:
    """The tail of no noise at all."""
    return 0


def scales(
    specification: Specification, *, rows: int, private: bool = False, tail: NoiseTail = no_noise
) -> Scales:
    """The fixed point for at most `rows` rows of all domains together. Raises GlmInvalid (rule 2)."""
    if not 1 <= rows <= LARGEST_ROWS:
        raise GlmInvalid(f"expected 1 to {LARGEST_ROWS} rows, got {rows}")
    each = _by_block(bounds(specification, private=private))
    shape = Scales(specification.parameters, {}, {})
    places: dict[Block, int] = {}
    for block in Block:
        most = 0 if block is Block.ROWS else BINARY_PLACES
        least = min(most, LEAST_PLACES)
        cells = shape.cells(block)
        for f in range(most, least - 1, -1):
            bound = _steps(each[block], f)
            if rows * bound + tail(cells, bound) < _HALF_RING:
                places[block] = f
                break
        else:
            raise GlmInvalid(f"expected rows and bounds whose {block.value} fits 63 bits, got larger ones")
    return Scales(
        specification.parameters, places, {block: _steps(each[block], places[block]) for block in Block}
    )


def _steps(bound: float, places: int) -> int:
    return math.ceil(bound * (1 << places))


def _by_block(given: RowBounds) -> dict[Block, float]:
    return {
        Block.INFORMATION: given.weight,
        Block.SCORE: given.score,
        Block.DEVIANCE: given.deviance,
        Block.OUTCOME: given.outcome,
        Block.SATURATED: given.saturated,
        Block.ROWS: 1.0,
    }
