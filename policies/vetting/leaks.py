"""V3 to V5: does the released score give one of its features back?

Each domain measures its partial against its own features, for it alone holds them. The partial is never released; what
leaves is a band of the sum. Therefore every domain also measures what its partial still says when the rest of the score
lies over it, at a few shares of the variance, and a feature is judged at the smallest of these shares that is not below
the domain's own (so the figures err to the strict side). That is how a domain's only feature is judged on the whole model
and not refused for being its partial, and how a domain with hardly any weight does not fail for what nobody can see; a
domain that makes up the score is judged on its partial as it stands. The partial's own figures stand beside it.

Not covered, and said in the reason: the rest is taken as independent and normal, so correlation between domains is left
out, and so is a reader who knows the other domains' columns. Source: protocols.md section 6.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from policies.documents.vetting import Check, FeatureMetric, Leak, Verdict
from policies.vetting.case import Case
from policies.vetting.checks import check, not_measured, not_seen, rounded
from policies.vetting.hidden import estimated_correlation
from policies.vetting.limits import (
    MAX_GAIN,
    MAX_INFORMATION,
    MAX_INFORMATION_SENSITIVE,
    MAX_RANK_CORRELATION,
    MAX_RANK_CORRELATION_SENSITIVE,
)
from policies.vetting.weights import variance_shares

Figure = Callable[[Leak], Decimal]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One feature: its name, its limit, the figure on the whole score and on the partial by itself."""

    column: str
    limit: Decimal
    whole: Decimal
    partial: Decimal


def rank_leak(case: Case) -> Check:
    """V3: the score must not put people in a feature's order."""
    if case.hidden:
        return _estimated_rank(case)
    readings = _readings(
        case,
        lambda leak: Decimal(leak.spearman),
        limit=lambda sensitive: MAX_RANK_CORRELATION_SENSITIVE if sensitive else MAX_RANK_CORRELATION,
    )
    return _judged(
        "v3",
        readings,
        zh="评分与某一特征的排序几乎一致",
        en="the score puts people in the order of one feature",
    )


def information_leak(case: Case) -> Check:
    """V4: a band must not say most of what there is to know of a feature."""
    if case.hidden:
        return not_seen("v4")
    readings = _readings(
        case,
        lambda leak: Decimal(leak.information),
        limit=lambda sensitive: MAX_INFORMATION_SENSITIVE if sensitive else MAX_INFORMATION,
    )
    raw = [
        Decimal(m.raw_information)
        for d in case.domains
        for _, m in d.keyed()
        if m.raw_information is not None
    ]
    return _judged(
        "v4",
        readings,
        zh="分档透露了某一特征的大部分信息",
        en="a band says most of what there is to know of one feature",
        beside=f"; unbanded partial {rounded(max(raw, default=Decimal(0)))}",
    )


def inversion(case: Case) -> Check:
    """V5: the best guess of a feature from the band must not be much better than the most frequent value."""
    if case.hidden:
        return not_seen("v5")
    readings = _readings(case, lambda leak: Decimal(leak.gain), limit=lambda _: MAX_GAIN)
    return _judged(
        "v5", readings, zh="由分档可明显猜中某一特征", en="a feature can be guessed well from the band"
    )


def _estimated_rank(case: Case) -> Check:
    """V3 of a model that no domain sees: an estimate that can condemn it, not acquit it."""
    sensitive = any(metric.sensitive for domain in case.domains for _, metric in domain.keyed())
    limit = MAX_RANK_CORRELATION_SENSITIVE if sensitive else MAX_RANK_CORRELATION
    estimate = estimated_correlation(variance_shares(case.weighted()).values())
    figure = f"{rounded(estimate)} estimated from shares of variance, columns taken as uncorrelated"
    if estimate <= limit:
        return not_seen("v3", figure)
    return check(
        "v3",
        figure,
        verdict=Verdict.REJECT,
        zh="评分与某一特征的排序几乎一致",
        en="the score puts people in the order of one feature",
    )


def leak_at(metric: FeatureMetric, share: Decimal) -> Leak:
    """What was measured at the smallest share that is not below `share`; the first is at share 1."""
    return min(
        (leak for leak in metric.leaks if Decimal(leak.share) >= share),
        key=lambda leak: Decimal(leak.share),
        default=metric.leaks[0],
    )


def _readings(case: Case, figure: Figure, *, limit: Callable[[bool], Decimal]) -> tuple[_Reading, ...] | None:
    """Every feature's figures, or None if one was not measured."""
    found = []
    for domain in case.domains:
        share = case.domain_share(domain)
        for (department, _, column), metric in domain.keyed():
            if not metric.leaks or metric.leaks[0].share != "1":
                return None
            whole, partial = figure(leak_at(metric, share)), figure(metric.leaks[0])
            found.append(_Reading(f"{department}.{column}", limit(metric.sensitive), whole, partial))
    return tuple(found)


def _judged(name: str, readings: tuple[_Reading, ...] | None, *, zh: str, en: str, beside: str = "") -> Check:
    if readings is None:
        return not_measured(name)
    worst = max(readings, key=lambda reading: reading.whole - reading.limit)
    figure = (
        f"{rounded(worst.whole)} for {worst.column}, {rounded(worst.partial)} on the partial alone{beside}"
    )
    over = [reading.column for reading in readings if reading.whole > reading.limit]
    if over:
        return check(
            name,
            figure,
            verdict=Verdict.REJECT,
            zh=f"{zh}：{_first(over)}",
            en=f"{en}: {_first(over)}",
        )
    return check(
        name,
        figure,
        verdict=Verdict.PASS,
        zh="任一特征都不能由评分还原；各部门字段之间的相关性未计入",
        en="no feature can be read off the score; correlation between domains is not covered",
    )


def _first(columns: list[str]) -> str:
    """The first few names, and how many more."""
    shown = ", ".join(_short(columns))
    return shown if len(columns) <= 3 else f"{shown} (+{len(columns) - 3})"


def _short(columns: list[str]) -> Iterator[str]:
    yield from columns[:3]
