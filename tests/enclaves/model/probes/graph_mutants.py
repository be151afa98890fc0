"""Confined: hand ONNX mutants to the rooms that read graphs, and say of each what came of it.

Order: one frame per mutant. Emits one frame each, JSON: `faults` of the vetting's inspection; `error`, the class of what
loading or running raised, or null; `room`, whether that class is the room's own; `numbers` of the rows, as text; `again`,
whether a second run gave the same bytes; `seconds`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from enclaves.model.errors import ModelError
from enclaves.model.onnx_room import Graph
from enclaves.vetting import graphs
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
        found["numbers"] = [repr(float(number)) for number in numbers]
    except Exception as error:
        found["error"] = type(error).__name__
        found["room"] = isinstance(error, ModelError)
    return found
