"""V9 to V13: what an ONNX part is made of, and how it behaved on the domain's rows.

The enclave reads the graph's bytes under the static rules before anything runs, then walks its trees and tries it row by
row (`enclaves.model.graph_rules`, `enclaves.vetting`); it signs what it found, and this judges it. A model without a graph
has nothing to look at here, and a graph without trees none for V9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policies.documents.vetting import Check, GraphMetric, Verdict
from policies.vetting.case import Case
from policies.vetting.checks import check, not_applicable, not_measured
from policies.vetting.limits import (
    MAX_CONSTANT_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MAX_TABLE,
    MAX_TREES,
    MIN_LEAF_PERSONS,
    PERSONS_PER_PARAMETER,
)

_Described = tuple[GraphMetric, int]
"""A graph's figures and the persons of its domain."""


def graph_checks(case: Case) -> Iterator[Check]:
    """V9 to V13."""
    graphs = [(d.metrics.graph, d.metrics.persons) for d in case.graphs if d.metrics.graph is not None]
    if not graphs:
        for name in ("v9", "v10", "v11", "v12", "v13"):
            yield not_applicable(name, zh="模型中没有 ONNX 部分", en="the model has no ONNX part")
        return
    yield _leaves(graphs)
    yield _constants(graphs)
    yield _static("v11", graphs, lambda _: True, figure=f"{len(graphs)} graphs")
    nodes = max(graph.nodes for graph, _ in graphs)
    yield _static("v12", graphs, lambda graph: graph[0].nodes <= MAX_NODES, figure=f"up to {nodes} nodes")
    yield _independent(graphs)


def _leaves(graphs: list[_Described]) -> Check:
    """V9: no leaf remembers a handful of people."""
    grown = [graph for graph, _ in graphs if graph.trees or "v9" in graph.faults]
    if not grown:
        return not_applicable("v9", zh="模型图中没有决策树", en="no graph has trees")
    trees, depth = max(graph.trees for graph in grown), max(graph.depth for graph in grown)
    small = any(graph.small_leaf for graph in grown)
    figure = f"{trees} trees, depth {depth}, {'a leaf' if small else 'no leaf'} of 1 to {MIN_LEAF_PERSONS - 1} persons"
    if small or trees > MAX_TREES or depth > MAX_DEPTH or any("v9" in graph.faults for graph in grown):
        return check(
            "v9",
            figure,
            verdict=Verdict.REJECT,
            zh="有叶节点只含极少数人，或树过多、过深，可能记住了个人",
            en="a leaf holds only a few persons, or trees are too many or too deep: they may remember people",
        )
    if any(graph.small_leaf is None for graph in grown):
        return not_measured("v9")
    return check(
        "v9",
        figure,
        verdict=Verdict.PASS,
        zh="每个叶节点都有足够的人",
        en="every leaf that is reached holds enough persons",
    )


def _constants(graphs: list[_Described]) -> Check:
    """V10: too little room to hold a table of people."""
    parameters = max(graph.parameters for graph, _ in graphs)
    size = max(graph.constant_bytes for graph, _ in graphs)
    table = max(graph.largest_table for graph, _ in graphs)

    def fits(described: _Described) -> bool:
        graph, persons = described
        return (
            graph.constant_bytes <= MAX_CONSTANT_BYTES
            and graph.largest_table <= MAX_TABLE
            and graph.parameters * PERSONS_PER_PARAMETER <= persons
        )

    figure = f"up to {parameters} parameters, {size} bytes of constants, a table of {table} entries"
    return _static("v10", graphs, fits, figure=figure)


def _static(name: str, graphs: list[_Described], fits: Callable[[_Described], bool], *, figure: str) -> Check:
    holds = all(name not in graph.faults and fits((graph, persons)) for graph, persons in graphs)
    return check(
        name,
        figure if holds else f"{figure}; refused",
        verdict=Verdict.PASS if holds else Verdict.REJECT,
        zh="静态检查通过" if holds else "静态检查不通过，模型图不予运行",
        en="the static check holds" if holds else "a graph fails the static check",
    )


def _independent(graphs: list[_Described]) -> Check:
    """V13: nobody's score depends on who else is in the batch."""
    found = [graph.row_independent for graph, _ in graphs]
    if False in found:
        return check(
            "v13",
            "another value in another batch or order",
            verdict=Verdict.REJECT,
            zh="同一行在不同批次或次序中评分不同",
            en="a row scores otherwise alone, in a batch or in another order",
        )
    if None in found:
        return not_measured("v13")
    return check(
        "v13",
        "the same alone, in a batch and in another order",
        verdict=Verdict.PASS,
        zh="评分只取决于本行",
        en="a score depends on its own row only",
    )
