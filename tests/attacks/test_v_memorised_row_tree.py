"""V: trees that single people out by what the partner knows of them, and answer under a pad only the partner has.

The partner knows two harmless facts of each target (year of registration, district) and wants a third, a flag. Each tree
finds eight targets by their facts and gives +1 or -1 for flag XOR pad, the pad being the partner's own random bits, and 0 for
everybody else. Over the population the score is noise: no correlation, no information on the flag. Target by target it is
the flag. 500 trees of depth 8 hold 4,000 targets; three versions of the model hold everybody.

Naive way: the models run, and each target's band gives the flag. Ours: a leaf reached by fewer than 20 people is refused (V9).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from enclaves.vetting.bundle import Bundle
from policies.documents.vetting import Verdict
from tests.attacks.vetted import Domain, baseline, checks, guessed, headed, raw, released
from tests.enclaves.vetting.kit import graph, onnx_part

YEARS, DISTRICTS, TREES, VERSIONS = 1500, 8, 500, 3
PEOPLE = YEARS * DISTRICTS
LIMIT = 0.02
YEAR, DISTRICT, FLAG = 0, 1, 2


@cache
def domain() -> Domain:
    dice = np.random.default_rng(20260503)
    number = dice.permutation(PEOPLE)
    return Domain(
        {"year": number // DISTRICTS, "district": number % DISTRICTS, "flag": dice.integers(0, 2, PEOPLE)}
    )


@cache
def pad() -> NDArray[np.int64]:
    """The partner's bit for each (year, district)."""
    return np.random.default_rng(20260504).integers(0, 2, (YEARS, DISTRICTS))


class _Trees:
    """The lists of one ensemble."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int, float, str, int, int]] = []
        self.leaves: list[tuple[int, int, float]] = []
        self._next = 0

    def tree(self, number: int, year: int) -> None:
        self._next = 0
        root, below = self._new(), self._new()
        outside, late = self._leaf(number, 0.0), self._leaf(number, 0.0)
        inside = self._districts(number, year, 0, DISTRICTS)
        self.nodes.append((number, root, YEAR, year - 0.5, "BRANCH_LEQ", outside, below))
        self.nodes.append((number, below, YEAR, year + 0.5, "BRANCH_LEQ", inside, late))

    def _districts(self, number: int, year: int, low: int, high: int) -> int:
        node = self._new()
        if high - low == 1:
            sign = 1.0 if pad()[year, low] else -1.0
            # flag 0 gives the pad, flag 1 its opposite.
            children = self._leaf(number, sign), self._leaf(number, -sign)
            self.nodes.append((number, node, FLAG, 0.5, "BRANCH_LEQ", *children))
            return node
        middle = (low + high) // 2
        lower, upper = self._districts(number, year, low, middle), self._districts(number, year, middle, high)
        self.nodes.append((number, node, DISTRICT, middle - 0.5, "BRANCH_LEQ", lower, upper))
        return node

    def _leaf(self, number: int, value: float) -> int:
        leaf = self._new()
        self.nodes.append((number, leaf, 0, 0.0, "LEAF", 0, 0))
        self.leaves.append((number, leaf, value))
        return leaf

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def operator(self) -> Any:
        # The runtime takes a tree's first node for its root.
        trees, ids, features, values, modes, yes, no = zip(*sorted(self.nodes), strict=True)
        at, leaves, weights = zip(*self.leaves, strict=True)
        return helper.make_node(
            "TreeEnsembleRegressor",
            ["x"],
            ["y"],
            domain="ai.onnx.ml",
            nodes_treeids=trees,
            nodes_nodeids=ids,
            nodes_featureids=features,
            nodes_values=values,
            nodes_modes=modes,
            nodes_truenodeids=yes,
            nodes_falsenodeids=no,
            target_treeids=at,
            target_nodeids=leaves,
            target_ids=[0] * len(leaves),
            target_weights=weights,
            n_targets=1,
        )


@cache
def version(number: int) -> Bundle:
    """The model of 500 of the years."""
    trees = _Trees()
    for tree in range(TREES):
        trees.tree(tree, number * TREES + tree)
    made = graph([trees.operator()], 3)
    part = onnx_part(["year", "district", "flag"], made, high="1499")
    part = part.model_copy(update={"department": "d00", "dataset": "facts"})
    return headed(Bundle((part,), {"d00": made}, None), low=-1, high=1, cuts=[0, 1])


def recovered(outputs: list[NDArray[Any] | None], *, neutral: int) -> float:
    """Share of people whose flag is read off the version that holds them; without output, the most frequent value."""
    d = domain()
    flag = d.columns["flag"]
    own = pad()[d.columns["year"], d.columns["district"]]
    guess = np.full(PEOPLE, int(flag.mean() > 0.5))
    for output in outputs:
        if output is not None:
            signed = output.astype(np.int64) - neutral
            guess = np.where(signed == 0, guess, np.where(signed > 0, 1 - own, own))
    return float((guess == flag).mean())


@cache
def measure() -> dict[str, Any]:
    """Accuracy of reading everybody's flag."""
    models = [version(number) for number in range(VERSIONS)]
    return {
        "attack": "v-memorised-row-tree",
        "title": {"zh": "以已知信息锁定个人的决策树", "en": "trees that single people out by known facts"},
        "naive": recovered([raw(model, domain()) for model in models], neutral=0),
        "ours": recovered([released(model, domain()) for model in models], neutral=1),
        "baseline": baseline(domain().columns["flag"]),
        "targets": PEOPLE,
        "defense": {"zh": "叶节点人数检查（V9）", "en": "leaf population check (V9)"},
    }


def test_the_naive_way_gives_the_flag_of_everybody() -> None:
    assert measure()["naive"] == 1.0
    assert measure()["targets"] >= 10_000


@pytest.mark.req("RQ-309")
def test_through_vetting_the_trees_gain_nothing() -> None:
    assert measure()["ours"] - measure()["baseline"] <= LIMIT


@pytest.mark.req("RQ-289", "RQ-309")
def test_only_the_people_in_its_leaves_give_the_model_away() -> None:
    found = checks(version(0), domain())
    assert found["v9"] is Verdict.REJECT
    assert {found[name] for name in ("v1", "v3", "v4", "v5", "v6", "v8", "v10", "v11", "v12", "v13")} == {
        Verdict.PASS
    }


def test_the_score_over_the_population_looks_like_noise() -> None:
    observed = raw(version(0), domain())
    assert guessed(observed, domain().columns["flag"]) - baseline(domain().columns["flag"]) < LIMIT
