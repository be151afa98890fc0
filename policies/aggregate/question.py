"""A question as everybody reads it (being completed)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.documents.authorization import Scenario
from policies.documents.dataset import Dataset
from policies.documents.query import ParameterValue, Query
from policies.errors import PolicyError


class QuestionUnreadable(PolicyError):
    """A question that cannot be read."""

    code = "question_unreadable"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question read."""

    verdicts: Mapping[str, Any]
    layout: Any
    place: str | None


def asked_of(
    query: Query,
    parameters: tuple[ParameterValue, ...],
    *,
    scenario: Scenario,
    datasets: tuple[Dataset, ...],
) -> Asked:
    raise QuestionUnreadable("expected the SQL room, got none")
