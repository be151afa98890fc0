"""Confined: hand ONNX mutants to the rooms that read graphs, and say of each what came of it.

Order: one frame per mutant. Emits one frame each, JSON: `faults` of the vetting's inspection; `error`, the class of what
loading or running raised, or null; `room`, whether that class is the room's own; `numbers` of the rows, as text; `again`,
whether a second run gave the same bytes; `seconds`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from enclaves.model.column import Column
from enclaves.model.errors import ModelError
from enclaves.model.onnx_room import Graph, evaluate
from enclaves.vetting import graphs
from enclaves.vetting.metrics import Population
from policies.documents.model import OnnxInput, OnnxPart
from policies.documents.strict_json import canonical
from policies.documents.vetting import GraphMetric

INPUTS = 3
ROWS = np.random.default_rng(7).uniform(-4, 4, (48, INPUTS)).astype(np.float32)


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    for mutant in frames:
        start = time.monotonic()
        found = outcome(mutant)
        emit(json.dumps({**found, "seconds": round(time.monotonic() - start, 3)}).encode())


def outcome(mutant: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"faults": None, "error": None, "room": True, "numbers": None, "again": None}
    try:
        inspection = graphs.inspect(mutant, inputs=INPUTS)
        # What an enclave signs of a graph, whatever the graph says of itself, is a document.
        GraphMetric.model_validate_json(canonical(inspection.body()))
        found["faults"] = list(inspection.faults)
        graph = Graph(mutant, inputs=INPUTS)
        numbers = graph.run(ROWS)
        found["again"] = graph.run(ROWS).tobytes() == numbers.tobytes()
        if not inspection.faults:
            observe(inspection, mutant, graph)
        found["numbers"] = [repr(float(number)) for number in numbers]
    except Exception as error:
        found["error"] = type(error).__name__
        found["room"] = isinstance(error, ModelError)
    return found


def observe(inspection: graphs.Inspection, mutant: bytes, graph: Graph) -> None:
    """What the vetting looks at once a graph may run: leaves of trees, and the same rows in another company."""
    part = OnnxPart(
        id="part",
        department="hospital",
        dataset="rows",
        inputs=tuple(OnnxInput(column=name, low="-9", high="9", fill="0") for name in "abc"),
        graph=hashlib.sha256(mutant).hexdigest(),
    )
    missing = np.zeros(len(ROWS), dtype=np.bool_)
    columns = {name: Column(ROWS[:, at].astype(np.float64), missing) for at, name in enumerate("abc")}
    body = graphs.observed(
        inspection,
        part,
        mutant,
        population=Population(columns, len(ROWS)),
        evaluate=lambda given, slots: evaluate(part, graph, given, slots=slots),
        grid=0.01,
    )
    GraphMetric.model_validate_json(canonical(body))
