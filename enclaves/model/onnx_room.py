"""ONNX graphs as parts: refused unless small, closed and plain, then run deterministically. The only room of ONNX.

Rules:
- Data, never code: the graph comes as bytes and refers to nothing outside them. Custom domains, local functions,
  external data, subgraphs and operators outside the allow-list are refused (V11, V12).
- At most 8 MB, 2,000 nodes, 4 MB of constants, 1,000 entries in a table (V10, V12); numbers only, no string tensors.
- One input, float32 [batch, inputs], and one output of one number per row, [batch, 1] or [batch].
- `Reshape` and `ArrayFeatureExtractor` take constants only: a shape or index computed from data could mix rows.
- One thread, sequential, no graph optimization beyond the basic level: the same bytes give the same numbers.
- Everything the libraries raise becomes `OnnxRefused`; its text never quotes a value.

Source: protocols.md sections 6.5 (V10 to V12) and 7.2. Row independence (V13) is probed by the examiner; time and memory
are limited by the confined child this runs in.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import onnx
import onnxruntime

from enclaves.model.column import Column, Numbers
from enclaves.model.errors import ModelError, OnnxRefused
from policies.documents.model import OnnxPart

MAX_GRAPH_BYTES: Final = 8 * 1024 * 1024
MAX_NODES: Final = 2000
MAX_CONSTANT_BYTES: Final = 4 * 1024 * 1024
MAX_TABLE: Final = 1000
BATCH_SLOTS: Final = 65_536

_CORE_OPS: Final = frozenset(
    {"Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Clip", "Relu", "Sigmoid", "Tanh", "Softmax", "Exp", "Log"}
    | {"Sqrt", "Cast", "Concat", "Reshape", "Identity"}
)
_ML_OPS: Final = frozenset(
    {"LinearRegressor", "LinearClassifier", "Scaler", "TreeEnsembleRegressor", "TreeEnsembleClassifier"}
    | {"Normalizer", "Imputer", "ArrayFeatureExtractor"}
)
ALLOWED_OPS: Final[Mapping[str, frozenset[str]]] = {
    "": _CORE_OPS,
    "ai.onnx": _CORE_OPS,
    "ai.onnx.ml": _ML_OPS,
}
# Operators whose second input says where a row's values go.
_CONSTANT_SECOND_INPUT: Final = frozenset({"Reshape", "ArrayFeatureExtractor"})
# The lists of a tree ensemble are its nodes, not a look-up table: V9 and V10 of the examiner judge them.
_TREES: Final = frozenset({"TreeEnsembleRegressor", "TreeEnsembleClassifier"})
_NUMERIC: Final = frozenset(
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.INT32,
        onnx.TensorProto.INT64,
        onnx.TensorProto.BOOL,
    }
)

Result = TypeVar("Result")


class Graph:
    """A checked graph, ready to run on `inputs` float32 columns."""

    __slots__ = ("_input", "_session", "inputs")

    def __init__(self, data: bytes, *, inputs: int) -> None:
        """Raises OnnxRefused with the check that failed."""
        check_graph(data, inputs=inputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        self._session: Any = _guarded(
            "V12", lambda: onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        )
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
    rows = np.empty((slots, len(part.inputs)), dtype=np.float32)
    for index, item in enumerate(part.inputs):
        column = columns.get(item.column)
        if column is None or len(column.values) != slots:
            raise ModelError(f"expected {slots} values in column `{item.column}`, got none or others")
        rows[:, index] = np.clip(column.numbers(fill=float(item.fill)), float(item.low), float(item.high))
    return graph.run(rows)


def check_graph(data: bytes, *, inputs: int) -> None:
    """Raise OnnxRefused unless `data` is a graph this room may run."""
    if len(data) > MAX_GRAPH_BYTES:
        raise OnnxRefused("V10", f"expected at most {MAX_GRAPH_BYTES} bytes, got {len(data)}")
    model: Any = _guarded("V12", lambda: onnx.load_model_from_string(data))
    _check_closed(model)
    graph = model.graph
    _check_constants(graph)
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        _check_node(node, constants)
    _check_shape(graph, inputs=inputs)
    _guarded("V12", lambda: onnx.checker.check_model(model, full_check=True))


def _check_closed(model: Any) -> None:
    if model.functions or model.training_info:
        raise OnnxRefused("V12", "expected no local functions and no training part, got some")
    for opset in model.opset_import:
        if opset.domain not in ALLOWED_OPS:
            raise OnnxRefused("V12", "expected the domains ai.onnx and ai.onnx.ml, got another")
    graph = model.graph
    if not 1 <= len(graph.node) <= MAX_NODES:
        raise OnnxRefused("V12", f"expected 1 to {MAX_NODES} nodes, got {len(graph.node)}")
    if graph.sparse_initializer:
        raise OnnxRefused("V10", "expected dense constants, got sparse ones")


def _check_constants(graph: Any) -> None:
    total = 0
    for tensor in graph.initializer:
        if tensor.data_location != onnx.TensorProto.DEFAULT or tensor.external_data:
            raise OnnxRefused("V12", "expected constants inside the graph, got external data")
        if tensor.data_type not in _NUMERIC:
            raise OnnxRefused("V10", "expected numeric constants, got another type")
        total += tensor.ByteSize()
    if total > MAX_CONSTANT_BYTES:
        raise OnnxRefused("V10", f"expected at most {MAX_CONSTANT_BYTES} bytes of constants, got {total}")


def _check_node(node: Any, constants: set[str]) -> None:
    if node.op_type not in ALLOWED_OPS.get(node.domain, frozenset()):
        raise OnnxRefused("V11", "expected operators of the allow-list, got another")
    if node.op_type in _CONSTANT_SECOND_INPUT and (len(node.input) < 2 or node.input[1] not in constants):
        raise OnnxRefused("V11", f"expected a constant second input of {node.op_type}, got a computed one")
    for attribute in node.attribute:
        if attribute.HasField("g") or attribute.graphs or attribute.ref_attr_name:
            raise OnnxRefused("V12", "expected no subgraphs, got one")
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors or attribute.tensors:
            raise OnnxRefused("V10", "expected plain attributes, got tensors")
        if attribute.HasField("t") and (attribute.t.external_data or attribute.t.data_type not in _NUMERIC):
            raise OnnxRefused("V12", "expected a numeric tensor inside the graph, got another")
        if node.op_type not in _TREES and max(len(attribute.floats), len(attribute.ints)) > MAX_TABLE:
            raise OnnxRefused("V10", f"expected at most {MAX_TABLE} entries in a table, got more")
        if len(attribute.strings) > MAX_TABLE and node.op_type not in _TREES:
            raise OnnxRefused("V10", "expected no table of texts, got one")


def _check_shape(graph: Any, *, inputs: int) -> None:
    constants = {tensor.name for tensor in graph.initializer}
    fed = [value for value in graph.input if value.name not in constants]
    if len(fed) != 1 or len(graph.output) != 1:
        raise OnnxRefused("V6", f"expected one input and one output, got {len(fed)} and {len(graph.output)}")
    if _shape(fed[0]) != (None, inputs) or fed[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise OnnxRefused("V12", f"expected a float32 input of shape [batch, {inputs}], got another")
    if _shape(graph.output[0]) not in {(None, 1), (None,)}:
        raise OnnxRefused("V12", "expected an output of shape [batch, 1], got another")


def _shape(value: Any) -> tuple[int | None, ...]:
    """Sizes of a tensor's axes, None for the batch axis; an unknown axis behind the first is -1 and fits nothing."""
    axes = value.type.tensor_type.shape.dim
    sizes = [axis.dim_value if axis.HasField("dim_value") else -1 for axis in axes]
    return tuple(None if index == 0 and size == -1 else size for index, size in enumerate(sizes))


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
