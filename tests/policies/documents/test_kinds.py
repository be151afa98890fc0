"""The table of kinds is whole, and the published examples and schemas agree with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import district_parties as parties
import jsonschema
import pytest

from policies.documents import strict_json
from policies.documents.document import Document
from policies.documents.job import Plan
from policies.documents.kinds import KINDS, json_schema
from policies.documents.model import LinearPart

EXAMPLES = Path(__file__).parents[3] / "docs" / "documents"
MODELS: dict[str, type[Document]] = {**KINDS, LinearPart.kind: LinearPart}
IN_RUN = ("bundle", "transcript", "contribution", "survivors", "agreement", "unmasking", "release")
DESIGNED = {
    "trust-root", "party", "dataset", "overall-authorization", "scenario", "authorization", "consent", "model",
    "vetting-report", "job", "plan", "release", "receipt", "suspension", "revocation", "price-filing",
}  # fmt: skip


def example(kind: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((EXAMPLES / f"{kind}.json").read_text("utf-8"))
    return value


def digest(kind: str) -> str:
    return MODELS[kind].from_body(example(kind)).digest


def test_every_kind_of_the_design_has_a_model() -> None:
    assert set(KINDS) >= DESIGNED


def test_each_model_stands_under_its_own_name() -> None:
    assert all(model.kind == name for name, model in KINDS.items())


def test_every_document_class_is_in_the_table() -> None:
    sealed_only = {LinearPart.kind}

    assert {model.kind for model in Document.__subclasses__()} - sealed_only == set(KINDS)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        KINDS["job"] = LinearPart  # type: ignore[index]  # the point of the test


@pytest.mark.parametrize("kind", MODELS)
def test_an_example_is_the_whole_body_of_its_kind(kind: str) -> None:
    body = example(kind)

    assert MODELS[kind].from_body(body).to_body() == body


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_fits_the_published_schema(kind: str) -> None:
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.Draft202012Validator(schema).validate(example(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_asks_for_every_member_and_no_other(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(kind))
    body = example(kind)

    assert not validator.is_valid({**body, "zzz": 1})
    for member in body:
        assert not validator.is_valid({key: value for key, value in body.items() if key != member}), member


def test_an_unknown_kind_has_no_schema() -> None:
    with pytest.raises(KeyError):
        json_schema("raw-export")


def test_the_examples_cite_each_other() -> None:
    cited = {
        ("scenario", "overall"): "overall-authorization",
        ("authorization", "overall"): "overall-authorization",
        ("authorization", "scenario"): "scenario",
        ("authorization", "model"): "model",
        ("authorization", "vetting_report"): "vetting-report",
        ("authorization", "price_filing"): "price-filing",
        ("consent", "scenario"): "scenario",
        ("model", "scenario"): "scenario",
        ("vet-metrics", "model"): "model",
        ("vet-metrics", "part"): "model-part",
        ("vet-bands", "model"): "model",
        ("vetting-report", "scenario"): "scenario",
        ("vetting-report", "model"): "model",
        ("job", "scenario"): "scenario",
        ("job", "authorization"): "authorization",
        ("job", "model"): "model",
        ("he-key", "job"): "job",
        ("paillier-key", "model"): "model",
        ("encrypted-weights", "model"): "model",
        ("encrypted-weights", "key"): "paillier-key",
        ("encrypted-weights", "part"): "model-part",
        ("plan", "job"): "job",
        ("plan", "he_key"): "he-key",
        ("plan", "authorization"): "authorization",
        ("bundle", "boot"): "boot",
        ("release", "job"): "job",
        ("release", "authorization"): "authorization",
        ("receipt", "authorization"): "authorization",
    }

    for (kind, member), target in cited.items():
        assert example(kind)[member] == digest(target), (kind, member)
    assert digest("dataset") in [citation["digest"] for citation in example("scenario")["datasets"]]
    assert digest("vet-metrics") in example("vetting-report")["metrics"]
    assert digest("vet-bands") in example("vetting-report")["metrics"]
    assert digest("model-part") in [part["digest"] for part in example("model")["parts"]]
    assert example("suspension")["target"]["digest"] == digest("authorization")
    run = Plan.from_body(example("plan")).sid.hex()
    assert {example(kind)["run"] for kind in IN_RUN} == {run}
    assert example("contribution")["transcript"] == example("transcript")["transcript"]
    delivered = [{"release": digest("release"), "slot": 1}]
    assert example("receipt")["deliveries"] == strict_json.digest(delivered)
    assert example("authorization")["data_list"] == strict_json.digest(example("scenario")["data_list"])


def test_the_examples_name_the_parties_and_keys_of_the_trust_root() -> None:
    known = {party["id"]: party for party in example("trust-root")["parties"]}

    assert known["hospital"]["document"] == digest("party")
    for member in example("authorization")["roster"]:
        assert known[member["enclave"]]["owner"] == member["department"]
        assert member["keyid"] == parties.keyid(member["enclave"])
    (recipient,) = example("authorization")["recipients"]
    sealing_key = known[recipient["party"]]["sealing_key"]
    assert recipient["sealing_key"] == hashlib.sha256(sealing_key.encode()).hexdigest()


def test_the_readme_explains_every_kind() -> None:
    text = (EXAMPLES / "README.md").read_text("utf-8")

    for kind in MODELS:
        assert f"[`{kind}`]({kind}.json)" in text
