"""A2: positional weights write six columns into one score, digit beside digit.

Naive way: the precise score is released, and division gives every column back. Ours: the score leaves as one of at most 20
bands, a total range above 2^12 grid units cannot even be written, and V2 and V7 refuse the model before it scores anybody.
Residual, stated: an honest band still says up to log2(bands) bits (protocols.md §1.2 A2).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from policies.banding import bands
from policies.documents.document import DocumentInvalid
from policies.documents.vetting import Verdict
from policies.vetting import judge, verdict
from tests.policies.decision.example import amended, whole
from tests.policies.vetting.kit import BANDS, F, bands_of, metrics_of, model_of, part_of

ROWS, LEVELS, COLUMNS = 20_000, 10, 6
POSITIONAL = tuple(10**place for place in range(COLUMNS))
HONEST = (5, 4, -4, 3, 3, 2)


@cache
def rows() -> NDArray[np.int64]:
    """Six independent columns of ten levels for 20,000 people; invented."""
    return np.random.default_rng(20260401).integers(0, LEVELS, size=(ROWS, COLUMNS))


def scores(weights: tuple[int, ...]) -> NDArray[np.int64]:
    return rows() @ np.array(weights)


def banded(weights: tuple[int, ...]) -> NDArray[np.uint8]:
    """Twenty bands of equal size, the most that may leave."""
    totals = scores(weights)
    cuts = sorted({int(cut) for cut in np.quantile(totals, np.arange(1, 20) / 20)})
    return bands(totals, cuts)


def recovered(observed: NDArray[np.uint8], column: int) -> float:
    """Share of people whose value a best guess from `observed` gets right: the most frequent value behind each band."""
    table = np.zeros((int(observed.max()) + 1, LEVELS), dtype=np.int64)
    np.add.at(table, (observed, rows()[:, column]), 1)
    return float(table.max(axis=1).sum() / ROWS)


def baseline(column: int) -> float:
    return float(np.bincount(rows()[:, column]).max() / ROWS)


def judged(weights: tuple[int, ...]) -> dict[str, Verdict]:
    features = [F(str(w), f"{rows()[:, c].var():.2f}", high=str(LEVELS - 1)) for c, w in enumerate(weights)]
    parts = [part_of("d00", features[:3]), part_of("d01", features[3:])]
    model = model_of(parts)
    metrics = [
        metrics_of(model, p, [f.variance for f in fs])
        for p, fs in zip(parts, (features[:3], features[3:]), strict=True)
    ]
    checks = judge(model, parts, metrics=metrics, bands=bands_of(model, BANDS))
    return {check.check: check.verdict for check in checks} | {"all": verdict(checks)}


def test_the_naive_way_gives_every_column_of_everybody_back() -> None:
    precise = scores(POSITIONAL)
    guessed = np.stack([precise // weight % 10 for weight in POSITIONAL], axis=1)
    assert (guessed == rows()).all()


@pytest.mark.req("RQ-309")
def test_a_precise_score_cannot_even_be_written() -> None:
    head = whole().model.to_body()["parts"]
    wide = [{**head[0], "high": int(scores(POSITIONAL).max())}, *head[1:]]
    with pytest.raises(DocumentInvalid):
        amended(whole().model, {"parts": wide})
    with pytest.raises(DocumentInvalid):
        amended(whole().model, {"cut_points": list(range(100, 121))})


@pytest.mark.req("RQ-309")
def test_twenty_bands_hide_all_but_what_four_bits_can_say() -> None:
    observed = banded(POSITIONAL)
    for column in range(COLUMNS - 2):
        assert recovered(observed, column) <= baseline(column) + 0.02
    # 4.3 bits are one column of ten levels and one bit of the next: banding alone would still give those away, which is
    # why the model is vetted too.
    assert recovered(observed, COLUMNS - 1) > 0.9
    assert recovered(observed, COLUMNS - 2) > baseline(COLUMNS - 2) + 0.05


@pytest.mark.req("RQ-289", "RQ-309")
def test_vetting_refuses_the_positional_model() -> None:
    found = judged(POSITIONAL)
    assert (found["v2"], found["v7"], found["all"]) == (Verdict.REJECT,) * 3


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize(
    "weights", [(1, -10, 100, -1000, 10_000, -100_000), (100_000, 1, 1000, 10, 10_000, 100)]
)
def test_signs_and_order_do_not_disguise_it(weights: tuple[int, ...]) -> None:
    assert judged(weights)["v7"] is Verdict.REJECT


def test_two_packed_columns_are_refused() -> None:
    assert judged((10, 1, 0, 0, 0, 0))["v2"] is Verdict.REJECT


@pytest.mark.req("RQ-309")
def test_an_honest_model_passes_and_its_bands_say_little_about_any_column() -> None:
    assert judged(HONEST)["all"] is Verdict.PASS
    gains = [recovered(banded(HONEST), column) - baseline(column) for column in range(COLUMNS)]
    # V5's limit for an accuracy gain is 0.20.
    assert max(gains) < 0.20
