"""What a document must hold beyond its members' types: each rule has the smallest body that breaks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import district_documents
import district_parties as parties
import pytest

from policies.documents.authorization import Clause, OverallAuthorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.document import Document, DocumentInvalid, Term
from policies.documents.fields import instant
from policies.documents.kinds import KINDS
from policies.documents.model import LinearPart, Model, OnnxPart
from policies.documents.price import PriceFiling
from policies.documents.run import transcript_digest
from policies.documents.trust import Role, TrustRoot

MODELS: dict[str, type[Document]] = {**KINDS, LinearPart.kind: LinearPart, "onnx": OnnxPart}
BODIES: dict[str, dict[str, Any]] = {
    kind: json.loads(json.dumps(signed.document.to_body()))
    for kind, signed in district_documents.all_documents().items()
}
BODIES["onnx"] = {
    "id": "onnx-1",
    "department": "hospital",
    "dataset": "visits-yearly",
    "inputs": [{"column": "visits", "low": "0", "high": "9", "fill": "0"}],
    "graph": "0" * 64,
}
Edit = Callable[[dict[str, Any]], object]


def put(path: str, value: object) -> Edit:
    """Sets the member at a dotted path."""

    def edit(body: dict[str, Any]) -> None:
        *way, last = path.split(".")
        where: Any = body
        for step in way:
            where = where[int(step)] if step.isdigit() else where[step]
        where[int(last) if last.isdigit() else last] = value

    return edit


def again(path: str, index: int = 0) -> Edit:
    """Repeats an item of a list."""
    return lambda body: body[path].append(copy.deepcopy(body[path][index]))


def twin(path: str, index: int, **changes: object) -> Edit:
    """Appends a changed copy of an item of a list."""
    return lambda body: body[path].append({**copy.deepcopy(body[path][index]), **changes})


def without_person(body: dict[str, Any]) -> None:
    """A data set that calls itself personal and has nothing to know a person by."""
    body["columns"][0]["type"] = "text"
    body["person_column"] = None


BROKEN: list[tuple[str, str, Edit]] = [
    ("overall-authorization", "a missing clause", lambda b: b["clauses"].pop()),
    ("overall-authorization", "a repeated clause", again("clauses")),
    ("overall-authorization", "no service", put("services", [])),
    ("overall-authorization", "a term that ends as it begins", put("term.not_after", "2026-01-01T00:00:00Z")),
    ("scenario", "a repeated line", again("data_list")),
    ("scenario", "a cited data set that is not listed", twin("datasets", 0, dataset="other")),
    ("scenario", "a data set cited twice", again("datasets")),
    ("scenario", "a listed data set that is not cited", lambda b: b["datasets"].pop()),
    ("scenario", "raw export as a mode", put("modes", ["raw-export"])),
    ("scenario", "an unknown use", put("data_list.0.use", "export")),
    ("scenario", "no recipient", put("recipients", [])),
    ("scenario", "more bits than a person's year allows", put("limits.bits_per_subject_year", 33)),
    ("scenario", "a fifth model version a year", put("limits.model_versions_per_subject_year", 5)),
    ("authorization", "raw export as a job kind", put("job_kinds", ["raw-export"])),
    ("authorization", "a roster out of order", lambda b: b["roster"].reverse()),
    ("authorization", "a department twice in the roster", again("roster", -1)),
    ("authorization", "one enclave for two departments", put("roster.1.enclave", "health-enclave")),
    ("authorization", "one key for two departments", put("roster.1.keyid", parties.keyid("health-enclave"))),
    ("authorization", "an unsaid view of totals with one domain", lambda b: b.update(roster=b["roster"][:1])),
    ("authorization", "a recipient with two keys", twin("recipients", 0, sealing_key="0" * 64)),
    ("plan", "one key for two departments", put("roster.1.keyid", parties.keyid("health-enclave"))),
    ("plan", "mode bfv without a key", put("he_key", None)),
    ("plan", "mode masked with a key", put("mode", "masked")),
    ("plan", "a score without an authorization", put("authorization", None)),
    ("plan", "a vet job with an authorization", put("job_kind", "vet")),
    ("dataset", "a repeated column", again("columns")),
    ("dataset", "a row key that is no column", put("row_key", ["other"])),
    ("dataset", "an order column that is no column", put("order_column", "other")),
    ("dataset", "an order column of text", put("columns.1.type", "text")),
    ("dataset", "a person column of text", put("columns.0.type", "text")),
    ("dataset", "a resident number outside the person column", put("columns.2.type", "resident-id")),
    ("dataset", "personal data without a person column", without_person),
    ("dataset", "a resident number that no person column names", put("person_column", None)),
    ("dataset", "a person column in impersonal data", put("personal", False)),
    ("dataset", "bounds the wrong way round", put("columns.1.bounds", {"low": "10", "high": "9"})),
    ("dataset", "an eighth synchronization frequency", put("sync_frequency", "hourly")),
    ("model", "a grid of zero", put("grid", "0.0")),
    ("model", "a negative grid", put("grid", "-1")),
    ("model", "parts out of order", lambda b: b["parts"].reverse()),
    ("model", "descending cut points", put("cut_points", [140, 80])),
    ("model", "equal cut points", put("cut_points", [80, 80])),
    ("model", "a cut point below the range", put("cut_points", [-1000])),
    ("model", "a cut point above the range", put("cut_points", [60000])),
    ("model", "a range above 2^12", put("parts.0.high", 4097)),
    ("model", "a default out of range", put("parts.0.default", -1)),
    ("model", "twenty-one bands", put("cut_points", list(range(60, 80)))),
    ("model-part", "equals without a value", put("features.0.transform", "equals")),
    ("model-part", "a value without equals", put("features.0.equals", "x")),
    ("model-part", "a range the wrong way round", put("features.0.low", "121")),
    ("model-part", "a logarithm below zero", lambda b: b["features"][0].update(transform="log1p", low="-1")),
    ("onnx", "a range the wrong way round", put("inputs.0.low", "10")),
    ("price-filing", "a price above the cap", put("price", "1.21")),
    ("price-filing", "a negative price", put("price", "-0.01")),
    ("price-filing", "a currency in small letters", put("currency", "cny")),
    ("suspension", "nothing to stop", put("target.digest", None)),
    ("suspension", "a party named for an authorization", put("target.party", "hospital")),
    ("suspension", "a digest named for a party", put("target", {"kind": "party", "digest": "0" * 64})),
    ("suspension", "two targets", put("target", {"kind": "party", "digest": "0" * 64, "party": "hospital"})),
    ("revocation", "nothing to end", put("digests", [])),
    ("contribution", "a receiver key that is not base64", put("receiver_key", "not base64")),
    ("bundle", "an ephemeral key of 31 bytes", put("ephemeral_key", "A" * 42 + "==")),
    ("release", "one band", put("bands", 1)),
    ("release", "a wrap that is not base64", put("sealed.wrap", "not base64")),
    ("receipt", "nothing delivered", put("units", 0)),
    ("trust-root", "a party twice", again("parties")),
    ("trust-root", "one key for two parties", put("parties.15.identity_key", parties.public_base64("hospital"))),
    ("trust-root", "the log's key for a party", put("log.key", parties.public_base64("hospital"))),
    ("trust-root", "a witness twice", again("witnesses")),
    ("trust-root", "a witness that is no party", put("witnesses.0", "nobody")),
    ("trust-root", "a quorum of two of four", put("quorum", 2)),
    ("trust-root", "a quorum above the witnesses", put("quorum", 5)),
    ("trust-root", "an owner that is no party", put("parties.1.owner", "nobody")),
    ("trust-root", "two gates", put("parties.15.role", "gate")),
    ("trust-root", "no examiner", put("parties.3.role", "auditor")),
    ("trust-root", "two enclaves of one department", put("parties.9.owner", "hospital")),
    ("trust-root", "an enclave of no department", put("parties.9.owner", None)),
    ("trust-root", "an enclave of the operator", put("parties.9.owner", "futian-operator")),
    ("trust-root", "a small-order key", put("parties.15.identity_key", "AQ" + "A" * 41 + "=")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "rule", "edit"), BROKEN, ids=[f"{kind}: {rule}" for kind, rule, _ in BROKEN]
)
def test_a_document_that_breaks_its_rule_is_refused(kind: str, rule: str, edit: Edit) -> None:
    body = copy.deepcopy(BODIES[kind])
    MODELS[kind].from_body(body)
    edit(body)

    with pytest.raises(DocumentInvalid) as caught:
        MODELS[kind].from_body(body)
    assert str(caught.value).startswith(MODELS[kind].kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_frozen_and_hash_and_equality_follow_its_body(kind: str) -> None:
    document = KINDS[kind].from_body(BODIES[kind])

    with pytest.raises(ValueError, match="frozen"):
        document.id = "other"
    assert document == KINDS[kind].from_body(BODIES[kind])


def test_a_suspension_may_name_a_party() -> None:
    body = {**BODIES["suspension"], "target": {"kind": "party", "party": "actuary-partner"}}

    assert MODELS["suspension"].from_body(body)


def test_a_single_domain_may_contribute_when_the_signers_know() -> None:
    body = copy.deepcopy(BODIES["authorization"])
    body.update(roster=body["roster"][:1], gate_sees_totals=True)

    assert MODELS["authorization"].from_body(body)


def test_a_term_includes_its_beginning_and_excludes_its_end() -> None:
    term = Term(not_before="2026-01-01T00:00:00Z", not_after="2026-01-01T00:00:01Z")

    assert term.contains(instant("2026-01-01T00:00:00Z"))
    assert not term.contains(instant("2026-01-01T00:00:01Z"))
    assert not term.contains(instant("2025-12-31T23:59:59Z"))


def test_a_draft_may_leave_out_defaults_and_gets_the_same_digest() -> None:
    body = BODIES["suspension"]
    draft = {key: value for key, value in body.items() if key != "suite"}

    assert MODELS["suspension"].from_body(draft).digest == MODELS["suspension"].from_body(body).digest


def test_the_departments_of_a_scenario_are_sorted() -> None:
    scenario = Scenario.from_body(BODIES["scenario"])

    assert scenario.departments == ("health-insurance", "hospital", "social-insurance")


def test_the_trust_root_finds_parties_sole_roles_and_enclaves() -> None:
    root = TrustRoot.from_body(BODIES["trust-root"])
    hospital, enclave = root.party("hospital"), root.enclave_of("hospital")

    assert hospital is not None
    assert hospital.key.keyid == parties.keyid("hospital")
    assert root.sole(Role.GATE).id == "gate"
    assert enclave is not None
    assert enclave.id == "hospital-enclave"
    assert root.party("nobody") is None
    assert root.enclave_of("nobody") is None


def test_a_model_adds_its_parts_ranges_and_finds_a_part() -> None:
    model = Model.from_body(BODIES["model"])

    assert (model.low, model.high, model.bands) == (52, 1600, 5)
    assert model.part("hospital") is not None
    assert model.part("nobody") is None
    assert LinearPart.from_body(BODIES["model-part"]).columns == ("visits", "inpatient_days")
    assert OnnxPart.from_body(BODIES["onnx"]).columns == ("visits",)


def test_a_data_set_knows_its_columns_and_whether_a_person_has_one_row() -> None:
    dataset = Dataset.from_body(BODIES["dataset"])

    assert not dataset.one_row_per_person
    assert dataset.column("visits") is not None
    assert dataset.column("nothing") is None
    assert Dataset.from_body({**BODIES["dataset"], "row_key": ["person_id"]}).one_row_per_person


def test_the_transcript_does_not_depend_on_the_order_of_bundles() -> None:
    run, one, two = "0" * 64, "1" * 64, "2" * 64

    assert transcript_digest(run, [one, two]) == transcript_digest(run, [two, one])
    assert transcript_digest(run, [one, two]) != transcript_digest(run, [one])
    assert transcript_digest(one, [two]) != transcript_digest(two, [one])


@pytest.mark.req("RQ-166")
@pytest.mark.parametrize(
    "member", ["name", "format", "source", "source_frequency", "sync_frequency", "volume"]
)
def test_a_data_set_without_one_of_the_mandatory_facts_is_refused(member: str) -> None:
    body = {key: value for key, value in BODIES["dataset"].items() if key != member}

    with pytest.raises(DocumentInvalid, match=member):
        Dataset.from_body(body)


@pytest.mark.req("RQ-074")
@pytest.mark.parametrize("step", [None, {}, {"method": {"zh": "脱敏", "en": "removed"}}])
def test_a_data_set_without_a_recorded_desensitization_is_refused(step: object) -> None:
    body = {**BODIES["dataset"], "desensitization": step}

    with pytest.raises(DocumentInvalid, match="desensitization"):
        Dataset.from_body(body)


@pytest.mark.req("RQ-071")
@pytest.mark.parametrize("clause", list(Clause))
def test_an_agreement_without_one_of_the_ten_clauses_cannot_be_written(clause: Clause) -> None:
    body = BODIES["overall-authorization"]
    kept = [name for name in body["clauses"] if name != clause]
    assert len(kept) == 9

    with pytest.raises(DocumentInvalid, match="ten mandatory clauses"):
        OverallAuthorization.from_body({**body, "clauses": kept})


def test_the_overall_agreement_has_no_member_that_could_open_data() -> None:
    for member in ("data_list", "datasets", "scenario", "model", "roster", "job_kinds"):
        with pytest.raises(DocumentInvalid, match=member):
            OverallAuthorization.from_body({**BODIES["overall-authorization"], member: []})


@pytest.mark.req("RQ-196")
@pytest.mark.parametrize(
    ("price", "fits"), [("0", True), ("1.20", True), ("1.2", True), ("1.2000000001", False)]
)
def test_a_price_up_to_the_cap_can_be_filed_and_none_above(price: str, fits: bool) -> None:
    body = {**BODIES["price-filing"], "price": price}

    if fits:
        assert PriceFiling.from_body(body)
    else:
        with pytest.raises(DocumentInvalid, match="cap"):
            PriceFiling.from_body(body)
