"""The actions that are decided, and which of them a job asks for at each step of its way.

A job is admitted by the coordinator, computed in each enclave, opened at the gate; scores and tables are delivered. A
job of an unknown kind, or one that carries bare query text, asks for `raw-export` at every step, which nothing ever permits
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
    ADMIT_AGGREGATE = "admit-aggregate"
    AGGREGATE = "aggregate"
    """Enclave: run the governed statement and contribute its cells."""
    RELEASE_CELLS = "release-cells"
    """Gate: open the sums, apply the disclosure rules, seal the table."""
    DELIVER_TABLE = "deliver-table"
    """Coordinator: hand a sealed table to the recipient that fetches it."""
    RAW_EXPORT = "raw-export"


def admission(job: Job) -> Action:
    """What the coordinator decides when `job` arrives."""
    return _by_kind(job, score=Action.ADMIT_SCORE, vet=Action.ADMIT_VET, aggregate=Action.ADMIT_AGGREGATE)


def computation(job: Job) -> Action:
    """What an enclave decides before it reads a row for `job`."""
    return _by_kind(job, score=Action.SCORE, vet=Action.VET, aggregate=Action.AGGREGATE)


def opening(job: Job) -> Action:
    """What the gate decides before it opens a total of `job`."""
    return _by_kind(job, score=Action.RELEASE, vet=Action.RELEASE_BANDS, aggregate=Action.RELEASE_CELLS)


def _by_kind(job: Job, *, score: Action, vet: Action, aggregate: Action) -> Action:
    if job.sql is not None:
        return Action.RAW_EXPORT
    match job.job_kind:
        case JobKind.SCORE:
            return score
        case JobKind.VET:
            return vet
        case JobKind.AGGREGATE:
            return aggregate
        case _:
            return Action.RAW_EXPORT
