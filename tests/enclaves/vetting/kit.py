"""Parts, columns and graphs for tests of measuring; invented people."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from connectors.store.statistics import ColumnStatistics
from enclaves.model.column import Column
from enclaves.vetting.metrics import Population, Subject
from policies.documents.dataset import ColumnType
from policies.documents.model import Feature, LinearPart, OnnxInput, OnnxPart, Part, PartHead


def numbers(values: Any) -> Column:
    array = np.asarray(values, dtype=np.float64)
    return Column(np.where(np.isnan(array), 0.0, array), np.isnan(array))


def linear_part(weights: dict[str, str], high: str = "100") -> LinearPart:
    return LinearPart(
        id="part",
        department="hospital",
        dataset="visits",
        features=tuple(Feature(column=c, weight=w, low="0", high=high, fill="0") for c, w in weights.items()),
    )


def onnx_part(columns: list[str], graph: bytes, high: str = "100") -> OnnxPart:
    return OnnxPart(
        id="part",
        department="hospital",
        dataset="visits",
        inputs=tuple(OnnxInput(column=c, low="0", high=high, fill="0") for c in columns),
        graph=hashlib.sha256(graph).hexdigest(),
    )


def subject_of(part: Part, *, grid: float = 1.0, bands: int = 20, **types: ColumnType) -> Subject:
    head = PartHead(
        department="hospital", dataset="visits", digest=part.digest, default=0, low=-65536, high=65536
    )
    known = {name: types.get(name, ColumnType.INTEGER) for name in part.columns}
    return Subject(part, head, grid, bands, known, frozenset(part.columns[:1]))


def everybody(**columns: Any) -> Population:
    found = {name: numbers(values) for name, values in columns.items()}
    return Population(found, len(next(iter(found.values())).values))


def figures(part: Part, population: Population) -> list[ColumnStatistics]:
    items = part.features if isinstance(part, LinearPart) else part.inputs
    found = []
    for item in items:
        column = population.columns[item.column]
        known = np.clip(column.values[~column.missing].astype(np.float64), float(item.low), float(item.high))
        found.append(ColumnStatistics(item.column, len(known), float(known.var()) if len(known) else 0.0))
    return found


def graph(nodes: list[Any], inputs: int, initializers: dict[str, Any] | None = None) -> bytes:
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in (initializers or {}).items()]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        tensors,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString())


def weighted_graph(weights: list[float], **settings: Any) -> bytes:
    """x·w, or softmax of it over the people when `across_rows`."""
    column = np.array(weights, dtype=np.float32).reshape(-1, 1)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z" if settings.get("across_rows") else "y"])]
    if settings.get("across_rows"):
        nodes.append(helper.make_node("Softmax", ["z"], ["y"], axis=0))
    return graph(nodes, len(weights), {"w": column})


def tree_graph(splits: list[tuple[int, float]], *, scaled: bool = False) -> bytes:
    """One tree, a chain of splits `x[feature] <= threshold`, each true child a leaf; optionally behind a Scaler."""
    nodes = len(splits)
    lists: dict[str, list[Any]] = {name: [] for name in ("ids", "feature", "value", "mode", "yes", "no")}
    for number, (feature, threshold) in enumerate(splits):
        last = number == nodes - 1
        for name, item in zip(
            lists,
            (number, feature, threshold, "BRANCH_LEQ", nodes + number, 2 * nodes if last else number + 1),
            strict=True,
        ):
            lists[name].append(item)
    for leaf in range(nodes, 2 * nodes + 1):
        for name, item in zip(lists, (leaf, 0, 0.0, "LEAF", 0, 0), strict=True):
            lists[name].append(item)
    count = len(lists["ids"])
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["s" if scaled else "x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0] * count,
        nodes_nodeids=lists["ids"],
        nodes_featureids=lists["feature"],
        nodes_values=lists["value"],
        nodes_modes=lists["mode"],
        nodes_truenodeids=lists["yes"],
        nodes_falsenodeids=lists["no"],
        target_treeids=[0] * (nodes + 1),
        target_nodeids=list(range(nodes, 2 * nodes + 1)),
        target_ids=[0] * (nodes + 1),
        target_weights=[float(leaf) for leaf in range(nodes + 1)],
        n_targets=1,
    )
    before = [
        helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[10.0, 10.0], scale=[2.0, 2.0])
    ]
    return graph([*before, tree] if scaled else [tree], 2)
