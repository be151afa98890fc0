"""How much a partial score says about one feature: rank correlation, mutual information, accuracy of the best guess.

Definitions (protocols.md section 6.5, V3 to V5):
- **Bands** are cut at the quantiles of the partial, as many as the model has: equal sizes say the most a band can say.
- **Levels** of a feature are its values, or, where it has more than `MAX_LEVELS`, as many groups of equal size: a band of
  at most 20 cannot tell more apart. Quantizing makes the shares stricter than the entropy of the raw values would.
- Spearman's ρ is Pearson's over mid-ranks. Mutual information is adjusted for chance: what permuted people give is taken off
  it and off the entropy (Vinh, Epps and Bailey 2010), since small populations would look leaky otherwise. Where chance
  alone explains three quarters of the entropy, nothing can be told, and the unadjusted figure stands, on the strict side.
- The probe of V5 is the best decision tree there is over one banded input: the most frequent level of each band. It is
  fitted on one half of the people and tried on the other, both ways, so that it cannot remember rows.

All figures are exact; rounding and the rule against small groups are left to `enclaves.vetting.metrics`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_LEVELS: Final = 20
_HALVES_SEED: Final = 20_260_401
_PERMUTATIONS: Final = 8
_UNTELLABLE: Final = 0.75

Values = NDArray[np.float64]
Codes = NDArray[np.int64]


def levels_of(values: Values) -> Codes:
    """A code from 0 for each value, equal values having equal codes, at most `MAX_LEVELS` codes."""
    return banded(values, MAX_LEVELS)


def banded(values: Values, bands: int) -> Codes:
    """Codes of at most `bands` groups of about equal size, in the order of the values; ties are never split."""
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= bands:
        return codes.astype(np.int64)
    cuts = np.unique(np.quantile(values, np.arange(1, bands) / bands))
    _, dense = np.unique(np.searchsorted(cuts, values, side="right"), return_inverse=True)
    return dense.astype(np.int64)


def spearman(left: Values, right: Values) -> float:
    """|ρ| of two arrays of equal length, 0 where one of them is constant."""
    ranks = [_mid_ranks(values) for values in (left, right)]
    deviations = [r - r.mean() for r in ranks]
    scale = float(np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum()))
    return 0.0 if scale == 0 else min(1.0, abs(float((deviations[0] * deviations[1]).sum())) / scale)


def information_share(band: Codes, level: Codes) -> float:
    """I(band; level) / H(level) in [0, 1], adjusted for chance; 0 for a constant feature."""
    entropy = _entropy(np.bincount(level))
    if entropy == 0:
        return 0.0
    generator = np.random.default_rng(_HALVES_SEED)
    shuffled = [_mutual(band, generator.permutation(level)) for _ in range(_PERMUTATIONS)]
    chance = float(np.mean(shuffled))
    if chance >= _UNTELLABLE * entropy:
        chance = 0.0
    return float(np.clip((_mutual(band, level) - chance) / (entropy - chance), 0.0, 1.0))


def raw_information_share(partial: Values, level: Codes) -> float:
    """The same of the unbanded partial, not adjusted: what a released partial would have said."""
    _, codes = np.unique(partial, return_inverse=True)
    joint = np.unique(codes.astype(np.int64) * (int(level.max()) + 1) + level, return_counts=True)[1]
    entropy = _entropy(np.bincount(level))
    if entropy == 0:
        return 0.0
    mutual = _entropy(np.bincount(codes)) + entropy - _entropy(joint)
    return float(np.clip(mutual / entropy, 0.0, 1.0))


def accuracy_gain(band: Codes, level: Codes) -> float:
    """How many more of the levels are guessed right from the band than by always guessing the most frequent, 0 to 1."""
    order = np.random.default_rng(_HALVES_SEED).permutation(len(band))
    halves = (order[::2], order[1::2])
    right = majority = 0
    for fitted, tried in (halves, halves[::-1]):
        table = _table(band[fitted], level[fitted], shape=(int(band.max()) + 1, int(level.max()) + 1))
        common = int(table.sum(axis=0).argmax())
        # A band nobody of the first half fell into guesses the most frequent level.
        guess = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), common)
        right += int((guess[band[tried]] == level[tried]).sum())
        majority += int((level[tried] == common).sum())
    return max(0.0, (right - majority) / len(band))


def _table(band: Codes, level: Codes, *, shape: tuple[int, int] | None = None) -> Codes:
    rows, columns = shape or (int(band.max()) + 1, int(level.max()) + 1)
    return np.bincount(band * columns + level, minlength=rows * columns).reshape(rows, columns)


def _mutual(band: Codes, level: Codes) -> float:
    table = _table(band, level)
    return _entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0)) - _entropy(table.reshape(-1))


def _entropy(counts: Codes) -> float:
    """Shannon entropy in bits."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _mid_ranks(values: Values) -> Values:
    """Ranks from 0, ties sharing the mean of theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((2 * ends - counts - 1) / 2)[codes]
