"""V: a model that is one column, plain or in disguise (A1 on rows).

Naive way: whatever is submitted runs and its score is handed over, and the score is the column. Ours: each disguise is
measured on the domain's rows and rejected, so that nothing comes out and the best guess is the most frequent value.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from enclaves.vetting.bundle import Bundle
from policies.documents.vetting import Verdict
from tests.attacks.vetted import Domain, baseline, checks, guessed, headed, linear, raw, released
from tests.enclaves.vetting.kit import onnx_part, weighted_graph

PEOPLE, LEVELS = 12_000, 100
LIMIT = 0.02


@cache
def domain() -> Domain:
    dice = np.random.default_rng(20260501)
    names = ("spending", "visits", "age", "income")
    return Domain({name: dice.integers(0, LEVELS, PEOPLE) for name in names})


@cache
def disguises() -> dict[str, Bundle]:
    """Models that say little but `spending`, of 20 bands at its quantiles."""
    cuts = [5 * step for step in range(1, 20)]
    d = domain()

    def bundle(weights: dict[str, str], columns: dict[str, str] | None = None) -> Bundle:
        return headed(Bundle((linear(d, weights, columns=columns),), {}, None), low=0, high=200, cuts=cuts)

    graph = weighted_graph([1.0, 0.0, 0.0, 0.0])
    part = onnx_part(list(d.columns), graph, high="99").model_copy(
        update={"department": "d00", "dataset": "facts"}
    )
    return {
        "plain": bundle({"spending": "1"}),
        "near": bundle({"spending": "1", "visits": "0.01", "age": "0.01", "income": "0.01"}),
        "noised": bundle({"spending": "1", "visits": "0.2", "age": "0.2"}),
        "halves": bundle(
            {"one": "0.5", "two": "0.5", "visits": "0.02"},
            {"one": "spending", "two": "spending", "visits": "visits"},
        ),
        "graph": headed(Bundle((part,), {"d00": graph}, None), low=0, high=200, cuts=cuts),
    }


@cache
def measure() -> dict[str, Any]:
    """Accuracy of reading everybody's spending: the plain model raw, the best of the disguises through vetting."""
    secret = domain().columns["spending"]
    return {
        "attack": "v-unit-vector",
        "title": {"zh": "单一字段冒充模型", "en": "a model that is one column"},
        "naive": guessed(raw(disguises()["plain"], domain()), secret),
        "ours": max(guessed(released(bundle, domain()), secret) for bundle in disguises().values()),
        "baseline": baseline(secret),
        "targets": PEOPLE,
        "defense": {
            "zh": "方差占比、排序、互信息、反推与扫描检查（V2 至 V5、V14）",
            "en": "variance share, rank, information, inversion and sweep checks (V2 to V5, V14)",
        },
    }


def test_the_naive_way_hands_over_the_column() -> None:
    assert measure()["naive"] == 1.0
    assert measure()["targets"] >= 10_000


@pytest.mark.req("RQ-289", "RQ-309")
def test_no_disguise_gains_two_points() -> None:
    assert measure()["ours"] - measure()["baseline"] <= LIMIT


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize("name", ["plain", "near", "noised", "halves", "graph"])
def test_each_disguise_is_rejected_by_more_than_one_check(name: str) -> None:
    found = checks(disguises()[name], domain())
    assert found["all"] is Verdict.REJECT
    assert sum(verdict is Verdict.REJECT for check, verdict in found.items() if check != "all") >= 2


def test_banding_alone_would_not_have_been_enough() -> None:
    bands = np.searchsorted([5 * step for step in range(1, 20)], domain().columns["spending"], side="right")
    assert guessed(bands, domain().columns["spending"]) > 10 * baseline(domain().columns["spending"])
