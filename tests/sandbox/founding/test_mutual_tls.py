"""A district founded with TLS: the real coordinator speaks TLS 1.3 to the district's own certificates and to nobody else."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from policies.documents.fields import Bilingual
from sandbox.client import Partner, member_of
from sandbox.founding import FoundedDistrict, create


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FoundedDistrict]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = Bilingual(zh="区", en="district")
    founded = create(tmp_path_factory.mktemp("tls") / "d", name=name, base_port=port, tls=True)
    argv = founded.processes()["coordinator"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.cli.main", *argv], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield founded
    finally:
        process.terminate()
        process.communicate(timeout=15)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the coordinator did not start")


def context(district: FoundedDistrict, party: str | None) -> ssl.SSLContext:
    """A client's TLS as the standard library makes it, with the certificate of `party`."""
    made = ssl.create_default_context(cafile=district.directory / "ca.d" / "ca.pem")
    if party is not None:
        folder = district.folder(party)
        made.load_cert_chain(folder / "certificate.pem", folder / "certificate.key")
    return made


def ask(district: FoundedDistrict, made: ssl.SSLContext) -> httpx.Response:
    with httpx.Client(verify=made, trust_env=False) as client:
        return client.get(f"{district.url}/readyz")


def test_a_party_of_the_district_is_served_over_tls_1_3(district: FoundedDistrict) -> None:
    assert district.url.startswith("https://")
    assert ask(district, context(district, "partner")).status_code == 200
    host, port = district.url.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as plain,
        context(district, "partner").wrap_socket(plain, server_hostname=host) as line,
    ):
        assert line.version() == "TLSv1.3"


def test_the_sdk_finds_its_certificate_in_the_partys_folder(district: FoundedDistrict) -> None:
    with member_of(district.folder("partner")) as partner:
        assert isinstance(partner, Partner)
        assert partner.endpoint.trust_root().digest == district.pin
        assert partner.catalog() == []


def test_without_a_client_certificate_the_connection_fails(district: FoundedDistrict) -> None:
    with pytest.raises(httpx.TransportError):
        ask(district, context(district, None))


def test_a_certificate_of_another_district_is_refused(
    district: FoundedDistrict, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = create(tmp_path_factory.mktemp("other") / "d", name=Bilingual(zh="区", en="other"), tls=True)
    made = context(district, None)
    folder = other.folder("partner")
    made.load_cert_chain(folder / "certificate.pem", folder / "certificate.key")
    with pytest.raises(httpx.TransportError):
        ask(district, made)


def test_tls_1_2_is_refused(district: FoundedDistrict) -> None:
    made = context(district, "partner")
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.TransportError):
        ask(district, made)


def test_plain_http_is_not_answered(district: FoundedDistrict) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(district.url.replace("https", "http") + "/readyz", timeout=5, trust_env=False)
