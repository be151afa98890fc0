"""The question this enclave asks the decision point about a run, from its own evidence alone."""

from __future__ import annotations

from dataclasses import replace

from enclaves.agent.house import House
from enclaves.agent.stages import USED
from enclaves.run.evidence import case_of
from enclaves.run.papers import Papers
from enclaves.witness.witness import Seen
from enclaves.worker.rows import Reading
from policies.aggregate.question import Asked, asked_of, columns_asked
from policies.decision.actions import computation
from policies.decision.permit import Permit, grant
from policies.decision.scope import columns_of
from policies.documents.authorization import ListedColumn
from policies.documents.dataset import Dataset


def permit(house: House, papers: Papers, part: Reading, *, seen: Seen, accepted: int) -> Permit:
    """The permit to compute this run of a model here, or `Refused` with every reason.

    `accepted` is the number of slots whose consent stands and whose capacity holds. Halts are those of the own replay
    at this moment.
    """
    datasets = house.datasets()
    held = next((d for e in datasets if (d := Dataset.read(e)).id == part.dataset), None)
    columns = None if held is None else columns_of(part, held)
    return _grant(house, papers, columns, seen=seen, accepted=accepted)


def permit_question(house: House, papers: Papers, *, seen: Seen) -> Permit:
    """The permit to answer this aggregate's statement here, or `Refused` with every reason."""
    question = asked(papers)
    # A statement that is refused reads nothing; the decision point says why it is.
    columns = columns_asked(question, house.department) if question.layout is not None else None
    return _grant(house, papers, columns, seen=seen, accepted=1)


def asked(papers: Papers) -> Asked:
    """The question of an aggregate job as everybody reads it. Raises ParametersInvalid."""
    work = papers.asking
    return asked_of(work.query, papers.job.parameters, scenario=papers.scenario, datasets=work.datasets)


def _grant(
    house: House, papers: Papers, columns: tuple[ListedColumn, ...] | None, *, seen: Seen, accepted: int
) -> Permit:
    case = case_of(
        papers, trust=house.trust, now=house.now(), halts=house.witness.halts, seen=seen, accepted=accepted
    )
    held = replace(
        case,
        department=house.department,
        datasets=house.datasets(),
        columns=columns,
        runs_used=house.sessions.jobs_in(USED, ground=ground_of(papers), but=papers.plan.job),
    )
    return grant(computation(papers.job), held)


def ground_of(papers: Papers) -> str:
    """What limits the number of runs: the authorization, or for a vet job the scenario."""
    return papers.plan.authorization or papers.plan.scenario
