"""A1: a partner hides one column behind a "score" by giving it all the weight.

Naive way: weights are taken as they come, and the score is the column. Ours: the examiner's checks refuse the model (V2),
and without a favorable report about exactly this model, cited by the signers, nothing computes (`model_not_vetted`).
(The encrypted-weights half of A1 waits for the `paillier` mode: nothing here accepts ciphertext weights.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from policies.decision import Action, Refused, grant
from policies.documents.vetting import Verdict
from tests.policies.decision.example import amended, case_for, papers, signed, whole

# Days in hospital, which no insurer may learn, carried by a model of five columns.
UNIT = {"visits": "0", "inpatient_days": "1"}
SILENT = {"claims": "0", "paid_yuan": "0", "months_paid": "0"}
NEAR_UNIT = {"visits": "0.01", "inpatient_days": "1"}


def weighted(department: str, weights: dict[str, str]) -> dict[str, Any]:
    """The part of `department` with other weights."""
    part = next(part for part in whole().parts if part.department == department)
    features = part.to_body()["features"]
    return {"features": [{**feature, "weight": weights[feature["column"]]} for feature in features]}


def unit_model(hospital: dict[str, str] = UNIT) -> dict[str, Any]:
    return {
        "part_hospital": weighted("hospital", hospital),
        "part_health-insurance": weighted("health-insurance", SILENT),
        "part_social-insurance": weighted("social-insurance", SILENT),
    }


def test_the_naive_way_hands_over_the_column() -> None:
    rows = np.random.default_rng(1).integers(0, 366, size=(1000, 2)).astype(float)
    weights = np.array([float(UNIT["visits"]), float(UNIT["inpatient_days"])])
    scores = rows @ weights
    assert (scores == rows[:, 1]).all()


@pytest.mark.req("RQ-289", "RQ-309")
@pytest.mark.parametrize("hospital", [UNIT, NEAR_UNIT])
def test_the_examiner_refuses_it_and_then_nothing_computes(hospital: dict[str, str]) -> None:
    of = papers(**unit_model(hospital))
    checks = {check.check: check.verdict for check in of.report.checks}
    assert checks["v2"] is Verdict.REJECT
    for action in (Action.ADMIT_SCORE, Action.SCORE, Action.RELEASE):
        with pytest.raises(Refused) as refused:
            grant(action, case_for(action, of))
        assert refused.value.decision.codes == ("model_not_vetted",)


@pytest.mark.req("RQ-309")
def test_splitting_the_unit_vector_over_features_of_one_column_does_not_help() -> None:
    feature = weighted("hospital", UNIT)["features"][1]
    halves = [{**feature, "weight": "0.4"}, {**feature, "weight": "0.6"}]
    of = papers(**{**unit_model(), "part_hospital": {"features": halves}})
    assert of.report.verdict is Verdict.REJECT


@pytest.mark.req("RQ-289")
def test_the_report_of_an_honest_model_cannot_be_lent_to_it() -> None:
    honest, unit = whole(), papers(**unit_model())
    # Signed by everybody who was shown the honest report, about a model nobody vetted.
    of = papers(**unit_model(), authorization={"vetting_report": honest.report.digest})
    with pytest.raises(Refused) as refused:
        grant(Action.SCORE, case_for(Action.SCORE, of, report=honest.envelopes["report"]))
    assert refused.value.decision.codes == ("model_not_vetted",)
    assert unit.model.digest != honest.model.digest


@pytest.mark.req("RQ-289")
def test_a_favorable_report_the_examiner_did_not_sign_counts_for_nothing() -> None:
    unit = papers(**unit_model())
    checks = [{**check, "verdict": "pass"} for check in unit.report.to_body()["checks"]]
    forged = amended(unit.report, {"checks": checks, "verdict": "pass"})
    of = papers(**unit_model(), authorization={"vetting_report": forged.digest})
    with pytest.raises(Refused) as refused:
        grant(Action.SCORE, case_for(Action.SCORE, of, report=signed(forged, "actuary-partner")))
    assert refused.value.decision.codes == ("signatures_missing",)


@pytest.mark.req("RQ-289")
def test_swapping_the_model_under_an_honest_authorization_is_refused() -> None:
    unit = papers(**unit_model())
    of = papers(job={"model": unit.model.digest})
    with pytest.raises(Refused) as refused:
        grant(Action.SCORE, case_for(Action.SCORE, of, model=unit.envelopes["model"]))
    assert refused.value.decision.codes == ("model_mismatch", "model_not_vetted")
