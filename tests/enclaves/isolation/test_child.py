"""The child refuses to run unprotected: outside bubblewrap, and inside one that lacks a single protection."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from enclaves.isolation import bubblewrap, child, confinement, selftest
from enclaves.isolation.errors import Unconfined
from enclaves.isolation.frames import Kind, header
from enclaves.isolation.limits import Limits, Start

START = Start(target=selftest.__name__, limits=Limits()).to_bytes()
STREAM = header(Kind.START, len(START)) + START + header(Kind.END, 0)
REFUSAL = header(Kind.FAILED, len(Unconfined.__name__)) + Unconfined.__name__.encode()


def run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=STREAM, capture_output=True, env={}, cwd="/", timeout=20)


def confined_command() -> list[str]:
    return bubblewrap.arguments(bubblewrap.bwrap_path(), {}, source_roots=(), scratch_bytes=1 << 20)


def without(command: list[str], *options: str) -> list[str]:
    for at in range(len(command)):
        if tuple(command[at : at + len(options)]) == options:
            return command[:at] + command[at + len(options) :]
    raise LookupError(options)


def test_started_outside_bubblewrap_it_refuses() -> None:
    command = confined_command()
    entry = command[command.index("--") + 1 :]
    root = str(Path(child.__file__).parents[2])
    finished = run([*entry[: entry.index("-c") + 2], root])
    assert finished.stdout == REFUSAL
    assert finished.returncode == child.REFUSED_STATUS


def test_fully_confined_it_runs() -> None:
    finished = run(confined_command())
    passed = header(Kind.DATA, len(selftest.PASSED)) + selftest.PASSED
    assert finished.stdout == passed + header(Kind.END, 0)
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("removed", "added"),
    [
        pytest.param((), ("--share-net",), id="network shared"),
        pytest.param((), ("--ro-bind", "/proc", "/proc"), id="procfs of the host"),
        pytest.param((), ("--ro-bind", "/sys", "/sys"), id="sysfs of the host"),
        pytest.param((), ("--ro-bind", "/etc/passwd", "/etc/passwd"), id="a file of the host"),
        pytest.param(("--hostname", bubblewrap.HOSTNAME), (), id="host name kept"),
        pytest.param(("--remount-ro", "/"), (), id="root left writable"),
    ],
)
def test_with_one_protection_less_it_refuses(removed: tuple[str, ...], added: tuple[str, ...]) -> None:
    command = confined_command()
    if removed:
        command = without(command, *removed)
    if added:
        # Mounts go in before the root is made read-only.
        at = command.index("--remount-ro", command.index("/usr"))
        command = [*command[:at], *added, *command[at:]]
    finished = run(command)
    assert finished.stdout == REFUSAL
    assert finished.returncode == child.REFUSED_STATUS


@pytest.mark.parametrize("name", confinement.CONDITIONS)
@pytest.mark.parametrize("failure", ["does not hold", "cannot be read"])
def test_every_condition_is_needed(monkeypatch: pytest.MonkeyPatch, name: str, failure: str) -> None:
    def fails() -> bool:
        if failure == "cannot be read":
            raise OSError
        return False

    conditions = {each: (lambda: True) for each in confinement.CONDITIONS}
    monkeypatch.setattr(confinement, "CONDITIONS", conditions)
    confinement.check_confined()
    monkeypatch.setattr(confinement, "CONDITIONS", {**conditions, name: fails})
    with pytest.raises(Unconfined, match=name):
        confinement.check_confined()


def test_this_process_is_not_confined() -> None:
    with pytest.raises(Unconfined):
        confinement.check_confined()
    assert not confinement.CONDITIONS["no files of the host"]()
    assert not confinement.CONDITIONS["an own host name"]()
