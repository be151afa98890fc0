"""The command line as a whole: every command has help and `--json`, errors end in the one table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup

from enclaves.transport.errors import OUTCOMES
from enclaves.transport.problem import Malformed, NotFound, Problem, Refused, Unavailable
from policies.keys import SignatureInvalid
from sandbox.cli import main, output
from sandbox.cli.exits import exit_status, problem_of
from sandbox.cli.lazy import GROUP, CommandMissing, LazyCommand, Target, with_entry_points
from sandbox.client.errors import InputMalformed, NothingYet, ReleaseRefused, TookTooLong
from tests.sandbox.cli.conftest import Call

# Processes answer with log lines, the bench and the department's side are other rooms' to test.
PROCESSES = {"serve"}
OTHER_ROOMS = {"bench", "enclave", "gate", "dataset"}


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(command, LazyCommand):
        command = command.load()
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from leaves(child, (*path, name))
    else:
        yield path, command


def all_commands() -> list[tuple[tuple[str, ...], Any]]:
    return [
        leaf
        for name, command in main.command().commands.items()
        if name not in OTHER_ROOMS
        for leaf in leaves(command, (name,))
    ]


COMMANDS = all_commands()


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_command_says_what_it_does_and_answers_in_json(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert ("--json" in options) != (path[0] in PROCESSES)
    undocumented = [p.name for p in command.params if not getattr(p, "help", None)]
    assert undocumented == []


def test_the_commands_of_the_design_are_all_there() -> None:
    found = {" ".join(path) for path, _ in COMMANDS}
    expected = """demo; init; serve; doctor; party keygen; party show; catalog; document show; document sign;
    scenario draft; scenario submit; scenario sign; scenario suspend; scenario show; consent grant; consent withdraw;
    consent list; model submit; model vet; model judge; query submit; job submit; job status; job explain; job cancel;
    score fetch; table fetch; output list; output show; output review; release show;
    ledger prove; ledger verify; ledger export; usage; invoice"""
    assert {" ".join(name.split()) for name in expected.split(";")} <= found


@pytest.mark.parametrize("path", [(), *(path for path, _ in COMMANDS)], ids=" ".join)
def test_help_can_be_asked_of_every_command(call: Call, path: tuple[str, ...]) -> None:
    result = call(*path, "--help")

    assert result.status == 0
    assert "Usage" in result.out


def test_help_loads_no_command(call: Call) -> None:
    code = (
        "import sys; from sandbox.cli.main import run; run(['--help']);"
        "heavy = {'httpx', 'enclaves.cli', 'sandbox.client', 'connectors', 'duckdb', 'fastapi'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_departments_commands_are_found_by_entry_point_and_cannot_replace_ours() -> None:
    found = with_entry_points({"gate": Target("ours:app", "ours")}, {"enclave": "help"})

    assert found["gate"].path == "ours:app"
    assert found["enclave"] == Target("enclaves.cli.enclave:app", "help")
    assert GROUP == "domicile.commands"


def test_a_command_that_is_not_installed_says_so() -> None:
    with pytest.raises(CommandMissing, match="absent_module"):
        LazyCommand("x", Target("absent_module:app", "x")).load()


def test_an_unknown_command_is_malformed_input(call: Call) -> None:
    assert call("nosuch").status == 2
    assert call("job", "nosuch").status == 2
    assert call("job", "status").status == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Malformed(Problem("malformed", 400)), 2),
        (Malformed(Problem("idempotency_conflict", 409)), 2),
        (Refused(Problem("consent_missing", 403)), 3),
        (Refused(Problem("unauthenticated", 401)), 3),
        (NotFound(Problem("not_found", 404)), 4),
        (Unavailable(Problem("unavailable", 503)), 5),
        (InputMalformed("x"), 2),
        (SignatureInvalid("x"), 3),
        (ReleaseRefused("x"), 3),
        (NothingYet("x"), 4),
        (TookTooLong("x"), 5),
        (CommandMissing("x"), 5),
    ],
)
def test_each_error_has_one_exit_status(error: Any, status: int) -> None:
    assert exit_status(error) == status


def test_the_table_of_codes_agrees_with_itself() -> None:
    exits = {400: 2, 401: 3, 403: 3, 404: 4, 409: 2, 500: 5, 503: 5}
    assert {code: exits[o.status] for code, o in OUTCOMES.items()} == {
        code: o.exit for code, o in OUTCOMES.items()
    }


DENIAL = Problem(
    "purpose_mismatch",
    403,
    policy="p-7",
    reason={"zh": "用途不符", "en": "another purpose"},
    change={"zh": "改为场景用途", "en": "repeat the scenario's purpose"},
    where="job.purpose",
)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            output.Language.EN,
            [
                "refused: purpose_mismatch",
                "  policy: p-7",
                "  reason: another purpose",
                "  where: job.purpose",
                "  smallest change: repeat the scenario's purpose",
            ],
        ),
        (
            output.Language.ZH,
            [
                "拒绝: purpose_mismatch",
                "  依据: p-7",
                "  理由: 用途不符",
                "  位置: job.purpose",
                "  最小改动: 改为场景用途",
            ],
        ),
    ],
)
def test_a_refusal_shows_reason_place_and_smallest_change(
    monkeypatch: pytest.MonkeyPatch, language: output.Language, expected: list[str]
) -> None:
    monkeypatch.setattr(output.MODE, "language", language)
    assert output.problem_lines(problem_of(Refused(DENIAL))) == expected


def test_a_local_error_becomes_a_problem_with_its_code() -> None:
    problem = problem_of(InputMalformed("expected this, got that"))
    assert (problem.code, problem.text()) == ("malformed", "expected this, got that")
