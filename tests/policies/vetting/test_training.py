"""V15: the membership attack finds a model that remembers, and leaves alone one that does not."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.documents.vetting import Verdict
from policies.vetting import Training, VettingInputInvalid, membership_auc
from policies.vetting.training import trained_here

losses = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({member for _, member in pairs}) == 2
)


@given(pairs=losses)
def test_the_area_is_the_share_of_pairs_told_apart(pairs: list[tuple[int, bool]]) -> None:
    members = [loss for loss, member in pairs if member]
    others = [loss for loss, member in pairs if not member]
    expected = sum((m < o) + 0.5 * (m == o) for m in members for o in others) / (len(members) * len(others))
    found = membership_auc(
        np.array([loss for loss, _ in pairs], dtype=np.float64), np.array([member for _, member in pairs])
    )
    assert found == pytest.approx(expected)


def squared_losses(parameters: int) -> tuple[np.ndarray, np.ndarray]:
    """A least-squares fit on 300 of 600 people whose outcome has nothing to do with the features."""
    dice = np.random.default_rng(parameters)
    design, outcome = dice.normal(size=(600, parameters)), dice.normal(size=600)
    weights, *_ = np.linalg.lstsq(design[:300], outcome[:300], rcond=None)
    return (design @ weights - outcome) ** 2, np.arange(600) < 300


def test_the_attack_finds_a_fit_with_too_many_parameters_and_not_a_sparing_one() -> None:
    assert membership_auc(*squared_losses(200)) > 0.8
    assert abs(membership_auc(*squared_losses(3)) - 0.5) < 0.05


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (Training(10, 5000, private=False, membership_auc=Decimal("0.55")), Verdict.PASS),
        (Training(10, 5000, private=False, membership_auc=Decimal("0.551")), Verdict.REJECT),
        (Training(330, 1000, private=False, membership_auc=Decimal("0.5")), Verdict.PASS),
        (Training(331, 1000, private=False, membership_auc=Decimal("0.5")), Verdict.REJECT),
        (Training(10, 999, private=False, membership_auc=Decimal("0.5")), Verdict.REJECT),
        (Training(10, 999, private=True, membership_auc=Decimal("0.5")), Verdict.PASS),
        (None, Verdict.NOT_APPLICABLE),
    ],
)
def test_v15_holds_a_model_trained_here_to_its_limits(training: Training | None, expected: Verdict) -> None:
    assert trained_here(training).verdict is expected


def test_figures_that_no_training_can_have_are_refused() -> None:
    for parameters, persons, auc in ((0, 1, "0.5"), (1, 0, "0.5"), (1, 1, "1.1"), (1, 1, "-0.1")):
        with pytest.raises(VettingInputInvalid):
            Training(parameters, persons, private=False, membership_auc=Decimal(auc))
    flags = np.array([True, False])
    for wrong, members in (
        (np.zeros(3), flags),
        (np.zeros(2), np.array([True, True])),
        (np.zeros(2), np.array([False, False])),
        (np.array([np.nan, 0.0]), flags),
        (np.zeros((2, 1)), flags.reshape(2, 1)),
    ):
        with pytest.raises(VettingInputInvalid):
            membership_auc(wrong, members)
