"""ONNX graphs as parts: refused unless small, closed and plain, then run deterministically. The only room of ONNX.

Rules:
- Data, never code: the graph comes as bytes, refers to nothing outside them, and keeps the rules of
  `enclaves.model.graph_rules` (V6, V10 to V12) before anything of it is loaded.
- One input, float32 [batch, inputs], and one output of one number per row, [batch, 1] or [batch].
- One thread, sequential, no graph optimization beyond the basic level: the same bytes give the same numbers.
- Everything the libraries raise becomes `OnnxRefused`; its text never quotes a value.

Source: protocols.md sections 6.5 (V10 to V12) and 7.2. Row independence (V13) is probed by
`enclaves.vetting`; time and memory are limited by the confined child this runs in.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import onnx
import onnxruntime

from enclaves.model import graph_rules
from enclaves.model.column import Column, Numbers
from enclaves.model.ensemble import Ensemble, Rows, read_ensemble
from enclaves.model.errors import ModelError, OnnxRefused
from enclaves.model.graph_rules import MAX_GRAPH_BYTES, Fault
from policies.documents.model import OnnxPart

BATCH_SLOTS: Final = 65_536
MAX_INPUTS: Final = 200
"""As `policies.documents.model.OnnxPart`."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class GraphSize:
    """Nodes, bytes of constants, numbers outside tree ensembles, entries of the longest list outside them."""

    nodes: int
    constant_bytes: int
    parameters: int
    largest_table: int


class Graph:
    """A checked graph, ready to run on `inputs` float32 columns."""

    __slots__ = ("_input", "_session", "inputs")

    def __init__(self, data: bytes, *, inputs: int) -> None:
        """Raises OnnxRefused with the check that failed."""
        check_graph(data, inputs=inputs)
        self._session: Any = _session(data)
        self._input: str = self._session.get_inputs()[0].name
        self.inputs: Final = inputs

    def run(self, rows: np.ndarray[Any, np.dtype[np.float32]]) -> Numbers:
        """One float64 per row of `rows`, float32 of shape (n, inputs)."""
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ModelError(f"expected float32 rows of {self.inputs} inputs, got {rows.dtype} {rows.shape}")
        out = np.empty(len(rows), dtype=np.float64)
        for start in range(0, len(rows), BATCH_SLOTS):
            batch = rows[start : start + BATCH_SLOTS]
            result = np.asarray(_guarded("V12", partial(self._session.run, None, {self._input: batch}))[0])
            if result.size != len(batch) or result.dtype.kind not in "fi":
                raise OnnxRefused("V12", f"expected {len(batch)} numbers, got another shape")
            out[start : start + len(batch)] = result.reshape(-1)
        return out


def evaluate(part: OnnxPart, graph: Graph, columns: Mapping[str, Column], *, slots: int) -> Numbers:
    """The partial of every slot, float64 of shape (slots,): inputs filled, clipped, cast to float32, run."""
    return graph.run(rows_of(part, columns, slots=slots))


def rows_of(part: OnnxPart, columns: Mapping[str, Column], *, slots: int) -> Rows:
    """What a graph is fed: float32 of shape (slots, inputs), filled and clipped."""
    rows = np.empty((slots, len(part.inputs)), dtype=np.float32)
    for index, item in enumerate(part.inputs):
        column = columns.get(item.column)
        if column is None or len(column.values) != slots:
            raise ModelError(f"expected {slots} values in column `{item.column}`, got none or others")
        rows[:, index] = np.clip(column.numbers(fill=float(item.fill)), float(item.low), float(item.high))
    return rows


def check_graph(data: bytes, *, inputs: int) -> None:
    """Raise OnnxRefused unless `data` is a graph this room may run."""
    for check, reason in graph_faults(data, inputs=inputs):
        raise OnnxRefused(check, reason)


def graph_faults(data: bytes, *, inputs: int) -> tuple[Fault, ...]:
    """Everything the static checks find wrong with a graph's bytes; nothing of it is run."""
    if len(data) > MAX_GRAPH_BYTES:
        return (("V10", f"expected at most {MAX_GRAPH_BYTES} bytes, got {len(data)}"),)
    try:
        model = _parsed(data)
        # A text that is no UTF-8 comes out of the parser as bytes, and no rule expects those.
        if found := _guarded("V12", lambda: tuple(graph_rules.faults(model, inputs=inputs))):
            return found
        _guarded("V12", lambda: onnx.checker.check_model(model, full_check=True))
        return tuple(
            graph_rules.open_axes(_guarded("V12", lambda: onnx.shape_inference.infer_shapes(model)).graph)
        )
    except OnnxRefused as refused:
        return ((refused.check, refused.reason),)


def graph_size(data: bytes) -> GraphSize:
    """How large a graph is. Raises OnnxRefused for bytes that are none."""
    model = _parsed(data)
    return _guarded("V12", lambda: _size(model.graph))


def _size(graph: Any) -> GraphSize:
    plain = [a for node in graph.node if node.op_type not in graph_rules.TREES for a in node.attribute]
    tensors = [*graph.initializer, *(a.t for a in plain if a.HasField("t"))]
    elements = sum(_elements(tensor.dims) for tensor in tensors)
    return GraphSize(
        nodes=len(graph.node),
        constant_bytes=sum(tensor.ByteSize() for tensor in graph.initializer),
        parameters=min(elements + sum(len(a.floats) for a in plain), MAX_GRAPH_BYTES),
        largest_table=max(map(graph_rules.table_entries, plain), default=0),
    )


def _elements(dims: Iterable[int]) -> int:
    """Numbers in a tensor of these axes. A graph may say anything of itself, but holds no more of them than it has bytes."""
    count = 1
    for size in dims:
        count = min(max(0, count * size), MAX_GRAPH_BYTES)
    return count


def is_graph(data: bytes) -> bool:
    """Whether `data` can be read as a graph with at least one node; a longer file than allowed counts as one, to be refused."""
    try:
        return len(data) > MAX_GRAPH_BYTES or len(_parsed(data).graph.node) > 0
    except OnnxRefused:
        return False


def input_width(data: bytes) -> int | None:
    """How many columns the one input of a graph takes; None where that cannot be told."""
    try:
        graph = _parsed(data).graph if len(data) <= MAX_GRAPH_BYTES else None
    except OnnxRefused:
        return None
    if graph is None:
        return None
    constants = {tensor.name for tensor in graph.initializer}
    fed = [value for value in graph.input if value.name not in constants]
    width = graph_rules.width(fed[0]) if len(fed) == 1 else None
    return width if width is not None and 0 < width <= MAX_INPUTS else None


def ensembles(data: bytes) -> tuple[Ensemble, ...]:
    """The tree ensembles of a checked graph. Raises OnnxRefused for lists that do not fit together."""
    return tuple(_ensemble(node) for node in _tree_nodes(_parsed(data)))


def tree_ensembles(data: bytes) -> tuple[tuple[Ensemble, Callable[[Rows], Rows]], ...]:
    """Each tree ensemble of a checked graph, with a function that gives what it is fed for rows of inputs."""
    model = _parsed(data)
    return tuple((_ensemble(node), _feeder(model, node.input[0])) for node in _tree_nodes(model))


def _tree_nodes(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type in graph_rules.TREES]


def _ensemble(node: Any) -> Ensemble:
    return _guarded(
        "V9", lambda: read_ensemble({a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
    )


def _feeder(model: Any, tensor: str) -> Callable[[Rows], Rows]:
    """Runs the graph up to `tensor`."""
    if tensor in {value.name for value in model.graph.input}:
        return lambda rows: rows
    cut = type(model)()
    cut.CopyFrom(model)
    del cut.graph.output[:]
    cut.graph.output.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, [None, None]))
    session = _session(cut.SerializeToString())
    name = session.get_inputs()[0].name
    return lambda rows: np.asarray(
        _guarded("V12", partial(session.run, None, {name: rows}))[0], dtype=np.float32
    )


def _parsed(data: bytes) -> Any:
    return _guarded("V12", lambda: onnx.load_model_from_string(data))


def _session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    return _guarded(
        "V12", lambda: onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    )


def _guarded(check: str, act: Callable[[], Result]) -> Result:
    """Run a library call; its exceptions are many and untyped, and may quote values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return act()
    except OnnxRefused:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime raises classes derived from Exception alone
        raise OnnxRefused(
            check, f"expected a graph that the libraries accept, got {type(error).__name__}"
        ) from None
