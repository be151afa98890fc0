"""The middle of a score worker: rows of one chunk in, its masked or encrypted bytes out.

Order of steps (protocols.md section 2.3, R3): partials in grid units; the commitment takes in the encoding; then the pair
masks and, in mode masked, the receiver mask; in mode bfv encryption under the gate's key. The mask counter runs on over
the chunks, and `OneUse` gives each slot's keystream once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from enclaves.model import linear
from enclaves.model.column import Column, Numbers
from enclaves.model.partial import grid_units
from enclaves.protocols import ring, secagg
from enclaves.worker.order import ScoreOrder
from policies.documents.model import OnnxPart, Part

Evaluate = Callable[[Mapping[str, Column], int], Numbers]


class Contribution:
    """The vectors of one order, chunk after chunk, and the commitment to all of them."""

    def __init__(self, order: ScoreOrder) -> None:
        masks = order.masks
        self._order = order
        self._evaluate = evaluator(order.part, order.graph)
        self._grid = float(order.grid)
        self._masks = masks.one_use(order.slots)
        # SHA-256 streams, so the commitment equals `secagg.commitment` over all chunks without keeping one.
        self._commitment = hashlib.sha256(masks.opening_key)

    def vector(self, columns: Mapping[str, Column], known: NDArray[np.bool_]) -> bytes:
        """The wire bytes of the next len(known) slots."""
        units = grid_units(self._evaluate(columns, len(known)), known, head=self._order.head, grid=self._grid)
        encoded = ring.encode(units)
        self._commitment.update(ring.to_wire(encoded))
        if self._order.context is None:
            return ring.to_wire(self._masks.mask(encoded))
        # TenSEAL is loaded only where it is used.
        from enclaves.protocols import bfv

        residues = secagg.residues(units, modulus=bfv.MODULUS)
        return bfv.encrypt(self._order.context, self._masks.mask_mod(residues, modulus=bfv.MODULUS))

    @property
    def commitment(self) -> bytes:
        """32 bytes over the opening key and every chunk so far."""
        return self._commitment.digest()


def evaluator(part: Part, graph: bytes | None) -> Evaluate:
    """How `part` turns columns into float64 partials. Raises OnnxRefused for a graph that may not run."""
    if isinstance(part, OnnxPart):
        # ONNX is loaded only where a graph is run.
        from enclaves.model import onnx_room

        checked = onnx_room.Graph(graph or b"", inputs=len(part.inputs))
        return lambda columns, slots: onnx_room.evaluate(part, checked, columns, slots=slots)
    return lambda columns, slots: linear.evaluate(part, columns, slots=slots)
