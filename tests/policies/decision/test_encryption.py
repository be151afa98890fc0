"""Decisions on jobs in mode paillier: key and weights of this model, signed by gate and examiner, cited by everybody."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from policies.decision import Action, Decision, decide_case
from policies.decision.permit import Refused, grant
from tests.policies.decision.example import Papers, amended, case_for, papers, signed

MODELING = [
    Action.ADMIT_SCORE,
    Action.SCORE,
    Action.RELEASE,
    Action.ADMIT_VET,
    Action.VET,
    Action.RELEASE_BANDS,
]
SCORING = MODELING[:3]


@cache
def whole() -> Papers:
    return papers(paillier=True)


def outcome(action: Action, of: Papers | None = None, **changes: Any) -> Decision:
    return decide_case(action, case_for(action, of or whole(), **changes))


def found(decision: Decision) -> dict[str, str]:
    return {denial.code: denial.where for denial in decision.denials}


@pytest.mark.parametrize("action", [*MODELING, Action.DELIVER])
def test_a_job_over_encrypted_weights_is_allowed_as_agreed(action: Action) -> None:
    assert found(outcome(action)) == {}


@pytest.mark.parametrize("action", MODELING)
def test_a_key_or_weights_that_are_missing_deny(action: Action) -> None:
    assert set(found(outcome(action, key=None))) == {"signatures_missing", "encryption_mismatch"}
    assert set(found(outcome(action, weights=()))) == {"signatures_missing", "encryption_mismatch"}


@pytest.mark.parametrize("action", MODELING)
@pytest.mark.parametrize("name", ["key", "weights_hospital"])
def test_what_the_gate_or_the_examiner_did_not_sign_is_refused(action: Action, name: str) -> None:
    signer = "gate" if name == "key" else "examiner"
    of = papers(paillier=True, unsigned={name: {signer}})
    place = "key.signatures" if name == "key" else "weights.signatures"
    assert found(outcome(action, of)) == {"signatures_missing": f"{place}.{signer}"}


@pytest.mark.parametrize("action", MODELING)
def test_unit_vector_weights_that_the_partner_signed_itself_are_refused(action: Action) -> None:
    of = whole()
    forged = tuple(signed(item, "actuary-partner") for item in of.weights)
    assert found(outcome(action, of, weights=forged)) == {"signatures_missing": "weights.signatures.examiner"}


@pytest.mark.parametrize("action", MODELING)
@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"key": {"model": "a" * 64}}, "key.model"),
        ({"key": {"scenario": "a" * 64}}, "key.model"),
        ({"weights_hospital": {"model": "a" * 64}}, "weights.hospital.model"),
        ({"weights_hospital": {"key": "a" * 64}}, "weights.hospital.key"),
        ({"weights_hospital": {"part": "a" * 64}}, "weights.hospital.part"),
        ({"weights_hospital": {"dataset": "other"}}, "weights.hospital.part"),
        ({"weights_hospital": {"weight_bound": 1}}, "weights.hospital.part"),
        ({"weights_hospital": {"partner": "somebody"}}, "weights.hospital.partner"),
    ],
)
def test_a_key_or_weights_of_something_else_are_refused(
    action: Action, changes: dict[str, Any], where: str
) -> None:
    # Signed by whom they should be: it is what they say that does not fit.
    assert found(outcome(action, papers(paillier=True, **changes))) == {"encryption_mismatch": where}


@pytest.mark.parametrize("action", MODELING)
def test_other_weights_than_the_job_cites_are_refused(action: Action) -> None:
    of = whole()
    again = [amended(item, {"ciphertexts": "b" * 64}) for item in of.weights]
    swapped = tuple(signed(item, "examiner") for item in again)
    assert found(outcome(action, of, weights=swapped)) == {"encryption_mismatch": "job.encryption.weights"}


@pytest.mark.parametrize("action", SCORING)
def test_weights_that_the_authorization_does_not_cite_are_refused(action: Action) -> None:
    of = whole()
    encryption = of.authorization.to_body()["encryption"]
    assert isinstance(encryption, dict)
    other = papers(paillier=True, authorization={"encryption": {**encryption, "key": "c" * 64}})
    assert found(outcome(action, other)) == {"encryption_mismatch": "authorization.encryption"}


def test_a_graph_cannot_pass_as_encrypted_weights() -> None:
    of = whole()
    body = {**of.weights[0].to_body(), "form": "onnx"}
    from policies.documents import envelope as dsse
    from tests.policies.decision.example import district_parties

    graph = dsse.sign("encrypted-weights", body, district_parties.private_key("examiner"))
    case = case_for(Action.SCORE, of, weights=(graph, *case_for(Action.SCORE, of).weights[1:]))
    with pytest.raises(Refused) as refused:
        grant(Action.SCORE, case)
    assert [denial.code for denial in refused.value.denials] == ["signatures_missing", "encryption_mismatch"]
    assert all(denial.reason.zh and denial.reason.en for denial in refused.value.denials)


def test_mode_paillier_and_what_it_needs_are_cited_together_or_not_at_all() -> None:
    body = whole().authorization.to_body()
    for change in ({"encryption": None}, {"modes": ["masked"]}):
        with pytest.raises(Exception, match="exactly where mode paillier"):
            amended(whole().authorization, change)
    assert isinstance(body["encryption"], dict)
    fewer = {**body["encryption"], "weights": body["encryption"]["weights"][1:]}  # type: ignore[index]
    with pytest.raises(Exception, match="each department of the roster"):
        amended(whole().authorization, {"encryption": fewer})
    for change in ({"mode": "masked"}, {"encryption": None}):
        with pytest.raises(Exception, match="exactly in mode paillier"):
            amended(whole().job, change)
    with pytest.raises(Exception, match="100000 subjects"):
        amended(whole().job, {"subjects": {"count": 100_001, "sha256": "0" * 64}})
