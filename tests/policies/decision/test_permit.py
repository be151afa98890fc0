"""A permit comes from a decision and from nowhere else, and is bound to what was decided."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from policies.decision import Action, Permit, Refused, grant, product, with_extra
from policies.decision.permit import PermitForged
from policies.documents import strict_json
from tests.policies.decision.example import case_for, papers, whole
from tests.policies.decision.test_differential import added


def test_a_permit_is_bound_to_job_run_action_columns_policies_and_facts() -> None:
    permit = grant(Action.SCORE, case_for(Action.SCORE))
    of = whole()
    assert permit.job == of.job.digest
    assert permit.run == of.plan.sid.hex()
    assert (permit.scenario, permit.authorization) == (of.scenario.digest, of.authorization.digest)
    assert {(line.column, line.use.value) for line in permit.columns} == {
        ("visits", "feature"),
        ("inpatient_days", "feature"),
        ("person_id", "person"),
        ("year", "filter"),
    }
    assert permit.policies == product().digest
    assert permit.determining == ("permit-score",)
    assert permit.digest == strict_json.digest(permit.to_body())


def test_another_question_gives_another_permit() -> None:
    permits = [
        grant(Action.SCORE, case_for(Action.SCORE)),
        grant(Action.RELEASE, case_for(Action.RELEASE)),
        grant(Action.SCORE, case_for(Action.SCORE, papers(job={"id": "another-job"}))),
        grant(Action.SCORE, case_for(Action.SCORE, papers(plan={"attempt": 2}))),
        grant(Action.SCORE, case_for(Action.SCORE, department="social-insurance")),
        grant(Action.SCORE, case_for(Action.SCORE, checkpoint_age_s=6)),
        grant(Action.SCORE, case_for(Action.SCORE), library=with_extra(added("when { false }", "deliver"))),
    ]
    assert len({permit.digest for permit in permits}) == len(permits)


def test_the_same_question_gives_the_same_digest() -> None:
    assert grant(Action.SCORE, case_for(Action.SCORE)) == grant(Action.SCORE, case_for(Action.SCORE))


def test_a_denial_is_raised_with_its_reasons() -> None:
    with pytest.raises(Refused, match="purpose_mismatch") as refused:
        grant(Action.SCORE, case_for(Action.SCORE, papers(job={"purpose": "claims-review"})))
    assert [denial.code for denial in refused.value.denials] == ["purpose_mismatch"]
    assert refused.value.decision.action is Action.SCORE


@pytest.mark.req("RQ-308")
def test_no_case_yields_a_permit_for_raw_export() -> None:
    for action in Action:
        with pytest.raises(Refused, match="raw_export"):
            grant(Action.RAW_EXPORT, case_for(action))


@pytest.mark.parametrize("mint", [None, object(), "mint"])
def test_a_permit_cannot_be_made_by_hand(mint: object) -> None:
    genuine = grant(Action.SCORE, case_for(Action.SCORE))
    fields: dict[str, Any] = {
        field.name: getattr(genuine, field.name) for field in dataclasses.fields(genuine)
    }
    with pytest.raises(PermitForged):
        Permit(**fields, mint=mint)


def test_a_permit_cannot_be_altered_or_copied() -> None:
    genuine = grant(Action.SCORE, case_for(Action.SCORE))
    with pytest.raises((ValueError, PermitForged)):
        dataclasses.replace(genuine, job="0" * 64)
    with pytest.raises(dataclasses.FrozenInstanceError):
        genuine.job = "0" * 64  # type: ignore[misc]  # the point of the test
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(PermitForged):
            attempt(genuine)


def test_one_module_alone_constructs_permits() -> None:
    root = Path(__file__).parents[3]
    constructors = {
        path.relative_to(root).as_posix()
        for layer in ("policies", "connectors", "enclaves", "sandbox")
        for path in (root / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Permit"
    }
    assert constructors == {"policies/decision/permit.py"}
