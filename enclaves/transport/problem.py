"""Problem documents (RFC 9457) as exceptions: what the coordinator answers when it does not do what was asked.

A policy denial carries the policy, the reason and the smallest change that would pass, in Chinese and English, and where
in the job the cause lies; one because of a statement also every reason of the SQL gate. Everything here comes from
outside: a member of another type is left out, never trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, Self

from enclaves.transport.errors import TransportError, outcome
from policies.documents.strict_json import Json, JsonRefused, parse_object

MEDIA_TYPE: Final = "application/problem+json"
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StatementReason:
    """One reason of the SQL gate against one department's statement; `hint` is the smallest change, by language."""

    department: str | None
    code: str
    column: str | None
    where: str | None
    hint: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Self:
        told = {"en": _text(value, "hint"), "zh": _text(value, "hint_zh")}
        return cls(
            department=_text(value, "department"),
            code=_text(value, "code") or "",
            column=_text(value, "column"),
            where=_text(value, "where"),
            hint={language: text for language, text in told.items() if text is not None},
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "department": self.department,
            "code": self.code,
            "column": self.column,
            "where": self.where,
            "hint": self.hint.get("en"),
            "hint_zh": self.hint.get("zh"),
        }

    def text(self, language: str = "en") -> str:
        """The hint in `language`, or the best there is."""
        return self.hint.get(language) or self.hint.get("en") or self.code


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document; `reason` and `change` by language (`zh`, `en`), empty when nobody said."""

    code: str
    status: int
    title: str = ""
    detail: str = ""
    policy: str | None = None
    reason: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    query: tuple[StatementReason, ...] = ()
    """What the SQL gate says of the statements, where one of them is the cause."""

    @classmethod
    def parse(cls, status: int, body: bytes) -> Self:
        """Read a problem; a body that is none becomes one whose code follows from the status."""
        try:
            value = parse_object(body)
        except JsonRefused:
            return cls(_code_of(status), status, title=f"answer {status} without a problem document")
        return cls.from_json(value, status=status)

    @classmethod
    def from_json(cls, value: Mapping[str, Json], *, status: int | None = None) -> Self:
        code = _text(value, "code") or _code_of(status or 403)
        return cls(
            code=code,
            status=status or outcome(code).status,
            title=_text(value, "title") or "",
            detail=_text(value, "detail") or "",
            policy=_text(value, "policy"),
            reason=_bilingual(value, "reason"),
            change=_bilingual(value, "change"),
            where=_text(value, "where"),
            query=_statement_reasons(value),
        )

    def to_json(self) -> dict[str, Json]:
        """The members of a problem document that are set."""
        members: dict[str, Json] = {
            "code": self.code,
            "status": self.status,
            "title": self.title,
            "detail": self.detail,
            "policy": self.policy,
            "reason": dict(self.reason),
            "change": dict(self.change),
            "where": self.where,
            "query": [reason.to_json() for reason in self.query],
        }
        return {name: value for name, value in members.items() if value not in (None, "", {}, [])}

    def text(self, language: str = "en") -> str:
        """The reason in `language`, or the best there is."""
        return self.reason.get(language) or self.reason.get("en") or self.detail or self.title or self.code


class ProblemRaised(TransportError):
    """The coordinator answered with a problem; `problem` holds it and `code` is its code."""

    code: ClassVar[str] = "problem"

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.text()}")
        self.problem = problem
        self.code = problem.code  # type: ignore[misc]  # the instance knows the one code that the class stands for


class Malformed(ProblemRaised):
    """The request could not be read, or contradicts an earlier one with the same idempotency key."""


class Refused(ProblemRaised):
    """A policy, or the check of who asks, said no."""


class NotFound(ProblemRaised):
    """There is no such thing, or not yet, or not for this party."""


class Unavailable(ProblemRaised):
    """The coordinator cannot be reached or cannot answer now; the same request may be sent again."""


_BY_STATUS: Final[Mapping[int, tuple[type[ProblemRaised], str]]] = MappingProxyType(
    {
        400: (Malformed, "malformed"),
        401: (Refused, "unauthenticated"),
        403: (Refused, "refused"),
        404: (NotFound, "not_found"),
        409: (Malformed, "idempotency_conflict"),
        413: (Malformed, "malformed"),
        422: (Malformed, "malformed"),
    }
)


def raised(problem: Problem) -> ProblemRaised:
    """The exception for `problem`, by its status: a client error nobody listed is a refusal, the rest unavailable."""
    kind, _ = _BY_STATUS.get(problem.status, (Refused if problem.status < 500 else Unavailable, ""))
    return kind(problem)


def malformed(detail: str) -> Malformed:
    """What a caller gave is not sent: the exception the coordinator's answer would have become."""
    return Malformed(Problem("malformed", 400, title="malformed", detail=detail))


def unavailable(detail: str) -> Unavailable:
    """Nobody answered: the exception for what did not come from the coordinator."""
    return Unavailable(Problem("unavailable", 503, title="unavailable", detail=detail))


def _code_of(status: int) -> str:
    return _BY_STATUS.get(status, (Refused, "refused" if status < 500 else "unavailable"))[1]


def _text(value: Mapping[str, Json], name: str) -> str | None:
    member = value.get(name)
    return member if isinstance(member, str) else None


def _bilingual(value: Mapping[str, Json], name: str) -> Mapping[str, str]:
    member = value.get(name)
    if not isinstance(member, dict):
        return _EMPTY
    return {language: text for language, text in member.items() if isinstance(text, str)}


def _statement_reasons(value: Mapping[str, Json]) -> tuple[StatementReason, ...]:
    member = value.get("query")
    items = member if isinstance(member, list) else []
    return tuple(StatementReason.from_json(item) for item in items if isinstance(item, dict))
