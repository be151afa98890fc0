"""Commands that are known by name and loaded when called.

`domicile enclave run` is a command of the department's side, found through the entry points `domicile.commands`; the
sandbox never imports it before somebody calls it, and an enclave process does not load the SDK. Help pages show the name
and one line from the table, without loading anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from sandbox.errors import SandboxError

GROUP: Final = "domicile.commands"


class CommandMissing(SandboxError):
    """A command whose module is not installed."""

    code = "unavailable"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a command is, as `module:attribute` (a Typer app or a function), and its one line of help."""

    path: str
    help: str


class LazyCommand(TyperCommand):
    """Stands for a command until it is called."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, help=target.help, add_help_option=False)
        self.target = target

    def load(self) -> Any:
        """The command itself."""
        module, _, attribute = self.target.path.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise CommandMissing(
                f"expected `{self.name}` to be installed, got no module `{error.name}`"
            ) from None
        if isinstance(found, typer.Typer):
            # A group stays one even with a single command: `score fetch`, not `score`.
            found._add_completion = False
            command: Any = typer.main.get_group(found)
        else:
            app = typer.Typer(add_completion=False)
            app.command(name=self.name)(found)
            command = typer.main.get_command(app)
        command.name = self.name
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the loaded command, which the caller then invokes."""
        return self.load().make_context(info_name, args, parent=parent, **extra)


def with_entry_points(targets: Mapping[str, Target], helps: Mapping[str, str]) -> dict[str, Target]:
    """`targets` and the installed commands of the department's side; `helps` gives their line of help."""
    found = dict(targets)
    for entry in entry_points(group=GROUP):
        # A name that is taken stays what it is: an installed package cannot replace a command.
        found.setdefault(
            entry.name, Target(entry.value, helps.get(entry.name, f"Commands of {entry.module}."))
        )
    return found


def lazy_group(name: str, help_text: str, targets: Mapping[str, Target]) -> TyperGroup:
    """A group of lazy commands, in the order of `targets`."""
    commands = {command: LazyCommand(command, target) for command, target in targets.items()}
    return TyperGroup(name=name, help=help_text, commands=dict(commands), no_args_is_help=True)
