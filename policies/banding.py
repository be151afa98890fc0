"""From partials to a band: the integer arithmetic of a model's public head, the same for everybody who computes it.

    units = clip(rint(partial / grid), low, high)      total = intercept + Σ units      band = number of cut points ≤ total

`rint` rounds halves to even (IEEE 754). A band says at most ceil(log2(bands)) bits about a person. Where totals come from,
and that nobody but the gate sees one, is left to the enclaves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from policies.documents.model import Model, PartHead
from policies.errors import PolicyError


class BandingInvalid(PolicyError):
    """Totals or partials that do not fit the model head."""

    code = "banding_invalid"


def units(partials: NDArray[np.float64], head: PartHead, *, grid: float) -> NDArray[np.int64]:
    """Partial scores (any shape) in grid units, clipped to the part's range; `BandingInvalid` for NaN."""
    if np.isnan(partials).any():
        raise BandingInvalid("expected numbers as partial scores, got NaN")
    if not grid > 0:
        raise BandingInvalid("expected a positive grid, got another")
    # Clipped before the conversion, so that infinity and huge values cannot wrap.
    return np.clip(np.rint(partials / grid), head.low, head.high).astype(np.int64)


def total(model: Model, units_by_department: Mapping[str, int]) -> int:
    """Intercept plus each department's units; a department that is missing counts with its default."""
    departments = {part.department for part in model.parts}
    if not set(units_by_department) <= departments:
        raise BandingInvalid("expected units of the model's departments, got others")
    parts = (units_by_department.get(part.department, part.default) for part in model.parts)
    return model.intercept + sum(parts)


def band(total: int, cut_points: Sequence[int]) -> int:
    """The band of one total: how many of the ascending cut points are ≤ it, 0 … len(cut_points)."""
    return bisect_right(cut_points, total)


def bands(totals: NDArray[np.int64], cut_points: Sequence[int]) -> NDArray[np.uint8]:
    """`band` of each total, in the same shape."""
    cuts = np.asarray(cut_points, dtype=np.int64)
    return np.searchsorted(cuts, totals, side="right").astype(np.uint8)


def bits(model: Model) -> int:
    """Most bits one release says about one person: ceil(log2(bands))."""
    return (model.bands - 1).bit_length()
