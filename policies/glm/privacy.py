"""Noise on the sums of a fit: how the rho of a run is divided, and how much noise each domain adds to each block.

Rules:
1. rho is divided evenly over the declared rounds, all of which are run; what one round gets is divided over the blocks by
   `PARTS`, in whole units of the ledger. The few units that do not divide are not used.
2. A person has at most `rows_per_person` rows, and a row moves each slot of a block by at most the block's bound in steps
   (`policies.glm.statistics`, rule 2). Hence, for a block of c slots and bound b: L2² ≤ c·(rows·b)², L1 ≤ c·rows·b.
3. The domains' noises together protect though some collude (`policies.privacy.shares`); what is debited is rho, before the
   first round, and never given back.
4. η is clipped, never refused, so that whether a round is answered depends on nobody. Admission (`admission`) is decided
   before noise and stays outside rho: a refusal is one bit, as for every other question.

The error of a coefficient by noise is stated in the fit's standard errors (`fit`, rule 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from policies.glm.errors import GlmInvalid
from policies.glm.fitting import NoiseSizes
from policies.glm.scales import Block, Scales, scales
from policies.glm.specification import Specification
from policies.privacy.shares import Sensitivity, Share, share
from policies.privacy.zcdp import RHO_UNIT, check_rho, units

PARTS: Final = {
    Block.INFORMATION: 4,
    Block.SCORE: 4,
    Block.DEVIANCE: 1,
    Block.OUTCOME: 1,
    Block.SATURATED: 1,
    Block.ROWS: 1,
}
"""Of twelve parts of a round's rho."""
_SIGMAS: Final = 12


@dataclass(frozen=True, slots=True)
class Protection:
    """The fixed point of a private run, and what every domain adds to each block in each round."""

    scales: Scales
    shares: dict[Block, Share]
    rho: dict[Block, Fraction]
    rounds: int
    parties: int
    rows: int

    @property
    def spent(self) -> Fraction:
        """The rho of the whole run."""
        return self.rounds * sum(self.rho.values(), Fraction(0))

    @property
    def sizes(self) -> NoiseSizes:
        """Everybody's noise on a slot, in the unit of the sums."""
        return NoiseSizes(self._size(Block.INFORMATION), self._size(Block.SCORE))

    def _size(self, block: Block) -> float:
        return math.sqrt(self.shares[block].total) / self.scales.step(block)


def protection(specification: Specification, *, rho: Fraction, parties: int, rows: int) -> Protection:
    """How a run over `parties` domains with at most `rows` rows each is protected by at most `rho`."""
    check_rho(rho)
    each = units(rho) // specification.rounds
    if each < sum(PARTS.values()):
        raise GlmInvalid("expected a rho that every round gets some of, got a smaller one")
    by_block = {block: each * part // sum(PARTS.values()) * RHO_UNIT for block, part in PARTS.items()}
    persons_rows = specification.rows_per_person

    def noise(cells: int, bound: int, spent: Fraction) -> Share:
        return share(sensitivity(cells, bound, rows=persons_rows), rho=spent, parties=parties)

    def tail(cells: int, bound: int) -> int:
        # The smallest part of rho that a block gets: the largest noise.
        largest = noise(cells, bound, min(by_block.values())).total
        return math.isqrt(math.ceil(_SIGMAS**2 * largest)) + 1

    found = scales(specification, rows=parties * rows, private=True, tail=tail)
    shares = {block: noise(found.cells(block), found.largest(block), by_block[block]) for block in Block}
    return Protection(found, shares, by_block, specification.rounds, parties, rows)


def sensitivity(cells: int, bound: int, *, rows: int) -> Sensitivity:
    """How far one person with at most `rows` rows moves a block (rule 2)."""
    each = rows * bound
    return Sensitivity(l2_squared=cells * each**2, l1=cells * each, cells=cells)
