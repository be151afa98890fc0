"""Which graphs a part may be, a second time: from protocols.md section 6.5 alone, by walking every field that is set.

The room lists what it refuses; this lists what may stand there, so that a field neither thought of is found. Nothing of
the room is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from google.protobuf.message import DecodeError

INPUTS = 3
FIELDS: Mapping[str, frozenset[str]] = {
    "ModelProto": frozenset(
        [
            "ir_version",
            "opset_import",
            "producer_name",
            "producer_version",
            "domain",
            "model_version",
            "doc_string",
            "graph",
            "metadata_props",
        ]
    ),
    "OperatorSetIdProto": frozenset({"domain", "version"}),
    "StringStringEntryProto": frozenset({"key", "value"}),
    "GraphProto": frozenset(
        ["node", "name", "initializer", "doc_string", "input", "output", "value_info", "metadata_props"]
    ),
    "NodeProto": frozenset(
        ["input", "output", "name", "op_type", "domain", "attribute", "doc_string", "metadata_props"]
    ),
    "AttributeProto": frozenset(
        ["name", "type", "doc_string", "f", "i", "s", "t", "floats", "ints", "strings"]
    ),
    "TensorProto": frozenset(
        [
            "dims",
            "data_type",
            "data_location",
            "float_data",
            "int32_data",
            "int64_data",
            "double_data",
            "raw_data",
            "name",
            "doc_string",
            "metadata_props",
        ]
    ),
    "ValueInfoProto": frozenset({"name", "type", "doc_string", "metadata_props"}),
    "TypeProto": frozenset({"tensor_type", "denotation"}),
    "Tensor": frozenset({"elem_type", "shape"}),
    "TensorShapeProto": frozenset({"dim"}),
    "Dimension": frozenset({"dim_value", "dim_param", "denotation"}),
}
OPERATORS: Mapping[str, frozenset[str]] = {
    "": frozenset(
        [
            "Gemm",
            "MatMul",
            "Add",
            "Sub",
            "Mul",
            "Div",
            "Clip",
            "Relu",
            "Sigmoid",
            "Tanh",
            "Softmax",
            "Exp",
            "Log",
            "Sqrt",
            "Cast",
            "Concat",
            "Reshape",
            "Identity",
        ]
    ),
    "ai.onnx.ml": frozenset(
        [
            "LinearRegressor",
            "LinearClassifier",
            "Scaler",
            "TreeEnsembleRegressor",
            "TreeEnsembleClassifier",
            "Normalizer",
            "Imputer",
            "ArrayFeatureExtractor",
        ]
    ),
}
NUMERIC = frozenset(getattr(onnx.TensorProto, name) for name in ("FLOAT", "DOUBLE", "INT32", "INT64", "BOOL"))


def refusal(data: bytes) -> str | None:
    """Why a graph is outside of what is allowed, or None."""
    if len(data) > 8 << 20:
        return "size"
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return "bytes"
    return _fields(model) or _operators(model.graph) or _constants(model.graph) or _edges(model.graph)


def _fields(message: Any) -> str | None:
    allowed = FIELDS.get(message.DESCRIPTOR.name)
    if allowed is None:
        return f"message {message.DESCRIPTOR.name}"
    for field, value in message.ListFields():
        if not field.is_repeated and field.type != field.TYPE_MESSAGE and value == field.default_value:
            # Said, and nothing said.
            continue
        if field.name not in allowed:
            return f"field {message.DESCRIPTOR.name}.{field.name}"
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                found = _fields(inner)
                if found is not None:
                    return found
    return None


def _operators(graph: Any) -> str | None:
    constants = {tensor.name for tensor in graph.initializer}
    if not 1 <= len(graph.node) <= 2000:
        return "number of nodes"
    for node in graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if node.op_type not in OPERATORS.get(domain, ()):
            return f"operator {node.domain}.{node.op_type}"
        if node.op_type in {"Reshape", "ArrayFeatureExtractor"} and not constants.intersection(
            node.input[1:2]
        ):
            return f"computed {node.op_type}"
        for attribute in node.attribute:
            longest = max(len(attribute.floats), len(attribute.ints), len(attribute.strings))
            if longest > 1000 and not node.op_type.startswith("TreeEnsemble"):
                return "table"
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i not in NUMERIC:
                return "cast"
            if attribute.HasField("t") and (
                attribute.t.data_type not in NUMERIC or attribute.t.data_location
            ):
                return "tensor attribute"
    return None


def _constants(graph: Any) -> str | None:
    if sum(len(tensor.SerializeToString()) for tensor in graph.initializer) > 4 << 20:
        return "constants"
    if any(tensor.data_location != onnx.TensorProto.DEFAULT for tensor in graph.initializer):
        return "external data"
    if any(tensor.data_type not in NUMERIC for tensor in graph.initializer):
        return "type of constants"
    return None


def _edges(graph: Any) -> str | None:
    constants = {tensor.name for tensor in graph.initializer}
    fed = [value for value in graph.input if value.name not in constants]
    if len(fed) != 1 or len(graph.output) != 1:
        return "number of inputs and outputs"
    if _axes(fed[0]) != [None, INPUTS] or fed[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        return "input"
    if _axes(graph.output[0]) not in ([None, 1], [None]):
        return "output"
    return None


def _axes(value: Any) -> list[int | None]:
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
