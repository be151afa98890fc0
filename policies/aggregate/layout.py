"""How an answer lies in the vector that every domain contributes: lane after lane, cell after cell, then the universe.

A domain, the coordinator and the gate compute the same layout from the same signed documents. With a public dictionary the
cells are its; in one domain without a dictionary there is room for `MAX_CELLS` cells, filled from the front, and their keys
travel sealed to the gate, so the length says nothing. Unused lanes are zero, and masked like all others.

A differentially private answer has a noised copy behind all of that: of each number that is shown
(`policies.disclosure.noised`) the domain's part with the domain's own noise. Where a domain withholds, there is nothing in the
copy either, no noise: if the noise stayed where a part is gone, the difference of two answers would be that part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Cells, Key, Shape
from policies.disclosure.noised import noised_lanes
from policies.documents.query import MAX_CELLS
from policies.errors import PolicyError

Groups = tuple[tuple[str | None, ...], ...]


class LayoutMismatch(PolicyError):
    """A vector or keys that do not fit the layout of the question."""

    code = "layout_mismatch"


@dataclass(frozen=True, slots=True)
class Layout:
    """Shape of the answer, its public cells if it has any, and whether it is differentially private."""

    shape: Shape
    groups: Groups | None
    noised: bool = False

    def __post_init__(self) -> None:
        if self.noised and self.groups is None:
            raise LayoutMismatch(
                "expected a public group dictionary (`groups`) beside `rho`, one empty cell for a total, got none"
            )

    @property
    def room(self) -> int:
        """Cells there is room for."""
        return MAX_CELLS if self.groups is None else len(self.groups)

    @property
    def exact_lanes(self) -> int:
        """Numbers of the exact part: lanes of every cell, and the persons of the universe."""
        return self.shape.width * self.room + 1

    @property
    def noise_shape(self) -> tuple[int, int]:
        """[lanes, cells] of the noised copy."""
        return (len(noised_lanes(self.shape)) if self.noised else 0, self.room)

    @property
    def lanes(self) -> int:
        """Numbers in the vector."""
        copied, room = self.noise_shape
        return self.exact_lanes + copied * room

    def vector(
        self, cells: Cells, *, universe: int, noise: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """int64[lanes] of a domain's judged cells and the persons it was asked about; `noise` is int64[noise_shape]."""
        if len(cells.keys) > self.room:
            raise LayoutMismatch(f"expected at most {self.room} cells, got {len(cells.keys)}")
        matrix = np.zeros((self.shape.width, self.room), dtype=np.int64)
        matrix[:, : len(cells.keys)] = cells.matrix
        exact = [matrix.reshape(-1), np.array([universe], dtype=np.int64)]
        return np.concatenate([*exact, *([self._copied(cells, noise).reshape(-1)] if self.noised else [])])

    def cells(self, totals: NDArray[np.int64], keys: Sequence[tuple[Key, ...]]) -> tuple[Cells, int]:
        """The summed cells and the universe, from int64[lanes]; `keys` are those of the cells from the front."""
        if totals.shape != (self.lanes,) or len(keys) > self.room:
            raise LayoutMismatch(f"expected {self.lanes} lanes, got {totals.shape}")
        matrix = totals[: self.exact_lanes - 1].reshape(self.shape.width, self.room)
        if matrix[:, len(keys) :].any():
            raise LayoutMismatch("expected nothing behind the last cell, got something")
        exact = np.ascontiguousarray(matrix[:, : len(keys)])
        return Cells.from_matrix(self.shape, keys, exact), int(totals[self.exact_lanes - 1])

    def noised_copy(self, totals: NDArray[np.int64]) -> NDArray[np.int64]:
        """The summed noised copy, int64[noise_shape], from int64[lanes]."""
        if totals.shape != (self.lanes,):
            raise LayoutMismatch(f"expected {self.lanes} lanes, got {totals.shape}")
        return np.ascontiguousarray(totals[self.exact_lanes :].reshape(self.noise_shape))

    def _copied(self, cells: Cells, noise: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if noise is None or noise.shape != self.noise_shape or len(cells.keys) != self.room:
            raise LayoutMismatch("expected noise for every lane of every public cell, got another shape")
        lanes = noised_lanes(self.shape)
        exact = np.stack([lane.values(cells) for lane in lanes])
        there = np.stack([lane.is_there(cells) for lane in lanes])
        return np.where(there, exact + noise, 0)
