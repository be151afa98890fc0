"""What an ONNX graph may be made of, judged on its parsed form without loading or running it (V6, V10 to V12).

Each rule yields what it finds wrong as (check, reason), so that a report can name everything and not only the first:
- **V10** constants: dense, numeric, at most 4 MB, no table over 1,000 entries, no operator that is a table by nature.
- **V11** operators of the allow-list alone; `Reshape` and `ArrayFeatureExtractor` take constants only: a shape or index
  computed from data could mix rows. `Cast` stays among numbers.
- **V12** closed and small: no local functions, training part, foreign domains, subgraphs, loops, randomness or external
  data; at most 2,000 nodes; no axis but the first of unknown size.
- **V6** one input of float32 [batch, inputs] and one output of one number per row.

Source: protocols.md sections 6.5 and 7.2. The graph comes from `enclaves.model.onnx_room`, the only room of the library;
here it is a tree of plain fields. Trees are judged by the people in their leaves (V9, `enclaves.model.ensemble`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

MAX_GRAPH_BYTES: Final = 8 * 1024 * 1024
MAX_NODES: Final = 2000
MAX_CONSTANT_BYTES: Final = 4 * 1024 * 1024
MAX_TABLE: Final = 1000

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
TREES: Final = frozenset({"TreeEnsembleRegressor", "TreeEnsembleClassifier"})
"""The lists of a tree ensemble are its nodes, not a look-up table."""
_TABLES_BY_NATURE: Final = frozenset({"LabelEncoder", "CategoryMapper", "TfIdfVectorizer"})
_LOOPS: Final = frozenset({"Loop", "Scan", "If"})
# Operators whose second input says where a row's values go.
_CONSTANT_SECOND_INPUT: Final = frozenset({"Reshape", "ArrayFeatureExtractor"})
# TensorProto.DataType of onnx.proto: FLOAT, INT32, INT64, BOOL, DOUBLE.
FLOAT: Final = 1
_NUMERIC: Final = frozenset({FLOAT, 6, 7, 9, 11})

Fault = tuple[str, str]


def faults(model: Any, *, inputs: int) -> Iterator[Fault]:
    """Everything wrong with a parsed graph of `inputs` float columns, the gravest kinds first."""
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    yield from _closed(model)
    yield from _constants(graph)
    for node in graph.node[: MAX_NODES + 1]:
        yield from _node(node, constants)
    yield from _shape(graph, constants, inputs=inputs)


def open_axes(graph: Any) -> Iterator[Fault]:
    """Tensors of an inferred graph with an axis of unknown size behind the first."""
    for value in graph.value_info:
        if (
            value.type.HasField("tensor_type")
            and value.type.tensor_type.HasField("shape")
            and min(_sizes(value)[1:], default=0) < 0
        ):
            yield "V12", "expected only the batch axis to vary, got another of unknown size"
            return


def _closed(model: Any) -> Iterator[Fault]:
    if model.functions or model.training_info:
        yield "V12", "expected no local functions and no training part, got some"
    if any(opset.domain not in ALLOWED_OPS for opset in model.opset_import):
        yield "V12", "expected the domains ai.onnx and ai.onnx.ml, got another"
    if model.configuration or any(node.device_configurations for node in model.graph.node):
        yield "V12", "expected a graph for one device, got a configuration"
    if any(node.overload for node in model.graph.node):
        yield "V12", "expected operators of the standard, got an overload"
    graph = model.graph
    if not 1 <= len(graph.node) <= MAX_NODES:
        yield "V12", f"expected 1 to {MAX_NODES} nodes, got {len(graph.node)}"
    if graph.sparse_initializer:
        yield "V10", "expected dense constants, got sparse ones"
    if graph.quantization_annotation or any(tensor.HasField("segment") for tensor in graph.initializer):
        yield "V10", "expected whole constants that are not quantized, got others"


def _constants(graph: Any) -> Iterator[Fault]:
    total = 0
    for tensor in graph.initializer:
        if tensor.data_location or tensor.external_data:
            yield "V12", "expected constants inside the graph, got external data"
        if tensor.data_type not in _NUMERIC:
            yield "V10", "expected numeric constants, got another type"
        total += tensor.ByteSize()
    if total > MAX_CONSTANT_BYTES:
        yield "V10", f"expected at most {MAX_CONSTANT_BYTES} bytes of constants, got {total}"


def _node(node: Any, constants: set[str]) -> Iterator[Fault]:
    if node.op_type not in ALLOWED_OPS.get(node.domain, frozenset()):
        yield "V11", "expected operators of the allow-list, got another"
    if node.op_type in _LOOPS or node.op_type.startswith("Random"):
        yield "V12", "expected no loop, branch or randomness, got one"
    if node.op_type in _TABLES_BY_NATURE:
        yield "V10", "expected no operator that is a table, got one"
    if node.op_type in _CONSTANT_SECOND_INPUT and (len(node.input) < 2 or node.input[1] not in constants):
        yield "V11", f"expected a constant second input of {node.op_type}, got a computed one"
    for attribute in node.attribute:
        yield from _attribute(node.op_type, attribute)


def _attribute(operator: str, attribute: Any) -> Iterator[Fault]:
    if attribute.HasField("g") or attribute.graphs or attribute.ref_attr_name:
        yield "V12", "expected no subgraphs, got one"
    if attribute.HasField("sparse_tensor") or attribute.sparse_tensors or attribute.tensors:
        yield "V10", "expected plain attributes, got tensors"
    if attribute.HasField("t") and (attribute.t.external_data or attribute.t.data_type not in _NUMERIC):
        yield "V12", "expected a numeric tensor inside the graph, got another"
    if operator == "Cast" and attribute.name == "to" and attribute.i not in _NUMERIC:
        yield "V10", "expected a cast among numbers, got another type"
    if operator not in TREES and table_entries(attribute) > MAX_TABLE:
        yield "V10", f"expected at most {MAX_TABLE} entries in a table, got more"


def width(value: Any) -> int | None:
    """Size of the second axis of a tensor of shape [batch, inputs], or None."""
    sizes = _sizes(value)
    return sizes[1] if len(sizes) == 2 and sizes[1] > 0 else None


def table_entries(attribute: Any) -> int:
    """How many entries the longest list of an attribute has."""
    return max(len(attribute.floats), len(attribute.ints), len(attribute.strings))


def _shape(graph: Any, constants: set[str], *, inputs: int) -> Iterator[Fault]:
    fed = [value for value in graph.input if value.name not in constants]
    if len(fed) != 1 or len(graph.output) != 1:
        yield "V6", f"expected one input and one output, got {len(fed)} and {len(graph.output)}"
        return
    if _batched(fed[0]) != (None, inputs) or fed[0].type.tensor_type.elem_type != FLOAT:
        yield "V12", f"expected a float32 input of shape [batch, {inputs}], got another"
    if _batched(graph.output[0]) not in {(None, 1), (None,)}:
        yield "V12", "expected an output of shape [batch, 1], got another"


def _batched(value: Any) -> tuple[int | None, ...]:
    """Sizes of a tensor's axes, None for the batch axis; an unknown axis behind the first is -1 and fits nothing."""
    return tuple(None if index == 0 and size == -1 else size for index, size in enumerate(_sizes(value)))


def _sizes(value: Any) -> tuple[int, ...]:
    """-1 for an axis of unknown size, -2 for one that says it has a negative size: that is no batch axis."""
    axes = value.type.tensor_type.shape.dim
    return tuple(
        (axis.dim_value if axis.dim_value >= 0 else -2) if axis.HasField("dim_value") else -1 for axis in axes
    )
