"""How an answer lies in the vector that every domain contributes: lane after lane, cell after cell, then the universe.

A domain, the coordinator and the gate compute the same layout from the same signed documents. With a public dictionary the
cells are its; in one domain without a dictionary there is room for `MAX_CELLS` cells, filled from the front, and their keys
travel sealed to the gate, so the length says nothing. Unused lanes are zero, and masked like all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Cells, Key, Shape
from policies.documents.query import MAX_CELLS
from policies.errors import PolicyError

Groups = tuple[tuple[str | None, ...], ...]


class LayoutMismatch(PolicyError):
    """A vector or keys that do not fit the layout of the question."""

    code = "layout_mismatch"


@dataclass(frozen=True, slots=True)
class Layout:
    """Shape of the answer, and its public cells if it has any."""

    shape: Shape
    groups: Groups | None

    @property
    def room(self) -> int:
        """Cells there is room for."""
        return MAX_CELLS if self.groups is None else len(self.groups)

    @property
    def lanes(self) -> int:
        """Numbers in the vector: lanes of every cell, and the persons of the universe."""
        return self.shape.width * self.room + 1

    def vector(self, cells: Cells, *, universe: int) -> NDArray[np.int64]:
        """int64[lanes] of a domain's judged cells and the persons it was asked about."""
        if len(cells.keys) > self.room:
            raise LayoutMismatch(f"expected at most {self.room} cells, got {len(cells.keys)}")
        matrix = np.zeros((self.shape.width, self.room), dtype=np.int64)
        matrix[:, : len(cells.keys)] = cells.matrix
        return np.concatenate([matrix.reshape(-1), np.array([universe], dtype=np.int64)])

    def cells(self, totals: NDArray[np.int64], keys: Sequence[tuple[Key, ...]]) -> tuple[Cells, int]:
        """The summed cells and the universe, from int64[lanes]; `keys` are those of the cells from the front."""
        if totals.shape != (self.lanes,) or len(keys) > self.room:
            raise LayoutMismatch(f"expected {self.lanes} lanes, got {totals.shape}")
        matrix = totals[:-1].reshape(self.shape.width, self.room)
        if matrix[:, len(keys) :].any():
            raise LayoutMismatch("expected nothing behind the last cell, got something")
        return Cells.from_matrix(self.shape, keys, np.ascontiguousarray(matrix[:, : len(keys)])), int(
            totals[-1]
        )
