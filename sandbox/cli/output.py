"""How a command answers: a JSON object with `--json`, lines for people without, in Chinese or English.

A command is a function that returns an `Answer`; `answers` gives it the options `--json` and `--lang`. Errors are not
printed here but where the process ends, in the form that the command was asked for.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from enclaves.transport.problem import Problem, StatementReason
from policies.documents.strict_json import Json

PartyFolder = Annotated[
    Path,
    typer.Option(
        "--as",
        help="Folder of the party that acts (client.toml, keys.json).",
        envvar="DOMICILE_AS",
        file_okay=False,
    ),
]


class Language(StrEnum):
    """Languages of reasons and changes."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: one JSON object, and the same for people. A `status` above 0 is the exit status."""

    value: Mapping[str, Json]
    lines: Sequence[str] = field(default=())
    status: int = 0


@dataclass(slots=True)
class Mode:
    """How the running command was asked to answer."""

    as_json: bool = False
    language: Language = Language.EN
    one_line: bool = False
    """Whether JSON objects are told one a line, because the command tells several."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What the running command closes when it ends."""


MODE: Final = Mode()
_JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
_LanguageOption = Annotated[
    Language, typer.Option("--lang", help="Language of reasons.", envvar="DOMICILE_LANG")
]
_WORDS: Final[Mapping[str, Mapping[Language, str]]] = {
    "refused": {Language.ZH: "拒绝", Language.EN: "refused"},
    "policy": {Language.ZH: "依据", Language.EN: "policy"},
    "reason": {Language.ZH: "理由", Language.EN: "reason"},
    "where": {Language.ZH: "位置", Language.EN: "where"},
    "change": {Language.ZH: "最小改动", Language.EN: "smallest change"},
}


def answers(function: Callable[..., Answer]) -> Callable[..., None]:
    """`function` as a command with `--json` and `--lang`, its answer printed."""

    def command(**given: Any) -> None:
        MODE.as_json, MODE.language = given.pop("as_json"), given.pop("language")
        MODE.one_line = False
        with ExitStack() as MODE.closing:
            answer = function(**given)
        show(answer)
        if answer.status:
            raise typer.Exit(answer.status)

    hints = typing.get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
    ]
    added = [
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_JsonOption),
        inspect.Parameter(
            "language", inspect.Parameter.KEYWORD_ONLY, default=Language.EN, annotation=_LanguageOption
        ),
    ]
    parameters = [*own, *added]
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__module__ = function.__module__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def show(answer: Answer) -> None:
    """Print an answer in the form asked for."""
    if MODE.as_json:
        show_object(answer.value)
        return
    for line in answer.lines:
        typer.echo(line)


def show_object(value: Mapping[str, Json]) -> None:
    """Print one JSON object to standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=None if MODE.one_line else 1))


def show_problem(problem: Problem) -> None:
    """Print why something was not done, and the smallest change that would pass; JSON goes to standard output."""
    if MODE.as_json:
        show_object({"error": problem.to_json()})
        return
    for line in problem_lines(problem):
        typer.echo(line, err=True)


def problem_lines(problem: Problem, *, heading: str | None = None) -> list[str]:
    """A problem for people, in the language asked for: one line, or with a policy's denial one for each part of it."""
    language = MODE.language
    reason, change = problem.text(language), problem.change.get(language) or problem.change.get("en")
    head = heading or ("refused" if problem.status in {401, 403} else "")
    first = f"{_word(head)}: {problem.code}" if head else problem.code
    if not (problem.policy or problem.where or change):
        return [first if reason == problem.code else f"{first}: {reason}"]
    parts = (("policy", problem.policy), ("reason", reason), ("where", problem.where), ("change", change))
    told = [first, *(f"  {_word(name)}: {text}" for name, text in parts if text)]
    return [*told, *(_statement_line(reason) for reason in problem.query)]


def _statement_line(reason: StatementReason) -> str:
    """One reason of the SQL gate: whose statement, the code, the place, the smallest change."""
    place = " ".join(text for text in (reason.where, reason.column) if text)
    head = " ".join(text for text in (reason.department, reason.code) if text)
    return (
        f"  {head} ({place}): {reason.text(MODE.language)}"
        if place
        else f"  {head}: {reason.text(MODE.language)}"
    )


def _word(name: str) -> str:
    words = _WORDS.get(name)
    return words[MODE.language] if words else name
