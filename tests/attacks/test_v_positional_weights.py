"""V: positional weights, as far as a document can carry them, plain and in disguise (A2 on rows).

Naive way: the score is handed over as it is, and division gives every column back. Ours: models that write columns like
digits are rejected on the domain's rows, whatever they are called, scaled, mirrored or shaded with; nothing comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.vetting.bundle import Bundle
from policies.documents.vetting import Verdict
from tests.attacks.vetted import Domain, baseline, checks, guessed, headed, linear, raw, released

PEOPLE, LEVELS = 12_000, 8
LIMIT = 0.02
# 8³ = 512 steps of a grid that may have 4096.
COLUMNS = ("days", "drugs", "visits")


@cache
def domain() -> Domain:
    dice = np.random.default_rng(20260502)
    found = {name: dice.integers(0, LEVELS, PEOPLE) for name in COLUMNS}
    return Domain({**found, "shade": dice.integers(0, 2, PEOPLE)})


def bundle_of(weights: Mapping[str, str]) -> Bundle:
    part = linear(domain(), weights)
    swings = [float(f.weight) * (float(f.high) - float(f.low)) for f in part.features]
    low, high = round(sum(min(s, 0) for s in swings)) - 1, round(sum(max(s, 0) for s in swings)) + 1
    cuts = sorted({round(low + (high - low) * step / 20) for step in range(1, 20)})
    return headed(Bundle((part,), {}, None), low=low, high=high, cuts=cuts)


@cache
def disguises() -> dict[str, Bundle]:
    return {
        "plain": bundle_of({"days": "1", "drugs": "8", "visits": "64"}),
        "mirrored": bundle_of({"days": "-1", "drugs": "8", "visits": "-64"}),
        "scaled": bundle_of({"days": "6.9", "drugs": "55.2", "visits": "441.6"}),
        "tight": bundle_of({"days": "1", "drugs": "7.3", "visits": "58"}),
        "shaded": bundle_of({"days": "1", "drugs": "8", "visits": "64", "shade": "0.5"}),
        "two digits": bundle_of({"days": "1", "drugs": "8"}),
    }


@cache
def measure() -> dict[str, Any]:
    """Mean accuracy over the three columns of everybody: the plain model raw, the best disguise through vetting."""
    return {
        "attack": "v-positional-weights",
        "title": {"zh": "进位权重逐位编码多个字段", "en": "positional weights write columns like digits"},
        "naive": _mean(raw(disguises()["plain"], domain())),
        "ours": max(_mean(released(bundle, domain())) for bundle in disguises().values()),
        "baseline": float(np.mean([baseline(domain().columns[name]) for name in COLUMNS])),
        "targets": PEOPLE,
        "defense": {
            "zh": "方差占比与权重比检查（V2、V7），分档输出",
            "en": "variance share and weight ratio checks (V2, V7), bands instead of scores",
        },
    }


def _mean(observed: NDArray[Any] | None) -> float:
    return float(np.mean([guessed(observed, domain().columns[name]) for name in COLUMNS]))


def test_the_naive_way_gives_every_column_of_everybody_back() -> None:
    assert measure()["naive"] == 1.0
    assert measure()["targets"] >= 10_000


@pytest.mark.req("RQ-309")
def test_no_disguise_gains_two_points() -> None:
    assert measure()["ours"] - measure()["baseline"] <= LIMIT


@pytest.mark.req("RQ-289", "RQ-309")
@pytest.mark.parametrize("name", ["plain", "mirrored", "scaled", "tight", "shaded", "two digits"])
def test_each_disguise_is_rejected(name: str) -> None:
    found = checks(disguises()[name], domain())
    assert found["all"] is Verdict.REJECT
    assert found["v2"] is Verdict.REJECT
    if name != "two digits":
        assert found["v7"] is Verdict.REJECT
