"""Whatever goes wrong, a user sees one line or one object, and the exit status of the one table; never a traceback."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli import ending, main, output
from sandbox.cli.lazy import LazyCommand, Target
from sandbox.client.errors import InputMalformed
from tests.sandbox.cli.conftest import Call

AB = "ab" * 32
WRONG_INPUT = [
    ("nosuch",),
    ("job", "nosuch"),
    ("catalog",),
    ("catalog", "--bogus"),
    ("catalog", "--lang", "fr", "--as", "."),
    ("catalog", "--as", "/nowhere"),
    ("job", "status", "--as", "."),
    ("ledger", "prove", "one", "--as", "."),
    ("ledger", "prove", "-1", "--as", "."),
    ("ledger", "verify", "/nowhere", "--trust-root", "/nowhere", "--pin", AB),
    ("ledger", "verify", sys.executable, "--trust-root", sys.executable, "--pin", "xx"),
    ("ledger", "verify", sys.executable, "--trust-root", sys.executable, "--pin", AB),
    ("party", "show", "."),
    ("party", "keygen", "keys", "--id", "A B", "--role", "insurer", "--name-zh", "x", "--name-en", "y"),
    ("party", "keygen", "keys", "--id", "a", "--role", "king", "--name-zh", "x", "--name-en", "y"),
    ("init", "d", "--department", "A B"),
    ("init", "d", "--department", "a", "--department", "a"),
    ("init", "d", "--port", "70000"),
    ("init", "/proc/nowhere"),
    ("serve", "--config", "/nowhere"),
    ("serve", "--config", sys.executable),
    ("enclave", "run", "--config", "/nowhere"),
    ("enclave", "run", "--config", sys.executable),
    ("gate", "run", "--config", sys.executable),
    ("dataset", "list"),
]


@pytest.mark.parametrize("words", WRONG_INPUT, ids=" ".join)
def test_wrong_input_is_one_line_and_status_2(
    call: Call, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = call(*words)

    assert (said.status, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.split(":")[0] in {"malformed", "json_refused", "envelope_refused"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [w for w in WRONG_INPUT if w[0] in {"nosuch", "catalog", "ledger", "init"}], ids=" ".join
)
def test_wrong_input_is_one_object_with_json(
    call: Call, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = call(*words, "--json")

    assert (said.status, said.err) == (2, "")
    assert set(said.json) == {"error"}
    assert said.json["error"]["status"] == 400
    assert said.json["error"]["detail"]


@pytest.mark.parametrize("name", ["party", "document", "scenario", "job", "dataset", "enclave", "bench"])
def test_a_group_alone_shows_its_commands(call: Call, name: str) -> None:
    said = call(name)
    assert said.status == 2
    assert "Usage" in said.out


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `domicile doctor` raise `error`."""

    class Failing(LazyCommand):
        def load(self) -> Any:
            raise error

    monkeypatch.setattr(main, "command", lambda: _group(Failing))


def _group(kind: type[LazyCommand]) -> Any:
    group = main.lazy_group("domicile", "", {})
    group.commands["doctor"] = kind("doctor", Target("x:y", "x"))
    return group


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InputMalformed("expected this, got that"), 2, "malformed"),
        (FileNotFoundError(errno.ENOENT, "x", "secret/place.txt"), 2, "malformed"),
        (PermissionError(errno.EACCES, "x", "place.txt"), 2, "malformed"),
        (OSError(errno.ENOSPC, "x", "place.txt"), 5, "unavailable"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "CANARY"), 2, "malformed"),
        (sqlite3.OperationalError("CANARY"), 5, "unavailable"),
        (KeyError("CANARY"), 5, "fault"),
        (RuntimeError("CANARY"), 5, "fault"),
    ],
)
def test_an_error_of_any_kind_is_one_line_without_its_text(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    failing(monkeypatch, error)
    plain = call("doctor")
    spoken = call("doctor", "--json")

    assert (plain.status, spoken.status) == (status, status)
    assert plain.err.startswith(f"{code}: ")
    assert plain.err.count("\n") == 1
    assert spoken.json["error"]["code"] == code
    assert "CANARY" not in plain.err + spoken.out
    assert "secret" not in plain.err


def test_a_fault_can_be_raised_for_a_bug_report(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyError("x"))
    monkeypatch.setenv(ending.TRACEBACK, "1")
    with pytest.raises(KeyError):
        call("doctor")


def test_ctrl_c_ends_quietly(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    said = call("doctor")
    assert (said.status, said.out, said.err) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "variable", "language"),
    [
        (["x", "--lang", "zh"], "", "zh"),
        (["x", "--lang=zh"], "", "zh"),
        (["x"], "zh", "zh"),
        (["x", "--lang", "en"], "zh", "en"),
        (["x", "--lang", "fr"], "", "en"),
    ],
)
def test_an_early_error_speaks_the_language_asked_for(
    call: Call, arguments: list[str], variable: str, language: str
) -> None:
    call("doctor", "--help")
    ending.end(InputMalformed("x"), arguments, {"DOMICILE_LANG": variable})
    assert output.MODE.language == language


def test_a_reader_that_has_enough_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli.main", "doctor", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode in {0, 1}


def test_a_fault_says_where_it_arose() -> None:
    with pytest.raises(ValueError) as caught:
        json.loads("{")
    assert ending._place(caught.value.__traceback__).startswith("decoder.py:")
