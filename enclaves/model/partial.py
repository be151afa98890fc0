"""From a float to the integer that enters the sum, and the default of a person not known here.

Rules:
- Rounding and clipping are `policies.banding.units`: halves to even (IEEE 754), so an audit gets the same integer.
- A value that is no number (an ONNX graph may yield NaN) counts as unknown: the default stands in.
- Known, unknown and not accepted slots pass through the same operations, so time does not tell them apart.

Source: protocols.md sections 2.2 and 3.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enclaves.model.column import Numbers
from policies import banding
from policies.documents.model import PartHead


def grid_units(
    values: Numbers, known: NDArray[np.bool_], *, head: PartHead, grid: float
) -> NDArray[np.int64]:
    """The partials in grid units, int64 of shape (slots,), each within [head.low, head.high]."""
    usable = known & ~np.isnan(values)
    units = banding.units(np.where(usable, values, 0.0), head, grid=grid)
    return np.where(usable, units, np.int64(head.default))
