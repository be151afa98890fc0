"""The question of an aggregate job as the coordinator reads it: the documents it rests on, its layout, why it is refused.

Everybody reads a statement against the data sets that the scenario cites, by digest, so the coordinator gathers exactly
those and leaves the verdict to `policies.aggregate`. What the SQL gate finds wrong is told in full, reason by reason, where a
job is refused, so that the partner sees what to change.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from policies.aggregate.question import Asked, asked_of
from policies.aggregate.shape import QuestionUnreadable
from policies.documents.authorization import Scenario
from policies.documents.dataset import Dataset
from policies.documents.envelope import Envelope
from policies.documents.job import MAX_LANES, Job
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.sql.reasons import Reason
from sandbox.documents import registry
from sandbox.jobs import rows
from sandbox.store.errors import NotFound

STATEMENT_CODES: Final = frozenset({"raw_export", "query_refused"})
"""Denials that mean: something is wrong with the statement itself."""


def listed_of(connection: Connection, scenario: Scenario) -> tuple[Envelope, ...]:
    """Envelopes of the data sets that the scenario cites, as far as they are stored."""
    found = (registry.find(connection, cited.digest) for cited in scenario.datasets)
    return tuple(stored.envelope for stored in found if stored is not None)


def lanes_of(connection: Connection, job: Job) -> int:
    """Numbers in each domain's vector, as the job's query lays them out; raise `QuestionUnreadable`."""
    asked = _read(connection, job)
    if asked.layout is None:
        raise QuestionUnreadable("expected a query that can be laid out, got one that is refused")
    lanes = asked.layout.lanes
    # A plan that cannot be written must stop its own job and nothing else.
    if lanes > MAX_LANES:
        raise QuestionUnreadable(f"expected at most {MAX_LANES} lanes, got {lanes}")
    return lanes


def statement_reasons(connection: Connection, job: Job) -> list[Json]:
    """Every reason against the job's query, by department; empty where there is nothing to say.

    What concerns all statements together, or the values given for parameters, names no department.
    """
    try:
        asked = _read(connection, job)
    except NotFound:
        return []
    except PolicyError as error:
        return [_whole({"code": error.code, "hint": str(error), "hint_zh": "按查询文件的声明给出参数取值"})]
    return [_whole(reason) for reason in asked.reasons() if isinstance(reason, dict)]


def reason_to_json(reason: Reason) -> dict[str, Json]:
    """One reason of the SQL gate, its hint in both languages, as job states and problems carry it."""
    return {**reason.to_json(), "hint_zh": reason.hint_zh}


def _read(connection: Connection, job: Job) -> Asked:
    scenario = Scenario.read(registry.get(connection, job.scenario).envelope)
    query = rows.query_of(connection, job.query or "")
    datasets = tuple(Dataset.read(envelope) for envelope in listed_of(connection, scenario))
    return asked_of(query, job.parameters, scenario=scenario, datasets=datasets)


def _whole(told: dict[str, Json]) -> dict[str, Json]:
    """A reason with all its members, also one that concerns the query as a whole."""
    return {"department": None, "column": None, "where": "statement", "hint_zh": told["hint"], **told}
