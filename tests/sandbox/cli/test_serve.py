"""`domicile serve` as a process: it listens or says why not, and ends quietly though parties wait for messages."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from policies.documents.fields import Bilingual
from sandbox.cli.serve import listening
from sandbox.founding import FoundedDistrict, create
from tests.sandbox.cli.conftest import Call, wait_until_ready


@pytest.fixture
def founded(tmp_path: Path) -> FoundedDistrict:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return create(tmp_path / "d", name=Bilingual(zh="区", en="district"), base_port=port)


def test_ctrl_c_ends_the_coordinator_quietly_though_parties_wait(
    founded: FoundedDistrict, request: pytest.FixtureRequest
) -> None:
    # An answer that is cut off would be told on standard error.
    argv = [sys.executable, "-m", "sandbox.cli.main", *founded.processes()["coordinator"]]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    request.addfinalizer(process.kill)
    wait_until_ready(founded.url, process)
    with founded.config("gate").endpoint(founded.keys("gate")) as line:
        cursor = max(message.seq for message in line.receive())
        waited: list[object] = []
        waiting = threading.Thread(target=lambda: waited.append(line.receive(cursor, wait=25)))
        waiting.start()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
        waiting.join(timeout=5)

    assert process.returncode == 0
    assert said.decode() == f"coordinator at {founded.url}; stop with Ctrl-C\n"
    assert waited == [[]]


def test_a_port_that_is_taken_is_unavailable(call: Call, founded: FoundedDistrict) -> None:
    argv = founded.processes()["coordinator"]
    port = int(founded.url.rpartition(":")[2])
    with listening("127.0.0.1", port) as taken:
        taken.listen()
        said = call(*argv)
    assert (said.status, said.err.count("\n")) == (5, 1)
    assert said.err.startswith(f"unavailable: expected to listen at 127.0.0.1:{port}, got ")


def test_a_host_that_is_not_there_is_unavailable(call: Call, founded: FoundedDistrict) -> None:
    config = founded.folder("coordinator") / "coordinator.toml"
    config.write_text(config.read_text().replace('host = "127.0.0.1"', 'host = "nowhere.invalid"'))
    said = call("serve", "--config", config)
    assert (said.status, said.err.partition(":")[0]) == (5, "unavailable")
