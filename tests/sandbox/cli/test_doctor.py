"""`domicile doctor` names what is missing and what to do about it."""

from __future__ import annotations

import pytest

from enclaves.isolation import bubblewrap, confined
from enclaves.isolation.errors import IsolationUnavailable
from sandbox.cli import doctor
from tests.sandbox.cli.conftest import Call


def test_a_package_that_is_not_installed_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "HTTPFS", "no-such-extension")
    said = call("doctor")

    assert said.status == 5
    missing = [line for line in said.out.splitlines() if line.startswith("missing")]
    assert missing == [
        "missing  DuckDB httpfs extension: package no-such-extension is not installed; install the locked packages"
    ]


def test_an_extension_of_another_duckdb_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DUCKDB", "typer")
    found = doctor.check_extension()
    assert not found.met
    assert found.remedy


def test_an_old_python_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_PYTHON", (99, 0))
    said = call("doctor", "--json")
    assert (said.status, said.json["ready"]) == (5, False)
    assert next(c for c in said.json["checks"] if c["check"] == "python")["met"] is False


def test_a_host_that_cannot_confine_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(_: object) -> None:
        raise IsolationUnavailable("expected user namespaces, got none")

    monkeypatch.setattr(confined, "check_isolation", cannot)
    said = call("doctor")
    assert said.status == 5
    assert "expected user namespaces, got none; allow unprivileged user namespaces on this host" in said.out
    assert bubblewrap.bwrap_path()
