"""A founded district whose coordinator really runs, and a way to call the command line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies.documents.fields import Bilingual
from policies.log.note import Note, TreeHead, cosign
from sandbox.cli import main, output
from sandbox.founding import FoundedDistrict, create


@dataclass(frozen=True)
class Result:
    """What a command wrote and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Result]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `domicile` with arguments, in this process."""
    for name in ("DOMICILE_AS", "DOMICILE_LANG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        output.MODE.as_json, output.MODE.language = False, output.Language.EN
        status = main.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FoundedDistrict]:
    """A district with its coordinator as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    founded = create(
        tmp_path_factory.mktemp("cli") / "d", name=Bilingual(zh="区", en="district"), base_port=port
    )
    argv = founded.processes()["coordinator"]
    process = subprocess.Popen([sys.executable, "-m", "sandbox.cli.main", *argv])
    try:
        wait_until_ready(founded.url, process)
        yield founded
    finally:
        process.terminate()
        process.wait(timeout=15)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the coordinator at `url` says that it is ready."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx.get(f"{url}/readyz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the coordinator did not start")


def let_witnesses_cosign(district: FoundedDistrict) -> int:
    """Every witness cosigns the newest checkpoint with its own key; returns the size."""
    note = ""
    for witness in district.trust.witnesses:
        keys = district.keys(witness)
        with district.config(witness).endpoint(keys) as line:
            note = note or line.latest().note
            head = TreeHead.parse(Note.parse(note).body)
            signature = cosign(head, keys.identity, name=witness, at=int(time.time()))
            line.post_cosignature(head.size, signature)
    return TreeHead.parse(Note.parse(note).body).size


def folder(district: FoundedDistrict, party: str) -> Path:
    return district.folder(party)
