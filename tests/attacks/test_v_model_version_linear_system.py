"""A3: as many honest-looking versions of a model as there are features are a linear system in one person's features.

Naive way: every version runs, scores are handed over, and least squares gives every feature of everybody back. Ours: a score
is a band, and each enclave's ledger grants four versions and 32 bits a person and year; four bands say next to nothing about
a hundred features, and asking the same version again says nothing new.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.agent.capacity import Account, CapacityLedger
from enclaves.agent.consents import words
from enclaves.run.durable import Durable
from enclaves.vetting.bundle import Bundle
from policies import banding
from policies.documents.authorization import Limits
from policies.documents.vetting import Verdict
from tests.attacks.vetted import Domain, baseline, checks, headed, linear, raw

PEOPLE, FEATURES, LEVELS, BANDS = 10_000, 100, 10, 20
LIMIT = 0.02
LIMITS = Limits(vet_jobs=1, score_jobs=100, fetches=1)
NOW, DAY = 1_800_000_000, 86_400


@cache
def domain() -> Domain:
    dice = np.random.default_rng(20260507)
    return Domain({f"f{number:02}": dice.integers(0, LEVELS, PEOPLE) for number in range(FEATURES)})


@cache
def matrix() -> NDArray[np.int64]:
    return np.stack(list(domain().columns.values()), axis=1)


@cache
def weights() -> NDArray[np.int64]:
    """One row a version: signs of every feature, linearly independent."""
    return np.random.default_rng(20260508).choice([-1, 1], (FEATURES, FEATURES))


@cache
def version(number: int) -> Bundle:
    row = dict(zip(domain().columns, map(str, weights()[number]), strict=True))
    scores = matrix() @ weights()[number]
    cuts = sorted({int(cut) for cut in np.quantile(scores, np.arange(1, BANDS) / BANDS)})
    return headed(Bundle((linear(domain(), row),), {}, None), low=-900, high=900, cuts=cuts)


def solved(outputs: list[NDArray[Any]], rows: list[int]) -> float:
    """Mean accuracy over all features: least squares where there are equations enough, else the best linear estimate.

    The reader is given the mean and spread of every feature, and takes the likeliest level around the estimate.
    """
    centered = matrix() - matrix().mean(axis=0)
    if not outputs:
        return float(np.mean([baseline(matrix()[:, f]) for f in range(FEATURES)]))
    observed = np.stack([o - o.mean() for o in outputs], axis=1).astype(np.float64)
    coefficients, *_ = np.linalg.lstsq(observed, centered, rcond=None)
    estimate = observed @ coefficients
    right = 0
    for feature in range(FEATURES):
        exact = np.rint(estimate[:, feature] + matrix()[:, feature].mean())
        groups = np.searchsorted(
            np.quantile(estimate[:, feature], np.arange(1, 20) / 20), estimate[:, feature]
        )
        right += max(int((exact == matrix()[:, feature]).sum()), _cross_guessed(groups, matrix()[:, feature]))
    return right / (PEOPLE * FEATURES)


def _cross_guessed(groups: NDArray[np.int64], secret: NDArray[np.int64]) -> int:
    """Right guesses of one half's people by the other half's most frequent values."""
    right = 0
    for fitted in (slice(0, None, 2), slice(1, None, 2)):
        tried = slice(1 - (fitted.start or 0), None, 2)
        table = np.zeros((20, LEVELS), dtype=np.int64)
        np.add.at(table, (groups[fitted], secret[fitted]), 1)
        right += int((table.argmax(axis=1)[groups[tried]] == secret[tried]).sum())
    return right


def granted(directory: Path) -> list[int]:
    """The versions whose score of a person the ledger lets through, asked one a week; each is vetted and passes."""
    ledger = CapacityLedger(Durable(directory / "enclave.sqlite"))
    people = words(b"".join(number.to_bytes(8, "little") + bytes(8) for number in range(1, 101)))
    through = []
    for number in range(FEATURES):
        model = version(number).head
        assert model is not None
        at = NOW + (number % 50) * 7 * DAY
        account = Account("partner", model.digest, f"job-{number}", banding.bits(model), LIMITS, at, "rows-1")
        if ledger.has_room(account, people).all():
            ledger.debit(account, people)
            through.append(number)
    return through


@cache
def measure() -> dict[str, Any]:
    """Mean accuracy of reading all hundred features of everybody."""
    everything = list(range(FEATURES))
    with tempfile.TemporaryDirectory() as directory:
        through = granted(Path(directory))
    bands = []
    for number in through:
        model = version(number).head
        assert model is not None
        bands.append(banding.bands(raw(version(number), domain()), model.cut_points).astype(np.int64))
    return {
        "attack": "a3-model-versions",
        "title": {"zh": "多个模型版本组成线性方程组", "en": "model versions as a linear system"},
        "naive": solved([raw(version(number), domain()) for number in everything], everything),
        "ours": solved(bands, through),
        "baseline": solved([], []),
        "targets": PEOPLE,
        "defense": {
            "zh": "分档输出与额度账本（每人每年至多 4 个版本、32 比特，V16）",
            "en": "bands, and the capacity ledger: 4 versions and 32 bits a person and year (V16)",
        },
    }


def test_the_naive_way_solves_for_every_feature_of_everybody() -> None:
    assert measure()["naive"] > 0.999
    assert measure()["targets"] >= 10_000


@pytest.mark.req("RQ-309")
def test_four_banded_versions_gain_less_than_two_points() -> None:
    assert measure()["ours"] - measure()["baseline"] <= LIMIT


@pytest.mark.req("RQ-309")
def test_the_ledger_grants_four_versions(tmp_path: Path) -> None:
    assert granted(tmp_path) == [0, 1, 2, 3]


def test_each_version_by_itself_is_an_honest_model() -> None:
    assert checks(version(0), domain())["all"] is Verdict.PASS


def test_without_bands_four_versions_would_already_say_more() -> None:
    precise = solved([raw(version(number), domain()) for number in range(40)], list(range(40)))
    assert precise - measure()["baseline"] > LIMIT
