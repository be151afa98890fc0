"""A district at the command line, with the real coordinator in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.documents.authorization import Scenario
from policies.documents.dataset import Dataset
from policies.documents.fields import Bilingual
from sandbox.founding import FoundedDistrict
from tests.sandbox.cli.conftest import Call, folder, let_witnesses_cosign
from tests.sandbox.client.paper import DEPARTMENTS, NOW, TERM, persons

AS = "--as"


def dataset(owner: str) -> dict[str, object]:
    both = {"zh": "就诊", "en": "Visits"}
    person = {"name": "person", "type": "resident-id", "uses": ["person"], "bounds": None}
    cost = {"name": "cost", "type": "integer", "uses": ["feature"], "bounds": {"low": "0", "high": "9"}}
    columns = [
        {"title": both, "grade": "general", "sensitive": True, "nullable": False, **column}
        for column in (person, cost)
    ]
    return {
        "id": f"visits-{owner}",
        "version": 1,
        "owner": owner,
        "name": both,
        "format": "CSV",
        "source": both,
        "library": "population",
        "grade": "general",
        "personal": True,
        "source_frequency": "daily",
        "sync_frequency": "monthly",
        "volume": {"rows": 10, "persons": 10},
        "desensitization": {"method": both, "performed_at": TERM.not_before},
        "columns": columns,
        "row_key": ["person"],
        "person_column": "person",
    }


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.fixture
def overall(call: Call, district: FoundedDistrict, tmp_path: Path) -> str:
    body = {
        "id": "overall",
        "agency": "agency",
        "operator": "operator",
        "agreement_number": "1",
        "clauses": [
            "parties", "content", "procedure", "scope", "term", "responsibility", "supervision", "termination",
            "security", "force-majeure",
        ],
        "services": ["operation"],
        "term": TERM.model_dump(),
    }  # fmt: skip
    file = written(tmp_path / "overall.json", body)
    first = call(
        "document", "submit", "overall-authorization", file, AS, folder(district, "agency"), "--json"
    )
    assert first.status == 0, first.err
    digest = str(first.json["digest"])
    second = call("document", "sign", digest, "--yes", "--json", AS, folder(district, "operator"))
    assert second.json["signers"] == ["agency", "operator"]
    return digest


@pytest.fixture
def scenario(call: Call, district: FoundedDistrict, tmp_path: Path, overall: str) -> str:
    for department in DEPARTMENTS:
        file = written(tmp_path / "dataset.json", dataset(department))
        assert call("document", "submit", "dataset", file, AS, folder(district, department)).status == 0
    draft = tmp_path / "scenario.json"
    features = [x for d in DEPARTMENTS for x in ("--feature", f"{d}/visits-{d}/cost")]
    drafted = call(
        "scenario", "draft", draft, AS, folder(district, "partner"), "--id", "s-1", "--purpose", "underwriting",
        "--title-zh", "评分", "--title-en", "Score", *features, "--recipient", "insurer", "--overall", overall,
        "--assessment", draft.parent / "dataset.json", "--assessor", "office", "--price-class", "score", "--json",
    )  # fmt: skip
    assert drafted.status == 0, drafted.err
    assert drafted.json["departments"] == list(DEPARTMENTS)
    submitted = call("scenario", "submit", draft, AS, folder(district, "partner"), "--json")
    assert submitted.status == 0, submitted.err
    assert submitted.json["digest"] == drafted.json["digest"]
    for party in (*DEPARTMENTS, "agency", "operator"):
        signed = call("scenario", "sign", submitted.json["digest"], "--yes", AS, folder(district, party))
        assert signed.status == 0, signed.err
    return str(submitted.json["digest"])


def test_a_scenario_is_drafted_from_the_catalogue_and_signed_by_all(
    call: Call, district: FoundedDistrict, scenario: str
) -> None:
    shown = call("scenario", "show", scenario, "--json", AS, folder(district, "auditor"))

    assert shown.json["signers"] == sorted((*DEPARTMENTS, "agency", "operator", "partner"))
    body = Scenario.from_body(shown.json["body"])
    assert [line.use for line in body.data_list] == ["person", "feature"] * 3
    listed = call("document", "list", "scenario", "--json", AS, folder(district, "insurer"))
    assert scenario in [item["digest"] for item in listed.json["items"]]


def test_the_catalogue_shows_metadata(call: Call, district: FoundedDistrict, scenario: str) -> None:
    shown = call("catalog", "--json", AS, folder(district, "partner"))
    found = {item["owner"]: item for item in shown.json["items"]}
    assert set(found) == set(DEPARTMENTS)
    item = {name: value for name, value in found["hospital"].items() if name != "digest"}
    assert Dataset.from_body(item).digest == found["hospital"]["digest"]
    assert "cost: integer" in call("catalog", AS, folder(district, "partner")).out


@pytest.mark.req("RQ-331")
def test_consents_are_granted_listed_handed_over_and_withdrawn(
    call: Call, district: FoundedDistrict, scenario: str, tmp_path: Path
) -> None:
    service, people = folder(district, "consent-service"), persons(7)
    file = tmp_path / "persons.txt"
    file.write_text("\n".join(person.text for person in people))
    granted = call("consent", "grant", scenario, "insurer", "--persons", file, AS, service, "--json")
    assert granted.status == 0, granted.err
    ids = granted.json["ids"]

    withdrawn = call("consent", "withdraw", ids[0], AS, service)
    handed = tmp_path / "handed.csv"
    arguments = ("insurer", "--scenario", scenario, "--hand-over", handed, AS, service, "--json")
    listed = call("consent", "list", *arguments)

    assert withdrawn.out.strip() == "withdrawn: 1"
    assert [item["id"] for item in listed.json["items"]] == ids[1:]
    assert people[1].text not in listed.out
    assert handed.read_text().splitlines()[1].startswith(f"{people[1].text},{ids[1]},")
    assert handed.stat().st_mode & 0o077 == 0
    with district.config("insurer").endpoint(district.keys("insurer")) as line:
        states = {state.id: state.state for state in line.consents(scenario, "insurer")}
    assert [states[one] for one in ids] == ["withdrawn"] + ["granted"] * 6


def test_a_denied_job_says_why_and_what_would_pass(
    call: Call, district: FoundedDistrict, scenario: str, tmp_path: Path
) -> None:
    consents = tmp_path / "ids"
    consents.write_text("\n".join(f"{number:032x}" for number in range(3)))
    asked = ("job", "submit", "--scenario", scenario, "--model", "ab" * 32, "--consents", consents)

    refused = call(*asked, "--json", AS, folder(district, "partner"))

    assert refused.status in {3, 4}, refused
    assert refused.json["error"]["code"]


def test_a_suspension_is_posted_by_one_alone(call: Call, district: FoundedDistrict, scenario: str) -> None:
    done = call(
        "scenario", "suspend", scenario, "--reason-zh", "事件", "--reason-en", "incident", "--json",
        AS, folder(district, "hospital"),
    )  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["index"] is not None


def test_the_log_is_exported_proven_and_verified_offline(
    call: Call, district: FoundedDistrict, overall: str, tmp_path: Path
) -> None:
    size = let_witnesses_cosign(district)
    auditor, export = folder(district, "auditor"), tmp_path / "log.jsonl"

    exported = call("ledger", "export", export, AS, auditor, "--json")
    proven = call("ledger", "prove", 0, AS, auditor, "--json")
    trust_root = district.directory / "trust-root.json"
    offline = ("ledger", "verify", export, "--trust-root", trust_root, "--pin", district.pin)

    assert exported.status == 0, exported.err
    assert exported.json["size"] >= size
    assert len(exported.json["cosigned_at"]) >= district.trust.quorum
    assert proven.json["entry"]["digests"] == {"trust-root": district.pin}
    assert len(proven.json["cosigned_by"]) >= district.trust.quorum
    assert call(*offline).status == 0
    assert call(*offline[:-1], "ab" * 32).status == 3
    export.write_bytes(export.read_bytes().replace(b'"actor":"coordinator"', b'"actor":"coordinatoR"', 1))
    assert call(*offline, "--json").json["error"]["code"] == "ledger_refused"


def test_what_is_not_there_is_not_found(call: Call, district: FoundedDistrict) -> None:
    partner = folder(district, "partner")
    assert call("document", "show", "ab" * 32, AS, partner).status == 4
    assert call("job", "status", "ab" * 32, AS, partner).status == 4
    assert call("document", "show", "no digest", AS, partner).status == 2
    assert call("ledger", "prove", 10**9, AS, folder(district, "auditor")).status == 4


def test_usage_and_invoice_of_a_quiet_month_are_empty(call: Call, district: FoundedDistrict) -> None:
    month = NOW.strftime("%Y-%m")
    usage = call("usage", month, AS, folder(district, "operator"), "--json")
    invoice = call("invoice", month, AS, folder(district, "insurer"), "--json")

    assert usage.json == {"events": []}
    assert invoice.status == 0, invoice.err
    other = call("invoice", month, "--recipient", "insurer", AS, folder(district, "partner"))
    assert other.status == 3


def test_a_role_that_does_not_fit_is_malformed(call: Call, district: FoundedDistrict, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("00" * 16)
    agency = folder(district, "agency")
    assert (
        call(
            "job", "submit", "--scenario", "ab" * 32, "--model", "ab" * 32, "--consents", ids, AS, agency
        ).status
        == 2
    )
    assert (
        call("score", "fetch", "--authorization", "ab" * 32, "--consent", "00" * 16, AS, agency).status == 2
    )
    assert call("ledger", "export", tmp_path / "x", AS, folder(district, "partner")).status == 2


def test_nobody_signs_unseen(call: Call, district: FoundedDistrict, overall: str) -> None:
    refused = call("document", "sign", overall, "--json", AS, folder(district, "agency"))
    assert refused.status == 2
    assert "--yes" in refused.json["error"]["detail"]


def test_init_founds_and_party_keygen_draws_without_overwriting(call: Call, tmp_path: Path) -> None:
    made = call(
        "init", tmp_path / "d", "--department", "alpha", "--department", "beta", "--port", 8555, "--json"
    )
    assert made.status == 0, made.err
    assert FoundedDistrict.load(tmp_path / "d").pin == made.json["pin"]
    assert made.json["processes"]["alpha-enclave"][:3] == ["domicile", "enclave", "run"]
    assert call("init", tmp_path / "d").status == 2

    keygen = (
        "party", "keygen", tmp_path / "p", "--id", "newcomer", "--role", "insurer", "--name-zh", "新", "--name-en", "New",
    )  # fmt: skip
    drawn = call(*keygen, "--json")
    assert drawn.status == 0, drawn.err
    assert call("party", "show", tmp_path / "p", "--json").json == drawn.json
    assert call(*keygen).status == 2
    assert Bilingual(**drawn.json["name"]).en == "New"


def test_a_coordinator_that_is_away_is_unavailable(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path / "d", "--port", 9)
    away = call("catalog", AS, tmp_path / "d" / "partner", "--json")
    assert away.status == 5
    assert away.json["error"]["code"] == "unavailable"


def test_doctor_says_what_it_tried(call: Call) -> None:
    found = call("doctor", "--json")
    assert {item["check"] for item in found.json["checks"]} >= {"python", "DuckDB httpfs extension"}
    assert found.status == (0 if found.json["ready"] else 5)
