"""V1 and V8: inputs that are names for people, and scores that are.

- **V1 inputs.** Every column is listed as a feature where the data list is given; elsewhere the decision point holds the
  list against the parts before anything is read. A column is identifier-like when what it alone does to the score takes
  nearly as many values as there are people (above 0.2 of them), or when its name says so. Values count as the score can
  tell them apart, in grid units: cents of a payment that move nothing name nobody, a number that moves the score does.
- **V8 cardinality.** A partial that differs from person to person, made of few features, is a fingerprint. Features below
  one percent of the variance do not count, so that idle ones do not lift a model over the limit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from policies.documents.vetting import Check, Verdict
from policies.vetting.case import Case, ColumnKey
from policies.vetting.checks import check, not_applicable, not_measured, not_seen, rounded
from policies.vetting.limits import COUNTED_SHARE, FEW_FEATURES, MAX_DISTINCT, MAX_UNIQUE

_IDENTIFYING: Final = frozenset(
    {
        "id",
        "idcard",
        "phone",
        "mobile",
        "telephone",
        "tel",
        "email",
        "address",
        "addr",
        "name",
        "surname",
        "passport",
    }
)
_NUMBER_WORDS: Final = frozenset({"no", "number", "card", "code"})


def inputs(case: Case) -> Check:
    """V1: only listed features go in, and none that identifies."""
    keys = [key for domain in case.domains for key, _ in domain.keyed()]
    unlisted = sum(key not in case.listed for key in keys) if case.listed is not None else 0
    named = sum(is_identifying(column) for _, _, column in keys)
    shares = [metric.distinct for domain in case.domains for _, metric in domain.keyed()]
    measured = [Decimal(share) for share in shares if share is not None]
    largest = max(measured, default=Decimal(0))
    figure = f"{len(keys)} features, {unlisted} not listed, {named} named like an identifier, max distinct {rounded(largest)}"
    if unlisted or named or largest > MAX_DISTINCT:
        return check(
            "v1",
            figure,
            verdict=Verdict.REJECT,
            zh="有字段不在数据清单内，或近似身份标识",
            en="a feature is not in the data list, or is as good as an identifier",
        )
    if len(measured) < len(shares):
        return not_measured("v1")
    return check(
        "v1",
        figure,
        verdict=Verdict.PASS,
        zh="所有字段均可入模，且不具标识性",
        en="every feature may enter a model, and none identifies",
    )


def is_identifying(column: str) -> bool:
    """Whether a column's name says that its values name people: `person_id`, `home_address`, `id_number`."""
    words = column.split("_")
    return words[-1] in _IDENTIFYING or ("id" in words and words[-1] in _NUMBER_WORDS)


def cardinality(case: Case) -> Check:
    """V8: a score of few features must not be different for everybody."""
    shares = [domain.metrics.unique for domain in case.domains]
    measured = [Decimal(share) for share in shares if share is not None]
    if len(measured) < len(shares):
        return not_measured("v8")
    counted = counted_features(case)
    figure = f"max unique partials {rounded(max(measured))} with {counted} features"
    if counted > FEW_FEATURES:
        return not_applicable(
            "v8",
            zh=f"起作用的特征超过 {FEW_FEATURES} 个，评分多样属正常",
            en=f"more than {FEW_FEATURES} features make the score, whose values then differ by themselves",
        )
    fits = max(measured) <= MAX_UNIQUE
    if case.hidden and not fits:
        # A bound, not a measurement: it cannot acquit, and it does not condemn.
        return not_seen("v8", f"at most {figure.removeprefix('max ')}")
    return check(
        "v8",
        figure,
        verdict=Verdict.PASS if fits else Verdict.REJECT,
        zh="评分取值足够粗" if fits else "少数特征使评分几乎人人不同，须加大网格",
        en="the score is coarse enough"
        if fits
        else "few features make a score that differs for nearly everybody; use a coarser grid",
    )


def counted_features(case: Case) -> int:
    """Columns with at least one percent of what all columns do to the score by themselves."""
    effects: dict[ColumnKey, Decimal] = dict(case.effects())
    total = sum(effects.values(), start=Decimal(0))
    return sum(effect >= COUNTED_SHARE * total for effect in effects.values()) if total else 0
