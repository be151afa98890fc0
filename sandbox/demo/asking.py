"""Asking as the parties would: the partner signs and submits, two reviewers look at the first table, the insurer fetches.

Reviewers are those the release names: a department that was asked (its enclave opens the copy, the department signs) and
the examiner. They read before they approve.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from enclaves.transport.jobs import JobStatus
from enclaves.transport.problem import Problem, ProblemRaised, Refused
from policies.documents.authorization import Authorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.fields import Bilingual
from policies.documents.query import Query, QueryPart
from policies.documents.review import Finding
from policies.documents.strict_json import Json
from sandbox.client.reviewer import UNDER_REVIEW, Reviewer
from sandbox.demo import declarations, statistics
from sandbox.demo.cast import Cast
from sandbox.demo.questions import Groups, Kind, Question, Vain
from sandbox.demo.story import StoryBroken, sign
from sandbox.founding import FoundedDistrict

WITHHELD: Final = "withheld"
"""Stands for the code where a question was answered with what offends withheld."""
_TITLES: Final = (
    ("scenario-health-statistics", "health-statistics", Bilingual(zh="医疗统计", en="Health statistics")),
    ("scenario-plan-statistics", "plan-statistics", Bilingual(zh="参保统计", en="Statistics of plans")),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A released table as parsed JSON (keys, measures, rows of key, values and marks), its report, whether it was reviewed."""

    name: str
    table: Mapping[str, Any]
    report: Mapping[str, Any]
    reviewed: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "keys": self.table["keys"],
            "measures": [measure["name"] for measure in self.table["measures"]],
            "rows": self.table["rows"],
            "withheld_cells": self.report["withheld_cells"],
            "withheld_values": self.report["withheld_values"],
            "cells_by_rule": self.report["cells_by_rule"],
            "values_by_rule": self.report["values_by_rule"],
            "privacy": self.report["privacy"],
            "reviewed": self.reviewed,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """What came of an attempt in vain: code, reason and smallest change as the party was told, or the table with its marks.

    `statement` holds the codes of the SQL gate.
    """

    name: str
    code: str
    reason: Bilingual
    change: Bilingual | None = None
    statement: tuple[str, ...] = ()
    answer: Answer | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "code": self.code,
            "reason": self.reason.model_dump(),
            "change": None if self.change is None else self.change.model_dump(),
            "statement": list(self.statement),
            "answer": None if self.answer is None else self.answer.to_json(),
        }


@dataclass(slots=True)
class Desk:
    """Where questions are asked: the cast, the district, the scenario with its authorization, and another's."""

    cast: Cast
    district: FoundedDistrict
    scenario: Scenario
    authorization: Authorization
    other: Authorization
    reviewed: list[str] = field(default_factory=list)
    """Releases that reviewers looked at."""

    def ask(self, question: Question) -> Answer:
        """The answer; raises ProblemRaised with the reason for there being none."""
        return self._asked(question.name, question.title, question.sql, question.groups, rho=question.rho)

    def try_in_vain(self, attempt: Vain) -> Refusal:
        """How an attempt was refused; StoryBroken if nothing of it was."""
        other = self.other if attempt.kind is Kind.OTHER_AUTHORIZATION else None
        try:
            answer = self._asked(
                attempt.name, attempt.title, attempt.sql, attempt.groups, authorization=other
            )
        except ProblemRaised as refused:
            return _refusal(attempt.name, refused.problem)
        words = answer.report["rules"].values()
        if not answer.report["withheld_cells"]:
            raise StoryBroken(f"expected `{attempt.name}` to be refused, got an answer")
        reason = Bilingual(
            zh="；".join(word["zh"] for word in words), en="; ".join(word["en"] for word in words)
        )
        return Refusal(attempt.name, WITHHELD, reason, answer=answer)

    def _asked(
        self,
        name: str,
        title: Bilingual,
        sql: Mapping[str, str],
        groups: Groups | None,
        *,
        rho: str | None = None,
        authorization: Authorization | None = None,
    ) -> Answer:
        permitted = authorization or self.authorization
        query = Query(
            id=name,
            partner="partner",
            scenario=self.scenario.digest,
            title=title,
            parts=tuple(QueryPart(department=d, sql=text) for d, text in sorted(sql.items())),
            groups=groups,
            rho=rho,
        )
        partner, before = self.cast.partner, len(self.reviewed)
        job = partner.submit_aggregate_job(
            self.scenario.digest,
            authorization=permitted.digest,
            query=partner.submit_query(query),
            recipient="insurer",
        )
        status = partner.wait(job.job, lambda now: self._review(now, sorted(sql)), seconds=120, every=0.05)
        if status.state != "done":
            raise Refused(_problem(status))
        opened = self.cast.insurer.fetch_table(permitted.digest, status.releases[0])
        return Answer(name, json.loads(opened.text), opened.report, reviewed=len(self.reviewed) > before)

    def _review(self, status: JobStatus, departments: Sequence[str]) -> None:
        """Department and examiner each open their copy and approve, once for each release."""
        if status.state != UNDER_REVIEW or not status.releases or status.releases[0] in self.reviewed:
            return
        release = status.releases[0]
        self.reviewed.append(release)
        department = departments[0]
        for reader, signer in ((f"{department}-enclave", department), ("examiner", "examiner")):
            Reviewer.open(self.district.folder(reader)).copy(release)
            checked = Bilingual(
                zh="已核对：各组人数充足", en="looked at: every group is of a good many people"
            )
            Reviewer.open(self.district.folder(signer)).post_review(release, Finding.APPROVE, checked)


def open_desk(cast: Cast, district: FoundedDistrict, declared: dict[str, Dataset]) -> Desk:
    """Everything signed by everybody: agreement, price of a table, two scenarios of statistics with an authorization each."""
    now = datetime.now(UTC)
    for department, dataset in declared.items():
        cast.departments[department].submit_document(dataset)
    overall, price = declarations.overall_authorization(now), statistics.price_filing(now)
    for document in (overall, price):
        sign(document, cast.agency, cast.operator)
    drafter, others = cast.partner, cast.signers
    agreed = []
    for scenario_id, purpose, title in _TITLES:
        scenario = statistics.scenario(
            now, overall=overall.digest, cited=declared, scenario_id=scenario_id, purpose=purpose, title=title
        )
        permit = statistics.authorization(now, trust=cast.agency.trust, approved=scenario, price=price.digest)
        sign(scenario, drafter, *others)
        sign(permit, drafter, *others)
        agreed.append((scenario, permit))
    (scenario, permit), (_, other) = agreed
    return Desk(cast, district, scenario, permit, other)


def _refusal(name: str, problem: Problem) -> Refusal:
    reason = Bilingual(zh=problem.text("zh"), en=problem.text("en"))
    codes = tuple(sorted({said.code for said in problem.query}))
    return Refusal(name, problem.code, reason, _change(problem), codes)


def _change(problem: Problem) -> Bilingual | None:
    """The smallest change that would pass, as the SQL gate or the policy says it."""
    told = {
        language: "; ".join(said.text(language) for said in problem.query) or problem.change.get(language, "")
        for language in ("zh", "en")
    }
    return Bilingual(**told) if all(told.values()) else None


def _problem(status: JobStatus) -> Problem:
    if not isinstance(status.reason, Mapping):
        return Problem(code=str(status.reason or status.state), status=403)
    reason: Mapping[str, Json] = status.reason
    return Problem.from_json(reason)
