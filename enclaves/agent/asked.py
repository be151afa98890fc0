"""What an aggregate asks of this domain: on whose accounts, of which tables and snapshots, under which limits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from enclaves.agent.deciding import asked
from enclaves.agent.house import House
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers
from policies.aggregate.account import accounts_of
from policies.aggregate.question import Asked
from policies.aggregate.terms import limits_of
from policies.disclosure.limits import Limits
from policies.documents import strict_json
from policies.sql.data_list import DataList
from policies.sql.query import Query


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """The own part of the question: the closed query and its list, the limits, the accounts, and what it is known by.

    `snapshot` names the snapshots it is asked of, `name` the statement together with the roster that answers: the same
    question of other domains is another one (attack A10).
    """

    question: Asked
    query: Query
    data_list: DataList
    limits: Limits
    accounts: tuple[str, ...]
    snapshots: dict[str, str]
    snapshot: str
    name: str


def own_question(house: House, papers: Papers) -> OwnQuestion:
    """Raises RunRefused, PolicyError, SnapshotUnknown."""
    question = asked(papers)
    verdict = question.verdicts.get(house.department)
    if verdict is None or verdict.query is None or question.layout is None:
        raise RunRefused("query_refused", "expected a governed statement for this domain, got none")
    snapshots = {table: house.store.pointer(table).snapshot for table in verdict.query.tables}
    roster = [member.enclave for member in papers.plan.roster]
    return OwnQuestion(
        question=question,
        query=verdict.query,
        data_list=question.lists[house.department],
        limits=limits_of(papers.authorization),
        accounts=accounts_of(
            house.trust,
            partner=papers.scenario.partner,
            submitter=papers.job.submitter,
            recipient=papers.plan.recipient,
        ),
        snapshots=snapshots,
        snapshot=strict_json.digest(dict(sorted(snapshots.items()))),
        name=hashlib.sha256(repr((verdict.statement, roster)).encode()).hexdigest(),
    )


def check_open(house: House, papers: Papers) -> None:
    """Raise HistoryExhausted or RefusalsExhausted unless one more answer fits every account."""
    own = own_question(house, papers)
    for account in own.accounts:
        house.lineages.check_open(
            account,
            scenario=papers.plan.scenario,
            snapshot=own.snapshot,
            question=own.name,
            limits=own.limits,
        )
