"""A check as the report carries it: what was measured, the limit, the verdict, and why in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from policies.documents.fields import Bilingual
from policies.documents.vetting import Check, Verdict
from policies.vetting.limits import LIMITS

REQUIRED_CHECKS: Final = frozenset(LIMITS)
"""Checks without which a report vets nothing, one of each V1 to V16; what does not apply is said to."""

_SEVERITY: Final = (Verdict.PASS, Verdict.OVERRIDE, Verdict.REJECT)


def check(name: str, figure: str, *, verdict: Verdict, zh: str, en: str) -> Check:
    return Check(
        check=name, figure=figure, limit=LIMITS[name], verdict=verdict, reason=Bilingual(zh=zh, en=en)
    )


def not_applicable(name: str, *, zh: str, en: str) -> Check:
    """A check that this model gives nothing to look at."""
    return check(name, "not applicable", verdict=Verdict.NOT_APPLICABLE, zh=zh, en=en)


def not_measured(name: str) -> Check:
    """A check whose figure is missing, since the part was not run: refused, for nothing speaks in its favor."""
    return check(
        name,
        "not measured",
        verdict=Verdict.REJECT,
        zh="该部分未通过静态检查，未运行，故无测量值",
        en="a part that fails the static checks is not run, so nothing was measured",
    )


def not_seen(name: str, figure: str = "not measured: no domain sees the weights") -> Check:
    """A check that takes rows and weights in one place, of a model whose weights no domain sees: the examiner's word."""
    return check(
        name,
        figure,
        verdict=Verdict.OVERRIDE,
        zh="权重对各部门保密，该项无法在数据域内测量，须由查验员另行查验并书面认可",
        en="no domain sees the weights, so this cannot be measured; the examiner must inspect it and accept it in writing",
    )


def verdict(checks: Iterable[Check]) -> Verdict:
    """The worst verdict among the checks that apply; none at all is a rejection."""
    applied = {check.verdict for check in checks} - {Verdict.NOT_APPLICABLE} or {Verdict.REJECT}
    return max(applied, key=_SEVERITY.index)


def rounded(value: Decimal) -> str:
    """A figure to three decimals."""
    return str(value.quantize(Decimal("0.001")))
