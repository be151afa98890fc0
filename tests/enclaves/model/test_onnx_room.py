"""ONNX parts: honest graphs run deterministically, everything else is refused before it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from enclaves.model import onnx_room
from enclaves.model.column import Column
from enclaves.model.errors import OnnxRefused
from enclaves.model.onnx_room import Graph, check_graph
from policies.documents.model import OnnxInput, OnnxPart

INPUTS = 3


def model(nodes: list[Any], initializers: list[Any] | None = None, **changes: Any) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        changes.get("fed") or [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, INPUTS])],
        changes.get("out") or [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        initializers or [],
    )
    opsets = changes.get("opsets") or [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if "functions" in changes:
        made.functions.extend(changes["functions"])
    return bytes(made.SerializeToString())


def weights(values: list[float]) -> Any:
    return numpy_helper.from_array(np.array(values, dtype=np.float32).reshape(-1, 1), "w")


GEMM = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
HONEST = model(GEMM, [weights([0.5, -1.0, 2.0])])


def test_an_honest_graph_gives_the_plain_numbers() -> None:
    rows = np.arange(30, dtype=np.float32).reshape(10, INPUTS)
    expected = np.maximum(rows @ np.array([0.5, -1.0, 2.0], dtype=np.float32), 0)
    assert Graph(HONEST, inputs=INPUTS).run(rows).tolist() == expected.astype(np.float64).tolist()


def test_a_row_does_not_depend_on_its_neighbors_or_the_batch() -> None:
    rows = np.random.default_rng(1).normal(size=(200, INPUTS)).astype(np.float32)
    graph = Graph(HONEST, inputs=INPUTS)
    whole = graph.run(rows)
    alone = np.concatenate([graph.run(rows[i : i + 1]) for i in range(len(rows))])
    assert whole.tolist() == alone.tolist()


def test_inputs_are_filled_and_clipped_before_the_graph() -> None:
    inputs = tuple(OnnxInput(column=name, low="0", high="10", fill="4") for name in "abc")
    part = OnnxPart(id="p", department="hospital", dataset="d", inputs=inputs, graph="0" * 64)
    values = np.array([-5.0, 3.0, 50.0, np.nan])
    column = Column(values, np.isnan(values))
    columns = dict.fromkeys("abc", column)
    found = onnx_room.evaluate(part, Graph(HONEST, inputs=INPUTS), columns, slots=4)
    assert found.tolist() == [0.0, 4.5, 15.0, 6.0]


def refused(data: bytes) -> str:
    with pytest.raises(OnnxRefused) as refusal:
        check_graph(data, inputs=INPUTS)
    return refusal.value.check


def test_operators_outside_the_list_are_refused() -> None:
    for op in ("RandomNormalLike", "NonZero", "Tile", "Loop", "If", "Scan", "ReduceSum"):
        assert refused(model([helper.make_node(op, ["x"], ["y"])])) == "V11", op


def test_subgraphs_functions_and_custom_domains_are_refused() -> None:
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["q"])], "inner", [], [])
    assert refused(model([helper.make_node("Relu", ["x"], ["y"], body=inner)])) == "V12"
    function = helper.make_function(
        "own", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    assert refused(model(GEMM, [weights([1, 1, 1])], functions=[function])) == "V12"
    custom = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
    assert refused(model(GEMM, [weights([1, 1, 1])], opsets=custom)) == "V12"


def test_external_data_is_refused() -> None:
    tensor = weights([1, 1, 1])
    tensor.data_location = TensorProto.EXTERNAL
    location = tensor.external_data.add()
    location.key, location.value = "location", "/etc/passwd"
    assert refused(model(GEMM, [tensor])) == "V12"


def test_size_and_constants_are_limited() -> None:
    many = [helper.make_node("Relu", ["x" if i == 0 else f"n{i}"], [f"n{i + 1}"]) for i in range(2001)]
    assert refused(model(many)) == "V12"
    big = numpy_helper.from_array(np.zeros(2**20 + 1, dtype=np.float32), "b")
    assert refused(model(GEMM, [weights([1, 1, 1]), big])) == "V10"
    assert refused(bytes(8 * 1024 * 1024 + 1)) == "V10"
    texts = helper.make_tensor("t", TensorProto.STRING, [1], [b"x"])
    assert refused(model(GEMM, [weights([1, 1, 1]), texts])) == "V10"


def test_computed_shapes_and_indices_are_refused() -> None:
    assert refused(model([helper.make_node("Reshape", ["x", "x"], ["y"])])) == "V11"
    node = helper.make_node("ArrayFeatureExtractor", ["x", "x"], ["y"], domain="ai.onnx.ml")
    assert refused(model([node])) == "V11"


def test_other_inputs_or_outputs_are_refused() -> None:
    def value(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    one = [weights([1, 1, 1])]
    assert refused(model(GEMM, one, fed=[value("x", [None, INPUTS]), value("q", [1])])) == "V6"
    assert refused(model(GEMM, one, out=[value("y", [None, 1]), value("z", [None, 1])])) == "V6"
    assert refused(model(GEMM, one, fed=[value("x", [None, 7])])) == "V12"
    assert refused(model(GEMM, one, fed=[value("x", [None, INPUTS], TensorProto.DOUBLE)])) == "V12"
    assert refused(model(GEMM, one, out=[value("y", [None, 2])])) == "V12"


def test_a_text_that_is_no_utf_8_is_refused_as_everything_else() -> None:
    assert refused(HONEST.replace(b"MatMul", b"MatM\xffl")) in {"V11", "V12"}


def test_configurations_of_devices_and_overloads_are_refused() -> None:
    for change in ("configuration", "device_configurations", "overload"):
        made = onnx.load_model_from_string(HONEST)
        match change:
            case "configuration":
                made.configuration.add().name = "two"
            case "device_configurations":
                made.graph.node[0].device_configurations.add().configuration_id = "two"
            case _:
                made.graph.node[0].overload = "other"
        assert refused(bytes(made.SerializeToString())) == "V12", change


def test_an_axis_of_a_negative_size_is_no_batch_axis() -> None:
    made = onnx.load_model_from_string(HONEST)
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert refused(bytes(made.SerializeToString())) == "V12"


def test_constants_in_segments_or_quantized_are_refused() -> None:
    segmented, quantized = (onnx.load_model_from_string(HONEST) for _ in range(2))
    segmented.graph.initializer[0].segment.begin = 0
    quantized.graph.quantization_annotation.add().tensor_name = "w"
    for made in (segmented, quantized):
        assert refused(bytes(made.SerializeToString())) == "V10"


def test_the_size_of_a_graph_is_bounded_by_its_bytes_whatever_it_says() -> None:
    for dims in ([2**62] * 5, [-(2**40)], [2**40, -3], [2**62] * 200_000):
        made = onnx.load_model_from_string(HONEST)
        made.graph.initializer[0].dims[:] = dims
        size = onnx_room.graph_size(bytes(made.SerializeToString()))
        assert 0 <= size.parameters <= 8 * 1024 * 1024
    assert onnx_room.graph_size(HONEST).parameters == INPUTS


@pytest.mark.parametrize("data", [b"", b"\x08", b"not a graph", HONEST[:-7], HONEST[7:]])
def test_broken_bytes_are_refused(data: bytes) -> None:
    assert refused(data) in {"V10", "V11", "V12"}


def test_onnx_is_new_enough_to_refuse_links() -> None:
    assert tuple(map(int, onnx.__version__.split(".")[:2])) >= (1, 21)
