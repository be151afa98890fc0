"""A column as a part sees it: one value per slot, numbers or texts, and which of them are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enclaves.model.errors import ModelError

Numbers = NDArray[np.float64]
Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Column:
    """`values` is float64 or object (str) of shape (slots,); where `missing` is true they mean nothing."""

    values: Numbers | Texts
    missing: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.values.dtype not in {np.dtype(np.float64), np.dtype(object)}:
            raise ModelError(f"expected numbers or texts, got {self.values.dtype}")
        if self.values.ndim != 1 or self.missing.shape != self.values.shape:
            raise ModelError("expected one missing mark for each value of a flat column")

    @property
    def is_text(self) -> bool:
        return self.values.dtype == np.dtype(object)

    def numbers(self, *, fill: float) -> Numbers:
        """A new float64 array with `fill` where a value is missing; raises ModelError for texts."""
        if self.is_text:
            raise ModelError("expected a column of numbers, got texts")
        filled: Numbers = np.where(self.missing, fill, self.values)
        return filled
