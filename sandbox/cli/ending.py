"""How a command that failed ends: one clear line or one JSON object, and an exit status; never a traceback.

- Input that the command line itself cannot read is malformed; so is a file that is not there or not text.
- A full or broken disk is unavailable, as is an error that nobody foresaw (`fault`): of that one only the type and the
  place are told, because its text may hold anything. With DOMICILE_TRACEBACK=1 it is raised as it is.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Final

from pydantic import ValidationError
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError

from enclaves.transport.errors import outcome
from enclaves.transport.problem import Problem
from policies.documents.document import first_problem
from policies.documents.strict_json import quoted
from sandbox.cli.exits import KNOWN, MALFORMED, exit_status, problem_of
from sandbox.cli.output import MODE, Language, show_problem

TRACEBACK: Final = "DOMICILE_TRACEBACK"
_OUT_OF_ORDER: Final = frozenset(
    {errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}
)


def end(error: Exception, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Tell why the command with `arguments` failed, in the form it asked for; returns the exit status."""
    if isinstance(error, NoArgsIsHelpError):
        # `domicile job` alone: the page of help, printed when the error was made, stands for the line.
        return MALFORMED
    _listen(arguments, environment)
    if isinstance(error, KNOWN):
        show_problem(problem_of(error))
        return exit_status(error)
    problem = _problem(error)
    if problem.code == "fault" and environment.get(TRACEBACK):
        raise error
    show_problem(problem)
    return outcome(problem.code).exit


def _listen(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Learn from the raw arguments how to answer: an error may come before the command has read them."""
    if "--json" in arguments:
        MODE.as_json = True
    asked = [environment.get("DOMICILE_LANG", "")]
    asked += [value for option, value in pairwise(arguments) if option == "--lang"]
    asked += [argument.removeprefix("--lang=") for argument in arguments if argument.startswith("--lang=")]
    known = [language for language in asked if language in set(Language)]
    if known:
        MODE.language = Language(known[-1])


def _problem(error: Exception) -> Problem:
    match error:
        case UsageError():
            page = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
            return _local("malformed", _one_line(error) + page)
        case ClickException():
            return _local("malformed", _one_line(error))
        case ValidationError():
            return _local("malformed", first_problem(error))
        case UnicodeError():
            return _local("malformed", "expected a file with UTF-8 text, got other bytes")
        case sqlite3.Error():
            return _local("unavailable", f"expected records that can be used now, got {type(error).__name__}")
        case OSError():
            code = "unavailable" if error.errno in _OUT_OF_ORDER else "malformed"
            name = quoted(Path(str(error.filename)).name) if error.filename else "a file"
            return _local(code, f"expected {name} to be usable, got {type(error).__name__}")
        case _:
            return _local("fault", f"{type(error).__name__} at {_place(error.__traceback__)}")


def _local(code: str, detail: str) -> Problem:
    return Problem(code, outcome(code).status, detail=detail)


def _one_line(error: ClickException) -> str:
    """The command line's own words in one line, without the full stop that a sentence would have."""
    text = " ".join(error.format_message().split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _place(trace: TracebackType | None) -> str:
    """File and line where an error arose."""
    place = "an unknown place"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
