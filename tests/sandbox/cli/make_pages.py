"""Writes docs/cli.md and docs/errors.md: `python -m tests.sandbox.cli.make_pages`."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from typer.core import TyperGroup

import connectors
import enclaves
import policies
import sandbox
from connectors.errors import ConnectorError
from enclaves.errors import EnclaveError
from enclaves.transport.errors import LOCAL_OUTCOMES, OUTCOMES, outcome
from policies.errors import PolicyError
from sandbox.cli import main
from sandbox.cli.lazy import LazyCommand
from sandbox.errors import SandboxError

DOCS: Final = Path(__file__).parents[3] / "docs"
CLI, ERRORS = DOCS / "cli.md", DOCS / "errors.md"
ROOTS: Final = (PolicyError, ConnectorError, EnclaveError, SandboxError)
# `problem` is never seen: an instance carries the code that the coordinator sent.
CARRIERS: Final = frozenset({"problem"})

_CLI_HEAD: Final = """# Command line

Every command of `domicile`, from the commands themselves (`python -m tests.sandbox.cli.make_pages`). `domicile COMMAND --help`
says more of each.

- `--as DIR` (or `DOMICILE_AS`) is the folder of the party that acts: `client.toml` and `keys.json`.
- `--json` answers with one JSON object on standard output; of a failure it is `{"error": {"code", "status", "detail", …}}`.
  Without it a failure is one line on standard error; a policy's denial adds policy, reason, place and smallest change.
- `--lang zh|en` (or `DOMICILE_LANG`) is the language of reasons and changes.
- Exit status: 0 done · 2 malformed input · 3 refused · 4 not found · 5 unavailable · 130 after Ctrl-C. See [errors](errors.md).
- With `DOMICILE_TRACEBACK=1` an error that nobody foresaw (`fault`) is raised as it is, for a bug report.

| command | what it does | arguments | options |
|---|---|---|---|
"""
_ERRORS_HEAD: Final = """# Error codes

Every code with its HTTP status and the exit status of a command that ends with it, from the one table in
`enclaves/transport/errors.py` and the error classes (`python -m tests.sandbox.cli.make_pages`). The codes of the policies' own
denials are all 403 and exit status 3; [policies](policies.md) has them with reason and smallest change.

| code | HTTP | exit | meaning |
|---|---|---|---|
"""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words, in the order of the help page."""
    if isinstance(command, LazyCommand):
        command = command.load()
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield path, command


def cli_page() -> str:
    """docs/cli.md."""
    return _CLI_HEAD + "".join(_command_row(path, command) for path, command in commands(main.command()))


def errors_page() -> str:
    """docs/errors.md."""
    rows = ""
    for code, meaning in sorted(meanings().items()):
        how = outcome(code)
        rows += f"| `{code}` | {how.status} | {how.exit} | {_cell(meaning)} |\n"
    return _ERRORS_HEAD + rows


def meanings() -> dict[str, str]:
    """Code → what it means: the table's words, else the first line of the class that carries it."""
    # Where rooms share a code, the first by name speaks for it, whatever was imported first.
    classes = sorted(error_classes(), key=lambda e: (e.__module__, e.__name__), reverse=True)
    found = {error.code: _first_line(error) for error in classes if error.code not in CARRIERS}
    return found | {code: how.meaning for code, how in (OUTCOMES | LOCAL_OUTCOMES).items()}


def error_classes() -> list[Any]:
    """Every error class of the four layers."""
    for package in (policies, connectors, enclaves, sandbox):
        _import_all(package)

    def below(kind: Any) -> Iterator[Any]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    # Tests may define errors of their own; those are not the product's.
    return [e for root in ROOTS for e in below(root) if not e.__module__.startswith("tests")]


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def _first_line(error: Any) -> str:
    line = (inspect.getdoc(error) or "").splitlines()[0].removesuffix(".")
    return line[:1].lower() + line[1:]


def _command_row(path: tuple[str, ...], command: Any) -> str:
    arguments = [p.name.upper() for p in command.params if p.param_type_name == "argument"]
    options = [
        f"`{p.opts[0]}`{' (needed)' if p.required else ''}"
        for p in command.params
        if p.param_type_name == "option" and p.name not in {"as_json", "language", "help"}
    ]
    first = _cell(command.help.splitlines()[0])
    return f"| `domicile {' '.join(path)}` | {first} | {' '.join(arguments)} | {', '.join(options)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    CLI.write_text(cli_page(), encoding="utf-8")
    ERRORS.write_text(errors_page(), encoding="utf-8")
