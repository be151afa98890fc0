"""What an enclave says of an ONNX part: static checks on the bytes first, then trees and row independence on its rows.

A graph that fails a static check is not loaded, let alone run; its report says which checks fail (V6, V9 to V13).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enclaves.model import onnx_room
from enclaves.model.ensemble import MIN_LEAF_PERSONS, Ensemble
from enclaves.model.errors import OnnxRefused
from enclaves.model.graph_rules import MAX_GRAPH_BYTES
from enclaves.vetting import probes
from enclaves.vetting.metrics import Population
from enclaves.vetting.probes import Evaluate
from policies.documents.model import OnnxPart
from policies.documents.strict_json import Json


@dataclass(frozen=True, slots=True)
class Inspection:
    """The static half: which checks fail, and sizes where the bytes could be read at all."""

    faults: tuple[str, ...]
    size: onnx_room.GraphSize
    trees: int
    depth: int

    def body(self, *, small_leaf: bool | None = None, row_independent: bool | None = None) -> dict[str, Json]:
        """`graph` of a `vet-metrics` document."""
        return {
            "faults": list(self.faults),
            "nodes": self.size.nodes,
            "constant_bytes": self.size.constant_bytes,
            "parameters": self.size.parameters,
            "largest_table": self.size.largest_table,
            "trees": self.trees,
            "depth": self.depth,
            "small_leaf": small_leaf,
            "row_independent": row_independent,
        }


def inspect(graph: bytes, *, inputs: int) -> Inspection:
    """Read a graph without loading it into the runtime."""
    faults = {check.lower() for check, _ in onnx_room.graph_faults(graph, inputs=inputs)}
    size, ensembles = onnx_room.GraphSize(0, 0, 0, 0), tuple[Ensemble, ...]()
    try:
        if len(graph) <= MAX_GRAPH_BYTES:
            size = onnx_room.graph_size(graph)
        if not faults:
            ensembles = onnx_room.ensembles(graph)
    except OnnxRefused as refused:
        faults.add(refused.check.lower())
    trees, depth = sum(len(e.roots) for e in ensembles), max((e.depth for e in ensembles), default=0)
    if not all(ensemble.is_small for ensemble in ensembles):
        faults.add("v9")
    return Inspection(tuple(sorted(faults, key=lambda check: int(check[1:]))), size, trees, depth)


def observed(
    found: Inspection,
    part: OnnxPart,
    graph: bytes,
    *,
    population: Population,
    evaluate: Evaluate,
    grid: float,
) -> dict[str, Json]:
    """The whole `graph` of the document, of a graph without faults."""
    return found.body(
        small_leaf=has_small_leaf(part, graph, population) if found.trees else None,
        row_independent=probes.is_row_independent(
            evaluate, population.columns, slots=population.persons, grid=grid
        ),
    )


def has_small_leaf(part: OnnxPart, graph: bytes, population: Population) -> bool:
    """Whether a leaf of any tree holds 1 to 19 persons of the whole population."""
    rows = onnx_room.rows_of(part, population.columns, slots=population.persons)
    for ensemble, fed in onnx_room.tree_ensembles(graph):
        counts = ensemble.leaf_counts(fed(rows))
        if bool(np.any((counts > 0) & (counts < MIN_LEAF_PERSONS))):
            return True
    return False
