"""The catalogue: signed declarations in, metadata out."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.catalog import Catalog, Filter, check_envelope, view
from connectors.errors import CatalogRefused, DatasetUnknown
from policies.documents import envelope as dsse
from policies.documents.dataset import BaseLibrary, ColumnType, Dataset, Grade, SyncFrequency
from policies.documents.document import DocumentInvalid
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.keys import SignatureInvalid, public_key
from tests.connectors.kit import RESIDENT, column, declare, one_row_each

OWNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
VISITS = declare()


def registered(directory: Path, *datasets: Dataset) -> Catalog:
    catalog = Catalog(directory)
    for dataset in datasets:
        catalog.register(dataset.envelope(OWNER), owner_key=public_key(OWNER))
    return catalog


def test_a_registered_declaration_is_kept_as_it_was_signed(tmp_path: Path) -> None:
    envelope = VISITS.envelope(OWNER)
    catalog = Catalog(tmp_path)
    assert catalog.register(envelope, owner_key=public_key(OWNER)) == VISITS
    assert catalog.envelope("visits") == envelope
    assert Catalog(tmp_path).dataset("visits") == VISITS


def test_registering_the_same_declaration_again_changes_nothing(tmp_path: Path) -> None:
    catalog = registered(tmp_path, VISITS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert catalog.register(VISITS.envelope(STRANGER)) == VISITS
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


def test_a_new_version_is_current_and_the_old_one_stays(tmp_path: Path) -> None:
    second = VISITS.model_copy(update={"version": 2})
    catalog = registered(tmp_path, VISITS, second)
    assert catalog.dataset("visits").version == 2
    assert len(list((tmp_path / "visits").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": "Parquet"}, "expected a version above 3"),
        ({"version": 2}, "expected a version above 3"),
        ({"version": 4, "owner": "transport"}, "expected `health` to own"),
        ({"version": 1_000_000}, "at most 999999"),
    ],
)
def test_a_successor_must_be_one(change: dict[str, object], problem: str, tmp_path: Path) -> None:
    current = VISITS.model_copy(update={"version": 3})
    catalog = registered(tmp_path, current)
    with pytest.raises(CatalogRefused, match=problem):
        catalog.register(current.model_copy(update=change).envelope(OWNER))
    assert catalog.dataset("visits") == current


def test_an_unsigned_declaration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogRefused, match="got no signature"):
        Catalog(tmp_path).register(VISITS.envelope())


def test_a_declaration_signed_by_a_stranger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignatureInvalid):
        Catalog(tmp_path).register(VISITS.envelope(STRANGER), owner_key=public_key(OWNER))


def test_another_kind_of_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentInvalid):
        Catalog(tmp_path).register(dsse.sign("party", VISITS.to_body(), OWNER))


@pytest.mark.req("RQ-166")
@pytest.mark.parametrize("fact", ["name", "format", "source", "sync_frequency", "source_frequency", "volume"])
def test_a_declaration_without_a_mandatory_fact_is_refused(fact: str, tmp_path: Path) -> None:
    body = VISITS.to_body()
    del body[fact]
    with pytest.raises(DocumentInvalid, match=fact):
        Catalog(tmp_path).register(dsse.sign("dataset", body, OWNER))
    assert list(Catalog(tmp_path).datasets()) == []


@pytest.mark.req("RQ-166")
def test_the_view_shows_the_five_mandatory_facts() -> None:
    shown = view(VISITS)
    assert shown["name"] == {"zh": "就诊", "en": "visits"}
    assert shown["format"] == "CSV"
    assert shown["source"] == {"zh": "医院", "en": "hospital system"}
    assert shown["frequency"] == "monthly"
    assert shown["volume"] == {"rows": 300, "persons": 100}


@pytest.mark.req("RQ-078")
def test_the_view_is_made_of_the_declaration_alone() -> None:
    """Every text and number in the view stands in the signed body, or is its digest."""
    leaves = set(_leaves(VISITS.to_body()))
    assert set(_leaves(view(VISITS))) - {json.dumps(VISITS.digest)} <= leaves


def _leaves(value: Json) -> list[str]:
    match value:
        case dict():
            return [leaf for item in value.values() for leaf in _leaves(item)]
        case list():
            return [leaf for item in value for leaf in _leaves(item)]
        case _:
            return [json.dumps(value)]


@pytest.mark.req("RQ-078")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["firms", "persons", "visits"]),
        (Filter(library=BaseLibrary.LEGAL_PERSON), ["firms"]),
        (Filter(department="health"), ["persons", "visits"]),
        (Filter(grade=Grade.GENERAL), ["firms"]),
        (Filter(frequency=SyncFrequency.MONTHLY), ["persons", "visits"]),
        (Filter(text="就诊"), ["persons", "visits"]),
        (Filter(text="THE INSURED"), ["visits"]),
        (Filter(text="turnover"), ["firms"]),
        (Filter(department="health", frequency=SyncFrequency.YEARLY), []),
    ],
)
def test_the_catalogue_is_searched_by_its_metadata(wanted: Filter, found: list[str], tmp_path: Path) -> None:
    firms = declare(
        (column("firm", ColumnType.TEXT), column("turnover", ColumnType.INTEGER)),
        id="firms",
        owner="market",
        name={"zh": "企业", "en": "firms"},
        library=BaseLibrary.LEGAL_PERSON,
        grade=Grade.GENERAL,
        sync_frequency=SyncFrequency.YEARLY,
        personal=False,
        person_column=None,
        row_key=("firm",),
        order_column=None,
    )
    catalog = registered(tmp_path, VISITS, one_row_each(), firms)
    assert [dataset.id for dataset in catalog.search(wanted)] == found


@pytest.mark.parametrize(
    "dataset_id", ["none", "", "..", "../visits", "visits/../visits", "a" * 200, "VISITS"]
)
def test_an_unknown_id_is_not_found_and_never_a_path(dataset_id: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnknown):
        registered(tmp_path, VISITS).dataset(dataset_id)


def test_a_reserved_column_name_is_refused_at_registration(tmp_path: Path) -> None:
    dataset = declare(
        (RESIDENT, column("rowid", ColumnType.INTEGER)), row_key=("resident",), order_column=None
    )
    with pytest.raises(CatalogRefused, match="a name the store uses itself"):
        Catalog(tmp_path).register(dataset.envelope(OWNER))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[1]", b'{"payload":1}'])
def test_bytes_that_are_no_envelope_are_refused(data: bytes) -> None:
    with pytest.raises(CatalogRefused):
        check_envelope(data)


def test_a_damaged_file_in_the_catalogue_is_an_error_not_a_crash(tmp_path: Path) -> None:
    catalog = registered(tmp_path, VISITS)
    (tmp_path / "visits" / "000001.json").write_bytes(b"{")
    with pytest.raises(PolicyError):
        catalog.dataset("visits")
