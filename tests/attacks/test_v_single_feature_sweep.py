"""V: a step table over one feature, in order or scrambled, one to one on more than 20 levels.

Naive way: the score is handed over, and each step is a value. Ours: sweeping the feature alone shows the steps (V14), and
band and feature share their information (V4, V5) even where the scrambled order hides the rank (V3).
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

PEOPLE, LEVELS = 12_800, 64
LIMIT = 0.02


@cache
def domain() -> Domain:
    dice = np.random.default_rng(20260505)
    return Domain({"days": dice.integers(0, LEVELS, PEOPLE), "age": dice.integers(0, 100, PEOPLE)})


def step_table(table: NDArray[np.int64]) -> Bundle:
    """A tree of depth 6 with one leaf for each of the 64 values of `days`, 10 units apart, and a little of the age."""
    nodes: dict[int, tuple[float, str, int, int]] = {}
    leaves: list[tuple[int, float]] = []

    def grow(low: int, high: int) -> int:
        number = len(nodes)
        nodes[number] = (0.0, "LEAF", 0, 0)
        if high - low == 1:
            leaves.append((number, 10.0 * float(table[low])))
            return number
        middle = (low + high) // 2
        nodes[number] = (middle - 0.5, "BRANCH_LEQ", grow(low, middle), grow(middle, high))
        return number

    grow(0, LEVELS)
    ids = list(nodes)
    values, modes, yes, no = zip(*nodes.values(), strict=True)
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["t"],
        domain="ai.onnx.ml",
        nodes_treeids=[0] * len(ids),
        nodes_nodeids=ids,
        nodes_featureids=[0] * len(ids),
        nodes_values=values,
        nodes_modes=modes,
        nodes_truenodeids=yes,
        nodes_falsenodeids=no,
        target_treeids=[0] * len(leaves),
        target_nodeids=[leaf for leaf, _ in leaves],
        target_ids=[0] * len(leaves),
        target_weights=[weight for _, weight in leaves],
        n_targets=1,
    )
    little = np.array([[0.0], [0.05]], dtype=np.float32)
    mixed = [tree, helper.make_node("MatMul", ["x", "w"], ["l"]), helper.make_node("Add", ["t", "l"], ["y"])]
    made = graph(mixed, 2, {"w": little})
    part = onnx_part(["days", "age"], made).model_copy(update={"department": "d00", "dataset": "facts"})
    cuts = [32 * step for step in range(1, 20)]
    return headed(Bundle((part,), {"d00": made}, None), low=0, high=640, cuts=cuts)


@cache
def tables() -> dict[str, Bundle]:
    return {
        "in order": step_table(np.arange(LEVELS)),
        "scrambled": step_table(np.random.default_rng(20260506).permutation(LEVELS)),
    }


@cache
def measure() -> dict[str, Any]:
    """Accuracy of reading everybody's days."""
    secret = domain().columns["days"]
    return {
        "attack": "v-single-feature-sweep",
        "title": {"zh": "单一特征的阶梯表", "en": "a step table over one feature"},
        "naive": guessed(raw(tables()["scrambled"], domain()), secret),
        "ours": max(guessed(released(bundle, domain()), secret) for bundle in tables().values()),
        "baseline": baseline(secret),
        "targets": PEOPLE,
        "defense": {
            "zh": "单字段扫描、互信息与反推检查（V14、V4、V5）",
            "en": "sweep, information and inversion checks (V14, V4, V5)",
        },
    }


def test_the_naive_way_gives_the_value_of_everybody() -> None:
    assert measure()["naive"] == 1.0
    assert measure()["targets"] >= 10_000


@pytest.mark.req("RQ-309")
def test_no_step_table_gains_two_points() -> None:
    assert measure()["ours"] - measure()["baseline"] <= LIMIT


@pytest.mark.req("RQ-289", "RQ-309")
def test_scrambling_hides_the_rank_and_nothing_else() -> None:
    ordered, scrambled = (checks(tables()[name], domain()) for name in ("in order", "scrambled"))
    assert (ordered["v3"], scrambled["v3"]) == (Verdict.REJECT, Verdict.PASS)
    for found in (ordered, scrambled):
        assert {found[name] for name in ("v4", "v5", "v14")} == {Verdict.REJECT}
