"""The actions that are decided, and which of them a job asks for at each step of its way.

A job is admitted by the coordinator, computed in each enclave, opened at the gate; scores are delivered one by one. A
job of an unknown kind, or one that carries query text, asks for `raw-export` at every step, which nothing ever permits
(RQ-308).
"""

from __future__ import annotations

from enum import StrEnum

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
    RAW_EXPORT = "raw-export"


def admission(job: Job) -> Action:
    """What the coordinator decides when `job` arrives."""
    return _by_kind(job, score=Action.ADMIT_SCORE, vet=Action.ADMIT_VET)


def computation(job: Job) -> Action:
    """What an enclave decides before it reads a row for `job`."""
    return _by_kind(job, score=Action.SCORE, vet=Action.VET)


def opening(job: Job) -> Action:
    """What the gate decides before it opens a total of `job`."""
    return _by_kind(job, score=Action.RELEASE, vet=Action.RELEASE_BANDS)


def _by_kind(job: Job, *, score: Action, vet: Action) -> Action:
    if job.sql is not None:
        return Action.RAW_EXPORT
    match job.job_kind:
        case JobKind.SCORE:
            return score
        case JobKind.VET:
            return vet
        case _:
            return Action.RAW_EXPORT
