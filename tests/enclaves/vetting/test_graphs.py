"""ONNX parts: static faults by name, leaves of a few people, rows that look at their neighbors."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from enclaves.model import onnx_room
from enclaves.model.errors import OnnxRefused
from enclaves.vetting.graphs import has_small_leaf, inspect, observed
from enclaves.vetting.probes import is_row_independent
from enclaves.worker.vector import evaluator
from tests.enclaves.vetting.kit import everybody, graph, onnx_part, tree_graph, weighted_graph

ROWS = 1000
PEOPLE = everybody(a=np.arange(ROWS) % 100, b=np.arange(ROWS) // 10)
HONEST = weighted_graph([1.0, 2.0])


def test_an_honest_graph_has_no_fault_and_its_size_is_told() -> None:
    found = inspect(HONEST, inputs=2)
    assert found.faults == ()
    assert (found.size.nodes, found.size.parameters, found.trees) == (1, 2, 0)


@pytest.mark.parametrize(
    ("node", "faults"),
    [
        (helper.make_node("RandomNormalLike", ["x"], ["y"]), {"v11", "v12"}),
        (helper.make_node("Loop", ["x"], ["y"]), {"v11", "v12"}),
        (helper.make_node("Scan", ["x"], ["y"]), {"v11", "v12"}),
        (helper.make_node("If", ["x"], ["y"]), {"v11", "v12"}),
        (helper.make_node("LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml"), {"v10", "v11"}),
        (helper.make_node("CategoryMapper", ["x"], ["y"], domain="ai.onnx.ml"), {"v10", "v11"}),
        (helper.make_node("TfIdfVectorizer", ["x"], ["y"]), {"v10", "v11"}),
        (helper.make_node("Gather", ["x", "x"], ["y"]), {"v11"}),
        (helper.make_node("Cast", ["x"], ["y"], to=8), {"v10"}),
    ],
)
def test_a_report_names_every_check_a_graph_fails(node: object, faults: set[str]) -> None:
    assert set(inspect(graph([node], 2), inputs=2).faults) == faults


def test_bytes_that_are_no_graph_are_a_fault_and_not_an_error() -> None:
    assert inspect(b"\x00\x01", inputs=2).faults == ("v12",)
    assert inspect(bytes(9 * 1024 * 1024), inputs=2).faults == ("v10",)


def test_an_axis_that_is_not_the_batch_may_not_vary() -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["f"]),
        helper.make_node("Reshape", ["f", "wide"], ["w"]),
        helper.make_node("MatMul", ["x", "k"], ["y"]),
    ]
    shapes = {"flat": np.array([1, -1]), "wide": np.array([-1, 2]), "k": np.ones((2, 1), dtype=np.float32)}
    assert inspect(graph(nodes, 2, shapes), inputs=2).faults == ("v12",)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_leaf_of_nineteen_is_small_and_one_of_twenty_is_not(scaled: bool) -> None:
    def small(threshold: float) -> bool:
        made = tree_graph([(1, (threshold - 10) * 2 if scaled else threshold)], scaled=scaled)
        return has_small_leaf(onnx_part(["a", "b"], made), made, PEOPLE)

    # Ten people share each value of b.
    assert small(0.5)
    assert not small(1.5)
    # Nobody at all is no small group.
    assert not small(1000.0)


def test_leaves_are_those_the_runtime_reaches() -> None:
    made = tree_graph([(0, 30.0), (1, 50.0), (0, 70.0)])
    part = onnx_part(["a", "b"], made)
    rows = onnx_room.rows_of(part, PEOPLE.columns, slots=ROWS)
    reached = onnx_room.Graph(made, inputs=2).run(rows)
    ((ensemble, fed),) = onnx_room.tree_ensembles(made)
    counts = ensemble.leaf_counts(fed(rows))
    assert ensemble.depth == 3
    assert counts[3:].tolist() == np.bincount(reached.astype(int), minlength=4).tolist()


def test_too_deep_a_tree_is_a_fault() -> None:
    assert inspect(tree_graph([(0, float(n)) for n in range(8)]), inputs=2).faults == ()
    found = inspect(tree_graph([(0, float(n)) for n in range(9)]), inputs=2)
    assert (found.faults, found.depth) == (("v9",), 9)


def test_lists_that_are_no_tree_are_a_fault() -> None:
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0],
        nodes_nodeids=[0, 1],
        nodes_featureids=[0, 0],
        nodes_values=[1.0, 1.0],
        nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ"],
        nodes_truenodeids=[1, 0],
        nodes_falsenodeids=[1, 0],
        target_treeids=[0],
        target_nodeids=[1],
        target_ids=[0],
        target_weights=[1.0],
        n_targets=1,
    )
    with pytest.raises(OnnxRefused, match="V9"):
        onnx_room.ensembles(graph([node], 2))
    assert inspect(graph([node], 2), inputs=2).faults == ("v9",)


def test_a_graph_that_looks_at_its_neighbors_is_found_out() -> None:
    crossing = weighted_graph([0.01, 0.02], across_rows=True)
    for made, independent in ((HONEST, True), (crossing, False)):
        part = onnx_part(["a", "b"], made)
        found = is_row_independent(evaluator(part, made), PEOPLE.columns, slots=ROWS, grid=1e-6)
        assert found is independent


def test_what_was_observed_stands_in_the_document() -> None:
    made = tree_graph([(1, 0.5)])
    part = onnx_part(["a", "b"], made)
    body = observed(
        inspect(made, inputs=2),
        part,
        made,
        population=PEOPLE,
        evaluate=evaluator(part, made),
        grid=1.0,
    )
    assert (body["trees"], body["depth"], body["small_leaf"], body["row_independent"]) == (1, 1, True, True)
