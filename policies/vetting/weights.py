"""V2 and V7: what the weights of linear parts say by themselves.

- **V2 variance share.** A column's share of the score's variance. Above 0.80, or n_eff = 1/Σ share² below 1.5: reject; 0.60
  to 0.80: the examiner must override. Several features of one column count as one: their standard deviations add up, the
  largest variance they can have together, so that a unit vector cannot be split into halves.
- **V7 weight ratio.** With swing = |weight|·(transform(high) - transform(low)): largest over smallest swing above 10⁴ is
  refused, and so are weights that form a positional system, where one step of a feature outweighs the spread of all
  lighter features together. A run of three such features asks for an override, one of more than half of all is refused.
  The spread is what was measured, at most the swing: a range the partner declared wide hides nothing by itself.

Weights of an ONNX part are not readable; V2 and V7 then ask for an override, which is never silent, unless what was
measured of each column alone already fails V2. Not covered:
correlation between columns of different domains; a reader who already knows the column that blurs the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from policies.documents.model import Feature, Transform
from policies.documents.vetting import Check, Verdict
from policies.vetting.case import Case, ColumnKey, Weighted
from policies.vetting.checks import check, rounded
from policies.vetting.limits import (
    MAX_SHARE,
    MAX_SWING_RATIO,
    MIN_CHAIN,
    MIN_EFFECTIVE,
    OVERRIDE_SHARE,
    POSITIONAL_TOLERANCE,
    SPREAD_DEVIATIONS,
)


def variance_share(case: Case) -> Check:
    """V2: one column must not carry the score."""
    if not case.readable:
        return _measured_share(case)
    shares = variance_shares(case.weighted())
    if not shares:
        return check(
            "v2",
            "no variance measured",
            verdict=Verdict.REJECT,
            zh="没有任何特征测得方差，无法判断评分由谁决定",
            en="no feature has a measured variance, so nothing shows what the score is made of",
        )
    largest, effective = _concentration(shares)
    figure = f"max share {rounded(largest)}, n_eff {rounded(effective)}"
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
    return check("v2", figure, verdict=found, zh=zh, en=en)


def _measured_share(case: Case) -> Check:
    """V2 without readable weights: what each column does to the score by itself can condemn a model, not acquit it."""
    effects = case.effects()
    total = sum(effects.values(), start=Decimal(0))
    if not total:
        return _unreadable("v2")
    largest, effective = _concentration({key: effect / total for key, effect in effects.items()})
    figure = f"weights not readable; measured max share {rounded(largest)}, n_eff {rounded(effective)}"
    if largest <= MAX_SHARE and effective >= MIN_EFFECTIVE:
        return _unreadable("v2", figure)
    return check(
        "v2",
        figure,
        verdict=Verdict.REJECT,
        zh="评分几乎由单一字段决定，可由评分还原该字段",
        en="one column carries nearly the whole score, which would give it away",
    )


def _concentration(shares: Mapping[ColumnKey, Decimal]) -> tuple[Decimal, Decimal]:
    """The largest share and n_eff."""
    squares = sum((share * share for share in shares.values()), start=Decimal(0))
    return max(shares.values()), 1 / squares


def variance_shares(weighted: Iterable[Weighted]) -> Mapping[ColumnKey, Decimal]:
    """Each column's share of the score's variance, adding to 1; empty when no variance was measured."""
    deviations: dict[ColumnKey, Decimal] = defaultdict(Decimal)
    for item in weighted:
        deviations[item.key] += abs(Decimal(item.feature.weight)) * item.variance.sqrt()
    variances = {key: deviation * deviation for key, deviation in deviations.items()}
    total = sum(variances.values(), start=Decimal(0))
    return {key: variance / total for key, variance in variances.items()} if total else {}


def weight_ratio(case: Case) -> Check:
    """V7: weights must not write the features beside each other like digits."""
    if not case.readable:
        return _unreadable("v7")
    weighted = case.weighted()
    swings = sorted(swing for item in weighted if (swing := _swing(item.feature)) > 0)
    ratio = swings[-1] / swings[0] if swings else Decimal(0)
    chain = longest_chain(weighted)
    figure = f"swing ratio {rounded(ratio)}, positional chain {chain} of {len(swings)}"
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
    return check("v7", figure, verdict=found, zh=zh, en=en)


def longest_chain(weighted: Sequence[Weighted]) -> int:
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


def _spread(item: Weighted) -> Decimal:
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


def _unreadable(name: str, figure: str = "weights not readable") -> Check:
    return check(
        name,
        figure,
        verdict=Verdict.OVERRIDE,
        zh="含 ONNX 部分，权重无法直接读取，须由查验员另行查验并书面认可",
        en="an ONNX part hides its weights; the examiner must inspect it otherwise and accept it in writing",
    )
