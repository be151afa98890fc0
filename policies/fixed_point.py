"""The integers of mode `paillier`: how features become steps and weights whole numbers, and where the one rounding is.

    x = clip(rint(t * 2^shift), first, last) - first             t the transformed value, 2^15 to 2^16 steps from end to end
    W = rint(w)                    w = weight / grid * 2^(30 - shift), exact
    partial = default * 2^30 + present * P + sum_j W_j * x_j     P = rint((sum_j w_j * first_j - default * 2^30) / 2^15)
    total = intercept + rint(sum over domains of partial / 2^30)

`present` is 2^15 for a known person; a person not known has zeros everywhere, so the default is what the ciphertexts
give, on the same path. `rint` rounds halves to even. All else is exact.

How this compares with modes masked and bfv, where each domain rounds its partial (`policies.banding.units`):
- A model **in whole points** (every weight a multiple of the grid, every transformed value an integer or its `fill` an exact
  binary fraction with whole points) gives the same total in every mode.
- Otherwise the totals differ by at most `difference(model, features)` grid units, 2 with three domains, and so may the
  band of a person whose total lies that near to a cut point. This one is the nearer to the unrounded score.
- Sums of ciphertexts cannot be clipped: a part whose sum could leave its ends is refused when it is encrypted.

Follows protocols.md sections 3.4 (S3) and 4. Encryption is left to `enclaves.protocols.paillier`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.documents.encrypted import EncryptedWeights, SteppedFeature
from policies.documents.model import LinearPart, Model, PartHead, ShownFeature, Transform
from policies.errors import PolicyError

FRACTION_BITS: Final = 30
STEP_BITS: Final = 15
PRESENT: Final = 1 << STEP_BITS
"""What a known person's presence counts; near to the features' spans, so that one bound serves all weights."""
_STEP_LIMIT: Final = 1 << 50


class FixedPointInvalid(PolicyError):
    """A part that cannot be computed under encryption as it is."""

    code = "fixed_point_invalid"


@dataclass(frozen=True, slots=True)
class Whole:
    """A part in whole numbers, ready to be encrypted: the intercept, then P and the features' weights."""

    features: tuple[SteppedFeature, ...]
    intercept: int
    weights: tuple[int, ...]


def stepped(feature: ShownFeature) -> SteppedFeature:
    """The feature with the steps it is counted in. Raises FixedPointInvalid for one that cannot vary, or lies too far out."""
    low, high = _ends(feature)
    if not low < high or not math.isfinite(high - low):
        raise FixedPointInvalid(f"expected a feature that can vary, got `{feature.column}` with one value")
    # high - low = m * 2^exponent with 1/2 <= m < 1, so there are 2^15 to 2^16 steps.
    shift = STEP_BITS + 1 - math.frexp(high - low)[1]
    first, last = round(math.ldexp(low, shift)), round(math.ldexp(high, shift))
    if not -_STEP_LIMIT <= first <= last < _STEP_LIMIT or abs(shift) > 64:
        raise FixedPointInvalid(f"expected ends of `{feature.column}` nearer to zero or wider apart")
    shown = {name: getattr(feature, name) for name in ShownFeature.model_fields}
    return SteppedFeature(**shown, shift=shift, first=first, last=last)


def whole(part: LinearPart, head: PartHead, *, grid: str) -> Whole:
    """The part's integers. Raises FixedPointInvalid where its sum could leave the ends of its head."""
    features = tuple(stepped(feature) for feature in part.features)
    scale = Fraction(1 << FRACTION_BITS) / Fraction(grid)
    exact = tuple(
        Fraction(feature.weight) * scale / Fraction(2) ** steps.shift
        for feature, steps in zip(part.features, features, strict=True)
    )
    pairs = [
        (weight * steps.first, weight * steps.last) for weight, steps in zip(exact, features, strict=True)
    ]
    lowest, highest = sum(map(min, pairs)), sum(map(max, pairs))
    if lowest < head.low << FRACTION_BITS or highest > head.high << FRACTION_BITS:
        raise FixedPointInvalid(
            f"expected a part of {head.department} whose sum stays within its ends by itself: encrypted it is not clipped"
        )
    intercept = head.default << FRACTION_BITS
    present = round((sum(first for first, _ in pairs) - intercept) / PRESENT)
    weights = tuple(map(round, exact))
    return Whole(features, intercept, (present, *weights))


def weight_bound(head: PartHead) -> int:
    """The largest magnitude of a whole weight of a part with these ends: no feature has fewer than 2^15 - 1 steps."""
    return ((head.high - head.low) << FRACTION_BITS) // (PRESENT - 1) + 1


def intercept_bound(head: PartHead) -> int:
    """The largest magnitude of a whole intercept."""
    return max(abs(head.low), abs(head.high)) << FRACTION_BITS


def exponents(
    weights: EncryptedWeights, values: Sequence[NDArray[np.float64]], known: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """What each person's ciphertexts are raised to, int64 of shape (persons, 1 + features): presence, then the steps.

    `values` are the transformed values by feature, each of shape (persons,). A person who is not known, or of whom a value
    is no number, has zeros; known or not, the same operations are done.
    """
    usable = known.copy()
    rows = np.zeros((len(known), 1 + len(weights.features)), dtype=np.int64)
    for place, (feature, column) in enumerate(zip(weights.features, values, strict=True), start=1):
        usable &= ~np.isnan(column)
        steps = np.rint(np.ldexp(np.where(np.isnan(column), 0.0, column), feature.shift))
        rows[:, place] = np.clip(steps, feature.first, feature.last).astype(np.int64) - feature.first
    rows[:, 0] = PRESENT
    return np.asarray(np.where(usable[:, None], rows, 0), dtype=np.int64)


def rounded(totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of partials in grid units: halves to even, exact on 64-bit integers."""
    quotient = totals >> FRACTION_BITS
    rest = totals - (quotient << FRACTION_BITS)
    half = np.int64(1 << (FRACTION_BITS - 1))
    up = (rest > half) | ((rest == half) & (quotient & 1 == 1))
    return np.asarray(quotient + up, dtype=np.int64)


def difference(model: Model, *, features: int) -> int:
    """Most grid units between this total and that of mode masked, for a model of `features` features in all domains."""
    # Each domain rounds once there, all together once here. A step is at most 2^-15 of a feature's reach, and the reaches
    # add up to the range at most; a whole weight is off by a half for at most 2^16 steps.
    steps = Fraction(model.high - model.low, 1 << (STEP_BITS + 1))
    weights = Fraction(features + len(model.parts), 1 << (FRACTION_BITS - 15))
    return math.floor(Fraction(1 + len(model.parts), 2) + steps + weights)


def _ends(feature: ShownFeature) -> tuple[float, float]:
    low, high = float(feature.low), float(feature.high)
    if feature.transform is Transform.LOG1P:
        return math.log1p(low), math.log1p(high)
    return low, high
