"""The sums of one round: which slots they stand in, and what a domain's rows add to them in fixed point.

Rules:
1. Slots, in order: the upper triangle of X'WX by rows, the score X'(y - μ), the deviance, the sum of outcomes, the sum of
   saturated terms, the number of rows. One flat int64 vector; the sum over domains is slot by slot.
2. Every row is rounded by itself to a whole number of steps 2^-f and held to the bound of its slot, and whole numbers are
   added. The sum is thus the same in any order, a domain's part is reproducible to the bit, and removing one row moves a
   slot by at most its bound: that, not a floating-point estimate, is what noise is computed from.
3. f is chosen by `policies.glm.scales`.

Source: protocols.md §2.2 and §2.3 (federated GLM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.glm.errors import GlmInvalid
from policies.glm.families import Floats, RowTerms
from policies.glm.scales import Block, Scales

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """The opened sums of one round in the unit of scaled columns: information matrix, score, and scalars."""

    information: Floats
    score: Floats
    deviance: float
    outcome: float
    saturated: float
    rows: float


def contribution(
    design: Floats, terms: RowTerms, *, outcome: Floats, saturated: Floats, scales: Scales
) -> Integers:
    """A domain's flat vector of one round; `design` [rows, parameters] scaled, the others [rows]."""
    parameters = scales.parameters
    if design.shape[1] != parameters:
        raise GlmInvalid(f"expected {parameters} columns, got {design.shape[1]}")
    vector = np.empty(scales.slots, dtype=np.int64)
    at = 0
    for i in range(parameters):
        weighted = terms.weight * design[:, i]
        for j in range(i, parameters):
            vector[at] = _total(weighted * design[:, j], Block.INFORMATION, scales)
            at += 1
    for i in range(parameters):
        vector[at] = _total(terms.score * design[:, i], Block.SCORE, scales)
        at += 1
    vector[at:] = [
        _total(terms.deviance, Block.DEVIANCE, scales),
        _total(outcome, Block.OUTCOME, scales),
        _total(saturated, Block.SATURATED, scales),
        len(design),
    ]
    return vector


def opened(total: Integers, scales: Scales) -> Statistics:
    """The statistics that an opened sum of contributions stands for. Raises GlmInvalid for another length."""
    if total.shape != (scales.slots,) or total.dtype != np.int64:
        raise GlmInvalid(f"expected {scales.slots} slots of int64, got another vector")
    p = scales.parameters
    triangle = p * (p + 1) // 2
    information = np.zeros((p, p))
    information[np.triu_indices(p)] = total[:triangle] / scales.step(Block.INFORMATION)
    information = information + np.triu(information, 1).T
    score = total[triangle : triangle + p] / scales.step(Block.SCORE)
    deviance, outcome, saturated, rows = (
        float(total[triangle + p + k]) / scales.step(block)
        for k, block in enumerate((Block.DEVIANCE, Block.OUTCOME, Block.SATURATED, Block.ROWS))
    )
    return Statistics(information, score, deviance, outcome, saturated, rows)


def _total(values: Floats, block: Block, scales: Scales) -> int:
    """The sum of rows in steps of the block, each row within the block's bound (rule 2)."""
    largest = scales.largest(block)
    steps = np.rint(values * scales.step(block)).astype(np.int64)
    return int(np.clip(steps, -largest, largest).sum())
