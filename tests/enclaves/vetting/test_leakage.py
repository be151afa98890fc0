"""Leakage figures against plain definitions, on models of the reference experiment and on pure noise."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.vetting.leakage import (
    MAX_LEVELS,
    accuracy_gain,
    banded,
    information_share,
    levels_of,
    raw_information_share,
    spearman,
)

ROWS = 20_000
DICE = np.random.default_rng(7)
FEATURE = DICE.integers(0, 100, ROWS).astype(np.float64)
OTHERS = DICE.integers(0, 100, (ROWS, 5)).astype(np.float64)

small = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=60)


def plain_information(pairs: list[tuple[int, int]]) -> tuple[float, float]:
    """I and H by the textbook, in bits."""
    total = len(pairs)
    joint, left, right = Counter(pairs), Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    mutual = sum(
        count / total * math.log2(count * total / (left[a] * right[b])) for (a, b), count in joint.items()
    )
    return mutual, -sum(count / total * math.log2(count / total) for count in right.values())


@given(pairs=small)
def test_raw_information_is_the_textbooks(pairs: list[tuple[int, int]]) -> None:
    mutual, entropy = plain_information(pairs)
    partial, level = (np.array(side) for side in zip(*pairs, strict=True))
    expected = 0.0 if entropy == 0 else mutual / entropy
    assert raw_information_share(partial.astype(np.float64), level) == pytest.approx(expected, abs=1e-9)


@given(pairs=small)
@settings(max_examples=60)
def test_rank_correlation_is_pearson_over_mid_ranks(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))

    def rank(values: np.ndarray, value: float) -> float:
        return float((values < value).sum() + (values == value).sum() / 2)

    ranks = [np.array([rank(side, value) for value in side]) for side in (left, right)]
    if min(r.std() for r in ranks) == 0:
        assert spearman(left, right) == 0.0
        return
    assert spearman(left, right) == pytest.approx(abs(np.corrcoef(*ranks)[0, 1]), abs=1e-9)


def test_bands_are_of_about_equal_size_and_keep_equal_values_together() -> None:
    codes = banded(FEATURE, 20)
    assert np.bincount(codes).min() > ROWS / 20 * 0.7
    assert all(len(set(codes[value == FEATURE])) == 1 for value in range(100))
    assert len(np.unique(levels_of(OTHERS[:, 0]))) == MAX_LEVELS
    assert np.unique(banded(np.array([1.0] * 90 + [2.0] * 10), 20)).tolist() == [0, 1]


def test_a_unit_vector_gives_its_feature_away_by_every_figure() -> None:
    band, level = banded(FEATURE, 20), levels_of(FEATURE)
    assert spearman(FEATURE, FEATURE) == 1.0
    assert information_share(band, level) > 0.95
    assert accuracy_gain(band, level) > 0.9


def test_an_honest_score_gives_little_away() -> None:
    score = FEATURE + OTHERS.sum(axis=1)
    band, level = banded(score, 20), levels_of(FEATURE)
    assert 0.3 < spearman(score, FEATURE) < 0.5
    assert information_share(band, level) < 0.1
    assert accuracy_gain(band, level) < 0.05


@pytest.mark.parametrize("rows", [300, 2000])
def test_noise_is_not_taken_for_a_leak_in_a_small_population(rows: int) -> None:
    dice = np.random.default_rng(rows)
    gains, shares = [], []
    for _ in range(20):
        band, level = banded(dice.normal(size=rows), 20), levels_of(dice.normal(size=rows))
        gains.append(accuracy_gain(band, level))
        shares.append(information_share(band, level))
    assert np.mean(gains) < 0.03
    # Unadjusted, three hundred people would seem to tell a third of the feature.
    assert np.mean(shares) < 0.02


def test_what_cannot_be_told_apart_from_chance_counts_against_the_model() -> None:
    dice = np.random.default_rng(5)
    band, level = banded(dice.normal(size=40), 20), levels_of(dice.normal(size=40))
    assert information_share(band, level) > 0.7


def test_a_constant_feature_has_nothing_to_give() -> None:
    level = levels_of(np.zeros(ROWS))
    assert information_share(banded(FEATURE, 20), level) == 0.0
    assert accuracy_gain(banded(FEATURE, 20), level) == 0.0
    assert spearman(FEATURE, np.zeros(ROWS)) == 0.0
