"""V15: does a model that was trained in the sandbox remember whom it was trained on?

The attack is the loss threshold of Yeom et al. (CSF 2018): whoever the model fits better is taken for a member. Its area
under the curve over members and others is 0.5 for a model that remembers nobody. It is our own few lines: SACRO-ML, which
the specification names, depends on PyTorch, and its likelihood-ratio attacks need shadow models, which generalized linear
models of at most 0.33 n parameters do not reward (docs/decisions/0014).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from policies.documents.vetting import Check, Verdict
from policies.vetting.case import VettingInputInvalid
from policies.vetting.checks import check, not_applicable, rounded
from policies.vetting.limits import MAX_MEMBERSHIP_AUC, MAX_PARAMETER_SHARE, MIN_UNPROTECTED_PERSONS


@dataclass(frozen=True, slots=True)
class Training:
    """How a model came to be: free parameters, persons it was fitted on, whether with differential privacy, attack AUC."""

    parameters: int
    persons: int
    private: bool
    membership_auc: Decimal

    def __post_init__(self) -> None:
        if self.parameters < 1 or self.persons < 1 or not 0 <= self.membership_auc <= 1:
            raise VettingInputInvalid("expected a model fitted on people and an AUC from 0 to 1, got others")


def trained_here(training: Training | None) -> Check:
    """V15; `training` is absent for a model that a partner brings."""
    if training is None:
        return not_applicable("v15", zh="模型非在沙箱内训练", en="the model was not trained in the sandbox")
    share = Decimal(training.parameters) / training.persons
    figure = (
        f"{training.parameters} parameters for {training.persons} persons, membership AUC"
        f" {rounded(training.membership_auc)}, {'with' if training.private else 'without'} DP"
    )
    remembers = share > MAX_PARAMETER_SHARE or training.membership_auc > MAX_MEMBERSHIP_AUC
    unprotected = not training.private and training.persons < MIN_UNPROTECTED_PERSONS
    if remembers or unprotected:
        return check(
            "v15",
            figure,
            verdict=Verdict.REJECT,
            zh="模型可能记住了训练人群，或人数不足且未加差分隐私",
            en="the model may remember whom it was trained on, or had too few people and no differential privacy",
        )
    return check(
        "v15",
        figure,
        verdict=Verdict.PASS,
        zh="未见对训练人群的记忆",
        en="nothing shows that the model remembers anybody",
    )


def membership_auc(losses: NDArray[np.float64], members: NDArray[np.bool_]) -> float:
    """How well a low loss tells members apart, as the area under the curve: P(member's loss < other's) + ½ P(equal).

    Both arrays have shape (people,); at least one member and one other. 0.5 tells nothing.
    """
    if losses.shape != members.shape or losses.ndim != 1 or not 0 < int(members.sum()) < len(members):
        raise VettingInputInvalid("expected one loss for each of some members and some others")
    if np.isnan(losses).any():
        raise VettingInputInvalid("expected numbers as losses, got NaN")
    others = np.sort(losses[~members])
    own = losses[members]
    above = len(others) - np.searchsorted(others, own, side="right")
    level = np.searchsorted(others, own, side="right") - np.searchsorted(others, own, side="left")
    return float((above + level / 2).sum() / (len(own) * len(others)))
