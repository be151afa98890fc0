"""Starting the processes: what they refuse to start with, and that they stop when told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from enclaves.cli import enclave, gate
from enclaves.isolation import bubblewrap
from enclaves.isolation.errors import IsolationUnavailable
from policies.documents.fields import Bilingual
from sandbox.founding.found import create

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("founded") / "district"
    # Port 9 (discard): nobody answers there.
    create(directory, name=Bilingual(zh="区", en="district"), base_port=9)
    return directory


def changed(path: Path, name: str, change: Callable[[str], str]) -> Path:
    """A copy of a settings file beside it, with one change."""
    copy = path.with_name(name)
    copy.write_text(change(path.read_text()))
    return copy


def refusal(app: object, config: Path) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["run", "--config", str(config)])  # type: ignore[arg-type]  # a Typer
    return result.exit_code, result.output


def test_another_trust_root_than_the_pinned_one_is_refused(founded: Path) -> None:
    for app, file in ((enclave.app, "hospital-enclave/enclave.toml"), (gate.app, "gate/gate.toml")):
        path = founded / file
        pin = next(line for line in path.read_text().splitlines() if line.startswith("pin"))
        config = changed(path, "pinned.toml", lambda text, pin=pin: text.replace(pin, f'pin = "{"0" * 64}"'))
        status, said = refusal(app, config)
        assert status == 3
        assert "trust root" in said


def test_another_partys_keys_are_refused(founded: Path) -> None:
    config = changed(
        founded / "hospital-enclave" / "enclave.toml",
        "keys.toml",
        lambda text: text.replace('"keys.json"', '"../gate/keys.json"'),
    )
    status, said = refusal(enclave.app, config)
    assert status != 0
    assert "identity key" in said


def test_an_enclave_of_another_department_is_refused(founded: Path) -> None:
    config = changed(
        founded / "hospital-enclave" / "enclave.toml",
        "department.toml",
        lambda text: text.replace('department = "hospital"', 'department = "social-insurance"'),
    )
    status, said = refusal(enclave.app, config)
    assert status == 5
    assert "social-insurance" in said


EXECUTIONS = [
    ('executor = "dask"', 2, "executor_setting_invalid"),
    ("partition = 2", 2, "malformed"),
    ('executor = "ray"\npartitions = 2\naddress = "192.0.2.2:6379"', 5, "cluster_exposed"),
]


@pytest.mark.parametrize(("table", "status", "code"), EXECUTIONS)
def test_an_execution_that_cannot_be_is_refused_at_the_start(
    founded: Path, table: str, status: int, code: str
) -> None:
    path = founded / "hospital-enclave" / "enclave.toml"
    config = changed(path, "execution.toml", lambda text: f"{text}\n[execution]\n{table}\n")
    assert refusal(enclave.app, config)[0] == status
    assert f"{code}:" in refusal(enclave.app, config)[1]


def test_nothing_starts_without_isolation(founded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise IsolationUnavailable("expected a bundled bubblewrap, got none")

    monkeypatch.setattr(bubblewrap, "bwrap_path", missing)
    for app, file in ((enclave.app, "hospital-enclave/enclave.toml"), (gate.app, "gate/gate.toml")):
        status, said = refusal(app, founded / file)
        assert status == 5
        assert "isolation" in said


@pytest.mark.parametrize(
    "command", [("enclave", "hospital-enclave/enclave.toml"), ("gate", "gate/gate.toml")]
)
def test_a_process_without_a_coordinator_waits_and_stops_when_told(
    founded: Path, command: tuple[str, str]
) -> None:
    name, file = command
    argv = [sys.executable, "-m", "sandbox.cli.main", name, "run", "--config", str(founded / file)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        while "runs" not in line:
            assert line, "the process ended early"
            line = process.stderr.readline().decode()
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
