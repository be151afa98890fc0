"""The actions that are decided, and which of them a job asks for at each step of its way.

A job is admitted by the coordinator, computed in each enclave, opened at the gate; scores and tables are delivered. A
job of an unknown kind, or one that carries bare query text, asks for `raw-export` at every step, which nothing ever permits
(RQ-308).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from policies.documents.authorization import JobKind
from policies.documents.job import Job


class Action(StrEnum):
    """What is asked; the names are the Cedar action ids."""

    ADMIT_SCORE = "admit-score"
    """Coordinator: take a score job in, before its intent is logged."""
    ADMIT_VET = "admit-vet"
    SCORE = "score"
    """Enclave: read rows and contribute."""
    VET = "vet"
    RELEASE = "release"
    """Gate: open totals, band, seal."""
    RELEASE_BANDS = "release-bands"
    """Gate: open totals and publish band counts of a vet job, nothing else."""
    DELIVER = "deliver"
    """Coordinator: hand sealed scores to the recipient that fetches them."""
    ADMIT_AGGREGATE = "admit-aggregate"
    AGGREGATE = "aggregate"
    """Enclave: run the governed statement and contribute its cells."""
    RELEASE_CELLS = "release-cells"
    """Gate: open the sums, apply the disclosure rules, seal the table."""
    DELIVER_TABLE = "deliver-table"
    """Coordinator: hand a sealed table to the recipient that fetches it."""
    RAW_EXPORT = "raw-export"


@dataclass(frozen=True, slots=True)
class Steps:
    """The action a job of one kind asks for at each step of its way."""

    admission: Action
    computation: Action
    opening: Action


STEPS: Final[Mapping[str, Steps]] = MappingProxyType(
    {
        JobKind.SCORE: Steps(Action.ADMIT_SCORE, Action.SCORE, Action.RELEASE),
        JobKind.VET: Steps(Action.ADMIT_VET, Action.VET, Action.RELEASE_BANDS),
        JobKind.AGGREGATE: Steps(Action.ADMIT_AGGREGATE, Action.AGGREGATE, Action.RELEASE_CELLS),
    }
)
_EXPORT: Final = Steps(Action.RAW_EXPORT, Action.RAW_EXPORT, Action.RAW_EXPORT)


def admission(job: Job) -> Action:
    """What the coordinator decides when `job` arrives."""
    return _steps(job).admission


def computation(job: Job) -> Action:
    """What an enclave decides before it reads a row for `job`."""
    return _steps(job).computation


def opening(job: Job) -> Action:
    """What the gate decides before it opens a total of `job`."""
    return _steps(job).opening


def _steps(job: Job) -> Steps:
    return _EXPORT if job.sql is not None else STEPS.get(job.job_kind, _EXPORT)
