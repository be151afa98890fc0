"""Judging a model before it may score anybody: can its one banded number be turned back into a feature?

Checks (protocols.md §6.5), each over the whole model and not over one domain's part:

- **V2 variance share.** A column's share of the score's variance. Above 0.80, or n_eff = 1/Σ share² below 1.5: reject; 0.60
  to 0.80: the examiner must override. Several features of one column count as one: their standard deviations add up, the
  largest variance they can have together, so that a unit vector cannot be split into halves.
- **V6 capacity.** At most 20 bands, no band with fewer than max(50, 1 % of persons), one output.
- **V7 weight ratio.** With swing = |weight|·(transform(high) - transform(low)): largest over smallest swing above 10⁴ is
  refused, and so are weights that form a positional system, where one step of a feature outweighs the spread of all
  lighter features together. A run of three such features asks for an override, one of more than half of all is refused.
  The spread is what was measured, at most the swing: a range the partner declared wide hides nothing by itself.

Weights of an ONNX part are not readable; V2 and V7 then ask for an override, which is never silent. Arithmetic is decimal
at 50 digits under a context of its own, so that every examiner gets the same report. Not covered: correlation between
columns of different domains; a reader who already knows the column that blurs the others; what V1, V3 to V5 and V8 to V16
look at (metrics, graphs, runtime).
"""

from __future__ import annotations

import decimal
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from policies.documents.fields import Bilingual
from policies.documents.model import MAX_BANDS, Feature, LinearPart, Model, Part, Transform
from policies.documents.vetting import Check, Verdict, VetBands, VetMetrics
from policies.errors import PolicyError

REQUIRED_CHECKS: Final = frozenset({"v2", "v6", "v7"})
"""Checks without which a report vets nothing."""

MAX_SHARE: Final = Decimal("0.80")
OVERRIDE_SHARE: Final = Decimal("0.60")
MIN_EFFECTIVE: Final = Decimal("1.5")
MIN_BAND_PERSONS: Final = 50
MAX_SWING_RATIO: Final = Decimal(10_000)
# Weights need only come close to a positional system to be read like one.
POSITIONAL_TOLERANCE: Final = Decimal("0.9")
MIN_CHAIN: Final = 3
# A uniform column spreads over √12 = 3.5 standard deviations, a normal one lies within 4 but for 5 %.
SPREAD_DEVIATIONS: Final = Decimal(4)
_ARITHMETIC: Final = decimal.Context(prec=50, rounding=decimal.ROUND_HALF_EVEN)
_SEVERITY: Final = (Verdict.PASS, Verdict.OVERRIDE, Verdict.REJECT)

ColumnKey = tuple[str, str, str]
"""Department, data set, column."""


class VettingInputInvalid(PolicyError):
    """Parts, metrics or band counts that do not belong to the model being judged."""

    code = "vetting_input_invalid"


@dataclass(frozen=True, slots=True)
class _Weighted:
    """One feature with what was measured of it: the variance of its transformed value over the domain's population."""

    key: ColumnKey
    feature: Feature
    variance: Decimal


def judge(
    model: Model, parts: Sequence[Part], *, metrics: Sequence[VetMetrics], bands: VetBands
) -> tuple[Check, ...]:
    """The checks V2, V6 and V7 of `model`, given all its parts, one `vet-metrics` per part and the gate's band counts.

    The features of each `vet-metrics` stand in the order of the part's features (inputs, for ONNX), one for one.
    Raises `VettingInputInvalid` if something is missing or belongs to another model.
    """
    weighted = _weighted(model, parts, metrics)
    if bands.model != model.digest or len(bands.counts) != model.bands:
        raise VettingInputInvalid("expected the band counts of this model, got others")
    readable = all(isinstance(part, LinearPart) for part in parts)
    with decimal.localcontext(_ARITHMETIC):
        if not readable:
            return (_unreadable("v2"), _capacity(model, bands), _unreadable("v7"))
        return (_variance_share(weighted), _capacity(model, bands), _weight_ratio(weighted))


def verdict(checks: Iterable[Check]) -> Verdict:
    """The worst verdict among `checks`; no check at all is a rejection."""
    found = {check.verdict for check in checks} or {Verdict.REJECT}
    return max(found, key=_SEVERITY.index)


def _weighted(model: Model, parts: Sequence[Part], metrics: Sequence[VetMetrics]) -> tuple[_Weighted, ...]:
    by_department = {part.department: part for part in parts}
    measured = {item.department: item for item in metrics}
    departments = {head.department for head in model.parts}
    if not len(parts) == len(by_department) == len(model.parts) or set(by_department) != departments:
        raise VettingInputInvalid("expected one part for each department of the model")
    if not len(metrics) == len(measured) == len(model.parts) or set(measured) != departments:
        raise VettingInputInvalid("expected metrics from each department of the model")
    weighted: list[_Weighted] = []
    for head in model.parts:
        part, found = by_department[head.department], measured[head.department]
        if part.digest != head.digest or found.part != head.digest or found.model != model.digest:
            raise VettingInputInvalid(f"expected the part of {head.department} the model names, got another")
        columns = _measured_columns(part)
        if [item.column for item in found.features] != columns:
            raise VettingInputInvalid(f"expected metrics of {head.department} feature by feature, got others")
        if isinstance(part, LinearPart):
            variances = [Decimal(item.variance) for item in found.features]
            if min(variances) < 0:
                raise VettingInputInvalid("expected variances of at least zero, got a negative one")
            weighted += [
                _Weighted((part.department, part.dataset, feature.column), feature, variance)
                for feature, variance in zip(part.features, variances, strict=True)
            ]
    return tuple(weighted)


def _measured_columns(part: Part) -> list[str]:
    items = part.features if isinstance(part, LinearPart) else part.inputs
    return [item.column for item in items]


def _variance_share(weighted: Sequence[_Weighted]) -> Check:
    """V2: one column must not carry the score."""
    shares = variance_shares(weighted)
    if not shares:
        return _check(
            "v2",
            "no variance measured",
            verdict=Verdict.REJECT,
            zh="没有任何特征测得方差，无法判断评分由谁决定",
            en="no feature has a measured variance, so nothing shows what the score is made of",
        )
    largest = max(shares.values())
    effective = 1 / sum((share * share for share in shares.values()), start=Decimal(0))
    figure = f"max share {_round(largest)}, n_eff {_round(effective)}"
    if largest > MAX_SHARE or effective < MIN_EFFECTIVE:
        found, zh, en = (
            Verdict.REJECT,
            "评分几乎由单一字段决定，可由评分还原该字段",
            "one column carries nearly the whole score, which would give it away",
        )
    elif largest >= OVERRIDE_SHARE:
        found, zh, en = (
            Verdict.OVERRIDE,
            "单一字段占评分方差的六成以上，须由查验员书面认可",
            "one column carries more than 60 % of the variance; the examiner must accept it in writing",
        )
    else:
        found, zh, en = (
            Verdict.PASS,
            "评分由多个字段共同决定",
            "several columns make the score together",
        )
    return _check("v2", figure, verdict=found, zh=zh, en=en)


def variance_shares(weighted: Iterable[_Weighted]) -> Mapping[ColumnKey, Decimal]:
    """Each column's share of the score's variance, adding to 1; empty when no variance was measured."""
    deviations: dict[ColumnKey, Decimal] = defaultdict(Decimal)
    for item in weighted:
        deviations[item.key] += abs(Decimal(item.feature.weight)) * item.variance.sqrt()
    variances = {key: deviation * deviation for key, deviation in deviations.items()}
    total = sum(variances.values(), start=Decimal(0))
    return {key: variance / total for key, variance in variances.items()} if total else {}


def _capacity(model: Model, bands: VetBands) -> Check:
    """V6: how much one release says about one person."""
    smallest = min(bands.counts)
    needed = max(MIN_BAND_PERSONS, -(-bands.persons // 100))
    figure = f"{model.bands} bands, smallest {smallest} of {bands.persons} persons, 1 output"
    fits = model.bands <= MAX_BANDS and smallest >= needed
    return _check(
        "v6",
        figure,
        verdict=Verdict.PASS if fits else Verdict.REJECT,
        zh="档位足够大，一次输出只有一个分档" if fits else f"有档位少于 {needed} 人，须合并档位",
        en="every band is large enough, and one band is all that comes out"
        if fits
        else f"a band holds fewer than {needed} persons; merge bands",
    )


def _weight_ratio(weighted: Sequence[_Weighted]) -> Check:
    """V7: weights must not write the features beside each other like digits."""
    swings = sorted(swing for item in weighted if (swing := _swing(item.feature)) > 0)
    ratio = swings[-1] / swings[0] if swings else Decimal(0)
    chain = longest_chain(weighted)
    figure = f"swing ratio {_round(ratio)}, positional chain {chain} of {len(swings)}"
    if not swings or ratio > MAX_SWING_RATIO or (chain >= MIN_CHAIN and 2 * chain > len(swings)):
        found, zh, en = (
            Verdict.REJECT,
            "权重构成进位编码或量级相差过大，可由一个评分逐位还原各字段",
            "the weights form a positional code or differ too much: one score would spell out the columns",
        )
    elif chain >= MIN_CHAIN:
        found, zh, en = (
            Verdict.OVERRIDE,
            "部分权重近似进位编码，须由查验员书面认可",
            "some weights come close to a positional code; the examiner must accept it in writing",
        )
    else:
        found, zh, en = (
            Verdict.PASS,
            "权重之间没有进位关系",
            "no weight is a digit above another",
        )
    return _check("v7", figure, verdict=found, zh=zh, en=en)


def longest_chain(weighted: Sequence[_Weighted]) -> int:
    """Longest run of features, by |weight|, each about as heavy as the spread of all lighter ones together.

    Such a run is superincreasing: whoever knows the heavier features reads the run's columns off the score like digits. One
    light feature that spreads over the steps of the next hides what lies below, so each is held against the sum.
    Features of weight or range zero take no part.
    """
    levels = sorted(
        (abs(Decimal(item.feature.weight)), min(swing, _spread(item)))
        for item in weighted
        if (swing := _swing(item.feature)) > 0
    )
    longest = run = 0
    below = Decimal(0)
    for weight, spread in levels:
        run = run + 1 if weight >= POSITIONAL_TOLERANCE * below else 0
        longest = max(longest, run)
        below += spread
    return longest


def _spread(item: _Weighted) -> Decimal:
    """How far the weighted value was measured to move."""
    return SPREAD_DEVIATIONS * abs(Decimal(item.feature.weight)) * item.variance.sqrt()


def _swing(feature: Feature) -> Decimal:
    return abs(Decimal(feature.weight)) * _range(feature)


def _range(feature: Feature) -> Decimal:
    """How far the transformed value can move."""
    low, high = Decimal(feature.low), Decimal(feature.high)
    match feature.transform:
        case Transform.IDENTITY:
            return high - low
        case Transform.LOG1P:
            return (1 + high).ln() - (1 + low).ln()
        case Transform.EQUALS:
            return Decimal(1)


def _unreadable(check: str) -> Check:
    return _check(
        check,
        "weights not readable",
        verdict=Verdict.OVERRIDE,
        zh="含 ONNX 部分，权重无法直接读取，须由查验员另行查验并书面认可",
        en="an ONNX part hides its weights; the examiner must inspect it otherwise and accept it in writing",
    )


_LIMITS: Final = {
    "v2": "max share 0.80 (0.60 with override), n_eff 1.5",
    "v6": "20 bands, smallest max(50, 1 %), 1 output",
    "v7": "swing ratio 10000, no positional chain",
}


def _check(check: str, figure: str, *, verdict: Verdict, zh: str, en: str) -> Check:
    reason = Bilingual(zh=zh, en=en)
    return Check(check=check, figure=figure, limit=_LIMITS[check], verdict=verdict, reason=reason)


def _round(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.001")))
