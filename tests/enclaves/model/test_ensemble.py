"""Trees walked in NumPy against a plain walk, node by node, and against the runtime; lists that are no trees."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.model.ensemble import Ensemble, read_ensemble
from enclaves.model.errors import OnnxRefused

OPERATORS = {
    "BRANCH_LEQ": operator.le,
    "BRANCH_LT": operator.lt,
    "BRANCH_GTE": operator.ge,
    "BRANCH_GT": operator.gt,
    "BRANCH_EQ": operator.eq,
    "BRANCH_NEQ": operator.ne,
}
VALUES = [0.0, 1.0, 2.0, 3.0, float("nan")]


@st.composite
def forests(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Up to three trees of depth up to three over two features, roots first."""
    modes = draw(st.lists(st.sampled_from(sorted(OPERATORS)), min_size=1, max_size=3))
    fields: dict[str, list[Any]] = {
        f"nodes_{name}": []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }

    def grow(tree: int, count: list[int], depth: int) -> int:
        number, count[0] = count[0], count[0] + 1
        branch = depth < 3 and draw(st.booleans())
        place = len(fields["nodes_treeids"])
        for name, value in (
            ("treeids", tree),
            ("nodeids", number),
            ("featureids", draw(st.integers(0, 1))),
            ("values", draw(st.sampled_from(VALUES[:4]))),
            ("modes", draw(st.sampled_from(modes)) if branch else "LEAF"),
            ("truenodeids", 0),
            ("falsenodeids", 0),
            ("missing_value_tracks_true", draw(st.integers(0, 1))),
        ):
            fields[f"nodes_{name}"].append(value)
        if branch:
            fields["nodes_truenodeids"][place] = grow(tree, count, depth + 1)
            fields["nodes_falsenodeids"][place] = grow(tree, count, depth + 1)
        return number

    for tree in range(draw(st.integers(1, 3))):
        grow(tree, [0], 0)
    return fields


def plain_counts(fields: dict[str, list[Any]], rows: np.ndarray) -> list[int]:
    """One person and one node at a time."""
    places = {
        key: place
        for place, key in enumerate(zip(fields["nodes_treeids"], fields["nodes_nodeids"], strict=True))
    }
    counts = [0] * len(places)
    for row in rows:
        for tree in sorted(set(fields["nodes_treeids"])):
            place = places[tree, 0]
            while fields["nodes_modes"][place] != "LEAF":
                value = row[fields["nodes_featureids"][place]]
                holds = OPERATORS[fields["nodes_modes"][place]](value, fields["nodes_values"][place])
                if np.isnan(value):
                    holds = bool(fields["nodes_missing_value_tracks_true"][place])
                child = fields["nodes_truenodeids" if holds else "nodes_falsenodeids"][place]
                place = places[tree, child]
            counts[place] += 1
    return counts


@settings(max_examples=60, deadline=None)
@given(
    fields=forests(),
    rows=st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), min_size=1, max_size=12),
)
def test_every_person_ends_in_the_leaf_of_a_plain_walk(
    fields: dict[str, list[Any]], rows: list[tuple[float, float]]
) -> None:
    table = np.array(rows, dtype=np.float32)
    assert read_ensemble(fields).leaf_counts(table).tolist() == plain_counts(fields, table)


def stump(**changes: Any) -> dict[str, Any]:
    return {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        **changes,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes_modes": ["BRANCH_MEMBER", "LEAF", "LEAF"]},
        {"nodes_nodeids": [0, 1, 1]},
        {"nodes_nodeids": [0, 1]},
        {"nodes_featureids": [-1, 0, 0]},
        {"nodes_truenodeids": [7, 0, 0]},
        {"nodes_values": ["x", 0.0, 0.0]},
        # The root does not stand first: the runtime would begin with a leaf.
        {
            "nodes_modes": ["LEAF", "BRANCH_LEQ", "LEAF"],
            "nodes_truenodeids": [0, 0, 0],
            "nodes_falsenodeids": [0, 2, 0],
        },
        # A circle.
        {
            "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"],
            "nodes_truenodeids": [1, 0, 0],
            "nodes_falsenodeids": [2, 2, 0],
        },
        {
            "nodes_treeids": [],
            "nodes_nodeids": [],
            "nodes_featureids": [],
            "nodes_values": [],
            "nodes_modes": [],
        },
    ],
)
def test_lists_that_are_no_trees_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(OnnxRefused, match="V9"):
        read_ensemble(stump(**changes))
    assert isinstance(read_ensemble(stump()), Ensemble)
    with pytest.raises(OnnxRefused):
        read_ensemble({})


def test_trees_over_features_there_are_not_are_refused() -> None:
    with pytest.raises(OnnxRefused, match="V9"):
        read_ensemble(stump(nodes_featureids=[3, 0, 0])).leaf_counts(np.zeros((5, 2), dtype=np.float32))


def test_the_limits_of_size_are_five_hundred_trees_and_eight_levels() -> None:
    leaf = {
        "nodes_nodeids": [0] * 500,
        "nodes_featureids": [0] * 500,
        "nodes_values": [0.0] * 500,
        "nodes_modes": ["LEAF"] * 500,
        "nodes_truenodeids": [0] * 500,
        "nodes_falsenodeids": [0] * 500,
        "nodes_treeids": list(range(500)),
    }
    assert read_ensemble(leaf).is_small
    more = {name: [*values, 500 if name == "nodes_treeids" else values[0]] for name, values in leaf.items()}
    assert not read_ensemble(more).is_small
