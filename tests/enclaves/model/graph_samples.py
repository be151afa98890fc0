"""Honest graphs of three inputs, one for each family of operators that a part may use: what the mutants are made from."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

INPUTS = 3


def _tensor(name: str, values: Any, kind: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def _graph(nodes: list[Any], tensors: list[Any] | None = None, *, out: list[Any] | None = None) -> bytes:
    made = helper.make_graph(
        nodes,
        "part",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out or [None, 1])],
        tensors or [],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString())


def _ml(operator: str, given: list[str], made: list[str], **attributes: Any) -> Any:
    return helper.make_node(operator, given, made, domain="ai.onnx.ml", **attributes)


def _node(operator: str, given: list[str], made: list[str], **attributes: Any) -> Any:
    return helper.make_node(operator, given, made, **attributes)


def _network() -> bytes:
    dice = np.random.default_rng(1)
    nodes = [
        _node("Gemm", ["x", "w1", "b1"], ["h1"], alpha=1.0, beta=1.0),
        _node("Relu", ["h1"], ["h2"]),
        _node("MatMul", ["h2", "w2"], ["h3"]),
        _node("Sigmoid", ["h3"], ["y"]),
    ]
    return _graph(
        nodes,
        [_tensor("w1", dice.normal(size=(3, 8))), _tensor("b1", [0.1] * 8), _tensor("w2", np.ones((8, 1)))],
    )


def _arithmetic() -> bytes:
    nodes = [
        _node("Clip", ["x", "low", "high"], ["c"]),
        _node("Concat", ["c", "c"], ["d"], axis=1),
        _node("Tanh", ["d"], ["e"]),
        _node("Softmax", ["e"], ["f"], axis=1),
        _node("MatMul", ["f", "w"], ["g"]),
        _node("Cast", ["g"], ["h"], to=TensorProto.DOUBLE),
        _node("Cast", ["h"], ["i"], to=TensorProto.FLOAT),
        _node("Reshape", ["i", "shape"], ["y"]),
    ]
    tensors = [
        _tensor("low", -1.0),
        _tensor("high", 1.0),
        _tensor("w", np.ones((6, 1))),
        _tensor("shape", [-1, 1], np.int64),
    ]
    return _graph(nodes, tensors)


def _trees() -> bytes:
    tree = _ml(
        "TreeEnsembleRegressor",
        ["s"],
        ["y"],
        nodes_treeids=[0, 0, 0, 0, 0],
        nodes_nodeids=[0, 1, 2, 3, 4],
        nodes_featureids=[0, 1, 0, 0, 0],
        nodes_values=[0.5, -1.0, 0.0, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF"],
        nodes_truenodeids=[1, 3, 0, 0, 0],
        nodes_falsenodeids=[2, 4, 0, 0, 0],
        target_treeids=[0, 0, 0],
        target_nodeids=[2, 3, 4],
        target_ids=[0, 0, 0],
        target_weights=[1.0, 2.0, 3.0],
        n_targets=1,
    )
    return _graph([_ml("Scaler", ["x"], ["s"], offset=[1.0, 0.0, 0.0], scale=[1.0, 2.0, 1.0]), tree])


def _regression() -> bytes:
    nodes = [
        _ml("Imputer", ["x"], ["i"], imputed_value_floats=[0.0], replaced_value_float=float("nan")),
        _ml("Normalizer", ["i"], ["n"], norm="L2"),
        _ml("LinearRegressor", ["n"], ["y"], coefficients=[1.0, -2.0, 0.5], intercepts=[0.25], targets=1),
    ]
    return _graph(nodes)


def _classes() -> bytes:
    nodes = [
        _ml(
            "LinearClassifier",
            ["x"],
            ["label", "scores"],
            coefficients=[1.0, 0.0, -1.0, -1.0, 0.0, 1.0],
            intercepts=[0.0, 0.1],
            classlabels_ints=[0, 1],
            post_transform="LOGISTIC",
        ),
        _ml("ArrayFeatureExtractor", ["scores", "second"], ["one"]),
        _node("Exp", ["one"], ["e"]),
        _node("Sqrt", ["e"], ["r"]),
        _node("Log", ["r"], ["l"]),
        _node("Add", ["l", "l"], ["p"]),
        _node("Identity", ["p"], ["y"]),
    ]
    return _graph(nodes, [_tensor("second", [1], np.int64)])


SAMPLES: tuple[bytes, ...] = (_network(), _arithmetic(), _trees(), _regression(), _classes())
