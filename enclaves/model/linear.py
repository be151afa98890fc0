"""A domain's weighted features as one float64 sum per slot.

Rules:
- A feature is weight · transform(clip(value, low, high)). A missing value is replaced by `fill` before it is clipped.
- `equals` compares text first: 1.0 where it is equal, 0.0 where not, `fill` where missing; that number is clipped.
- Features are added in declared order, starting from 0.0, in float64. The order is part of the result: another order may
  round differently, and audits recompute results to the bit.
- Decimals of the part are read once, by the nearest float64.

Source: `policies.documents.model`, protocols.md section 3.4. Which rows are read is left to the store.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from enclaves.model.column import Column, Numbers
from enclaves.model.errors import ModelError
from policies.documents.model import LinearPart, ShownFeature, Transform


def evaluate(part: LinearPart, columns: Mapping[str, Column], *, slots: int) -> Numbers:
    """The partial of every slot, float64 of shape (slots,), not yet rounded. Raises ModelError."""
    total = np.zeros(slots, dtype=np.float64)
    for feature in part.features:
        values = transformed(feature, columns, slots=slots)
        np.multiply(values, float(feature.weight), out=values)
        np.add(total, values, out=total)
    return total


def transformed(feature: ShownFeature, columns: Mapping[str, Column], *, slots: int) -> Numbers:
    """The feature's values before they are weighted, a new float64 array of shape (slots,)."""
    column = columns.get(feature.column)
    if column is None or len(column.values) != slots:
        raise ModelError(f"expected {slots} values in column `{feature.column}`, got none or others")
    fill = float(feature.fill)
    values = (
        column.numbers(fill=fill) if feature.equals is None else _equal(column, feature.equals, fill=fill)
    )
    np.clip(values, float(feature.low), float(feature.high), out=values)
    if feature.transform is Transform.LOG1P:
        np.log1p(values, out=values)
    return values


def _equal(column: Column, text: str, *, fill: float) -> Numbers:
    """1.0 where a value equals `text`, read as a number for a column of numbers; 0.0 where not; `fill` where missing."""
    wanted: str | float = text
    if not column.is_text:
        try:
            wanted = float(text)
        except ValueError:
            wanted = np.nan
    same = np.asarray(column.values == wanted, dtype=np.float64)
    return np.where(column.missing, fill, same)
