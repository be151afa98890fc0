"""Judging a model before it may score anybody: can its one banded number be turned back into a feature?

`judge` gives the checks V1 to V16 of protocols.md section 6.5, each with figure, limit, verdict and reason; `verdict` the
worst of them. The domains measure (`enclaves.vetting`), the examiner judges and signs.
"""

from __future__ import annotations

from policies.vetting.case import VettingInputInvalid, Weighted
from policies.vetting.checks import REQUIRED_CHECKS, verdict
from policies.vetting.judging import judge, refused
from policies.vetting.training import Training, membership_auc
from policies.vetting.weights import longest_chain, variance_shares

__all__ = [
    "REQUIRED_CHECKS",
    "Training",
    "VettingInputInvalid",
    "Weighted",
    "judge",
    "longest_chain",
    "membership_auc",
    "refused",
    "variance_shares",
    "verdict",
]
