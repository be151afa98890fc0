"""A founded district is whole: every key pinned, every private file closed, every process with its settings."""

from __future__ import annotations

import base64
import json
import ssl
import stat
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from enclaves.transport.channel import ClientCertificate, _tls
from enclaves.transport.party import PartyConfig
from policies.documents import envelope as dsse
from policies.documents.fields import Bilingual
from policies.documents.trust import PartyDocument, Role
from policies.keys import IdentityKey, public_key
from sandbox.founding import FoundedDistrict, Founder, FoundingRefused, create
from sandbox.founding.layout import PROCESS_FILES
from sandbox.settings import CoordinatorKeys, Settings

NAME = Bilingual(zh='福田"区\\', en="Futian 'district'")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> FoundedDistrict:
    return create(tmp_path_factory.mktemp("found") / "d", name=NAME, base_port=8411, tls=True)


def test_a_founded_district_is_read_back_as_it_was_founded(founded: FoundedDistrict) -> None:
    again = FoundedDistrict.load(founded.directory)

    assert again == founded
    assert again.trust.district == NAME
    assert (again.trust.quorum, len(again.trust.witnesses)) == (3, 4)


def test_each_party_holds_the_key_that_the_trust_root_pins_and_proves_it(founded: FoundedDistrict) -> None:
    for entry in founded.trust.parties:
        keys = founded.keys(entry.id)
        assert public_key(keys.identity) == entry.key
        assert (keys.sealing is not None) == (entry.sealing_key is not None)
        if keys.sealing is not None:
            assert base64.b64encode(keys.sealing.public.raw).decode() == entry.sealing_key
        envelope = dsse.parse((founded.folder(entry.id) / "party.json").read_bytes())
        document = PartyDocument.read(envelope)
        envelope.check_signed_by(IdentityKey.from_base64(document.identity_key))
        assert document.digest == entry.document


def test_those_to_whom_something_is_sealed_have_a_sealing_key(founded: FoundedDistrict) -> None:
    sealed_to = {entry.role for entry in founded.trust.parties if entry.sealing_key}
    assert sealed_to == {Role.ENCLAVE, Role.GATE, Role.EXAMINER, Role.INSURER}


def test_private_files_are_readable_by_their_owner_only(founded: FoundedDistrict) -> None:
    private = [
        path
        for path in founded.directory.rglob("*")
        if path.name in {"keys.json", "domain.key"} or path.suffix == ".key"
    ]
    assert len(private) > 2 * len(founded.trust.parties)
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_no_private_key_stands_in_a_public_file(founded: FoundedDistrict) -> None:
    secrets = {
        text for party in founded.trust.parties for text in founded.keys(party.id).to_json().values() if text
    }
    public = [p for p in founded.directory.rglob("*") if p.is_file() and p.name != "keys.json"]
    assert not [path for path in public if any(secret in path.read_text() for secret in secrets)]


def test_domain_keys_differ_between_departments(founded: FoundedDistrict) -> None:
    values = [
        value
        for party in founded.trust.parties
        if party.role is Role.ENCLAVE
        for value in json.loads((founded.folder(party.id) / "home" / "domain.key").read_text()).values()
    ]
    assert len(values) == len(set(values)) == 6
    assert {len(base64.b64decode(value)) for value in values} == {32}


def test_the_coordinator_can_read_its_settings_and_keys(founded: FoundedDistrict) -> None:
    settings = Settings.load(founded.folder("coordinator") / "coordinator.toml")
    keys = CoordinatorKeys.load(settings.key_file)

    assert settings.pin == founded.pin
    assert settings.public_url == founded.url == "https://127.0.0.1:8411"
    assert public_key(keys.log).to_base64() == founded.trust.log.key
    assert settings.tls_client_ca is not None
    assert settings.tls_client_ca.exists()


def test_every_process_has_a_settings_file_and_a_command(founded: FoundedDistrict) -> None:
    processes = founded.processes()

    expected = [entry.id for entry in founded.trust.parties if entry.role in PROCESS_FILES]
    assert set(processes) == set(expected)
    assert next(iter(processes)) == "coordinator"
    for party, command in processes.items():
        if party != "coordinator":
            config = PartyConfig.load(Path(command[-1]))
            assert (config.party, config.pin) == (party, founded.pin)
            config.trust()


def test_a_district_is_never_founded_over_another(founded: FoundedDistrict) -> None:
    with pytest.raises(FoundingRefused, match="empty"):
        create(founded.directory, name=NAME)


def test_two_districts_share_no_key(founded: FoundedDistrict, tmp_path: Path) -> None:
    other = create(tmp_path / "d", name=NAME)

    ours = {p.identity_key for p in founded.trust.parties} | {founded.trust.log.key}
    theirs = {p.identity_key for p in other.trust.parties} | {other.trust.log.key}
    assert not ours & theirs
    assert founded.pin != other.pin


def test_departments_and_insurers_are_those_named(tmp_path: Path) -> None:
    departments = [Founder(name, Role.DEPARTMENT, name, name) for name in ("alpha", "beta")]
    insurers = [Founder(f"insurer-{n}", Role.INSURER, "保险", "Insurer") for n in (1, 2)]

    district = create(tmp_path / "d", name=NAME, departments=departments, insurers=insurers)

    assert {p.owner for p in district.trust.parties if p.role is Role.ENCLAVE} == {"alpha", "beta"}
    assert [p.id for p in district.trust.parties if p.role is Role.INSURER] == ["insurer-1", "insurer-2"]
    assert district.trust.quorum == 3


@pytest.mark.parametrize("broken", ["pin", "trust root", "nothing", "unknown party"])
def test_a_folder_that_is_no_district_is_refused(tmp_path: Path, broken: str) -> None:
    district = create(tmp_path / "d", name=NAME)
    if broken == "unknown party":
        with pytest.raises(FoundingRefused):
            district.folder("../etc")
        return
    match broken:
        case "pin":
            (tmp_path / "d" / "district.toml").write_text(f'pin = "{"ab" * 32}"\nurl = "http://a"\n')
        case "trust root":
            (tmp_path / "d" / "trust-root.json").write_text("{}")
        case _:
            (tmp_path / "d" / "district.toml").unlink()

    with pytest.raises(FoundingRefused):
        FoundedDistrict.load(tmp_path / "d")


class _Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_mutual_tls_admits_the_districts_parties_and_nobody_else(founded: FoundedDistrict) -> None:
    folder, ca = founded.folder("coordinator"), founded.directory / "ca.d" / "ca.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "certificate.pem", folder / "certificate.key")
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), _Echo)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}/"
    mine = ClientCertificate(
        founded.folder("insurer") / "certificate.pem", founded.folder("insurer") / "certificate.key"
    )
    try:
        with httpx.Client(verify=_tls(ca, mine), trust_env=False) as client:
            assert client.get(url).status_code == 200
        for context in (_tls(ca, None), ssl.create_default_context()):
            with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.TransportError):
                client.get(url)
    finally:
        server.shutdown()
        server.server_close()
