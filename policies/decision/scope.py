"""Facts about what may be done: the scenario, its one list, its one authorization, and what the job asks of them.

Each function yields findings; a comparison whose documents are not all there yields an absent fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from policies.authorization import data_list_digest
from policies.decision.dossier import Dossier, Finding, digest_of
from policies.documents.authorization import Authorization, JobKind, ListedColumn, Scenario
from policies.documents.dataset import Dataset, Grade, Use
from policies.documents.encrypted import EncryptedWeights
from policies.documents.job import Job
from policies.documents.model import Model, Part
from policies.documents.vetting import Verdict, VettingReport
from policies.vetting import REQUIRED_CHECKS, verdict


def columns_of(part: Part | EncryptedWeights, dataset: Dataset) -> tuple[ListedColumn, ...]:
    """Every column a score job reads for `part`, and what for: features, the person column, the order column."""
    used = [(column, Use.FEATURE) for column in part.columns]
    if dataset.person_column is not None:
        used.append((dataset.person_column, Use.PERSON))
    if part.row is not None and dataset.order_column is not None:
        used.append((dataset.order_column, Use.FILTER))
    return tuple(
        ListedColumn(department=part.department, dataset=part.dataset, column=column, use=use)
        for column, use in used
    )


def job_facts(dossier: Dossier) -> Iterator[Finding]:
    """The job by itself, and what it cites."""
    yield Finding("authorization_present", dossier.authorization is not None)
    job = dossier.job
    if job is None:
        return
    yield Finding("job_kind_known", job.job_kind in set(JobKind), "job.job_kind")
    yield Finding("no_query", job.sql is None, "job.sql")
    yield Finding("job_is_score", job.job_kind == JobKind.SCORE, "job.job_kind")
    yield Finding("job_is_vet", job.job_kind == JobKind.VET, "job.job_kind")
    yield Finding("job_is_aggregate", job.job_kind == JobKind.AGGREGATE, "job.job_kind")
    yield _authorization_cited(job, dossier.authorization)
    if dossier.scenario is not None:
        scenario = dossier.scenario
        yield Finding("job_names_scenario", job.scenario == digest_of(scenario), "job.scenario")
        yield Finding("purpose_matches", job.purpose == scenario.purpose.code, "job.purpose")
        yield Finding("mode_in_scenario", job.mode in scenario.modes, "job.mode")
    if dossier.authorization is not None:
        authorization = dossier.authorization
        yield Finding("kind_authorized", job.job_kind in authorization.job_kinds, "job.job_kind")
        yield Finding("mode_in_authorization", job.mode in authorization.modes, "job.mode")


def _authorization_cited(job: Job, authorization: Authorization | None) -> Finding:
    """A vet job runs under the scenario alone; every other job cites the authorization at hand."""
    if job.job_kind == JobKind.VET:
        return Finding("job_names_authorization", job.authorization is None, "job.authorization")
    if authorization is None:
        return Finding("job_names_authorization", None)
    matches = job.authorization == digest_of(authorization)
    return Finding("job_names_authorization", matches, "job.authorization")


def list_facts(dossier: Dossier) -> Iterator[Finding]:
    """One scenario, one list, one authorization; and in an enclave, the columns against the list."""
    scenario, authorization = dossier.scenario, dossier.authorization
    if scenario is None:
        return
    yield Finding(
        "domains", len(scenario.departments if dossier.query is None else dossier.query.departments)
    )
    if authorization is not None:
        names = authorization.scenario == digest_of(scenario)
        yield Finding("authorization_names_scenario", names, "authorization.scenario")
        matches = authorization.data_list == _list_digest(scenario)
        yield Finding("data_list_matches", matches, "authorization.data_list")
        yield Finding("gate_sees_totals", authorization.gate_sees_totals, "authorization.gate_sees_totals")
    if dossier.case.columns:
        yield _columns_listed(dossier.case.columns, scenario)
        yield _uses_allowed(dossier.case.columns, scenario, datasets=dossier.datasets)
    yield _datasets_current(dossier, scenario)


@lru_cache(maxsize=128)
def _list_digest(scenario: Scenario) -> str:
    return data_list_digest(scenario)


def _columns_listed(columns: tuple[ListedColumn, ...], scenario: Scenario) -> Finding:
    listed = {(line.department, line.dataset, line.column) for line in scenario.data_list}
    for line in columns:
        if (line.department, line.dataset, line.column) not in listed:
            return Finding("columns_listed", False, _place(line))
    return Finding("columns_listed", True)


def _uses_allowed(
    columns: tuple[ListedColumn, ...], scenario: Scenario, *, datasets: tuple[Dataset, ...] | None
) -> Finding:
    """Listed for this very use, declared for it by the department, and not core data."""
    if datasets is None:
        return Finding("uses_allowed", None)
    held = {(dataset.owner, dataset.id): dataset for dataset in datasets}
    for line in columns:
        dataset = held.get((line.department, line.dataset))
        column = None if dataset is None else dataset.column(line.column)
        if (
            line not in scenario.data_list
            or dataset is None
            or column is None
            or line.use not in column.uses
            or Grade.CORE in {column.grade, dataset.grade}
        ):
            return Finding("uses_allowed", False, _place(line))
    return Finding("uses_allowed", True)


def _datasets_current(dossier: Dossier, scenario: Scenario) -> Finding:
    """Whether the data sets held now are, digest for digest, those the signers saw."""
    if dossier.datasets is None:
        return Finding("datasets_current", None)
    held = {(dataset.owner, dataset.id): digest_of(dataset) for dataset in dossier.datasets}
    department = dossier.case.department
    cited = [item for item in scenario.datasets if department in {None, item.department}]
    for citation in cited:
        if held.get((citation.department, citation.dataset)) != citation.digest:
            place = f"scenario.datasets.{citation.department}.{citation.dataset}"
            return Finding("datasets_current", False, place)
    return Finding("datasets_current", bool(cited), f"scenario.datasets.{department}")


def model_facts(dossier: Dossier) -> Iterator[Finding]:
    """The model the job cites is the one at hand, of this scenario, vetted, authorized and not revoked."""
    job, model, authorization = dossier.job, dossier.model, dossier.authorization
    named = [document for document in (job, authorization) if document is not None]
    cited = {document.model: document.kind for document in named if document.model is not None}
    revoked = [kind for digest, kind in cited.items() if dossier.case.halts.revoked("model", digest)]
    place = f"{revoked[0]}.model" if revoked else None
    yield Finding("model_not_revoked", not revoked if cited else None, place)
    if job is None or model is None or dossier.scenario is None:
        return
    yield _model_matches(job, model, dossier.scenario)
    if authorization is not None:
        same = authorization.model == digest_of(model)
        yield Finding("model_authorized", same, "authorization.model")
        if dossier.report is not None:
            yield _model_vetted(model, dossier.report, authorization=authorization)


def _model_matches(job: Job, model: Model, scenario: Scenario) -> Finding:
    cited = {(item.department, item.dataset) for item in scenario.datasets}
    comparisons = (
        ("job.model", job.model == digest_of(model)),
        ("model.scenario", model.scenario == digest_of(scenario)),
        ("model.partner", model.partner == scenario.partner),
        ("model.parts", tuple(part.department for part in model.parts) == scenario.departments),
        ("model.parts", {(part.department, part.dataset) for part in model.parts} <= cited),
    )
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("model_matches", failed is None, failed)


def _model_vetted(model: Model, report: VettingReport, *, authorization: Authorization) -> Finding:
    """The report the signers cited, about this model in this scenario, whole and without a rejection."""
    checks, worst = {check.check for check in report.checks}, verdict(report.checks)
    comparisons = (
        ("authorization.vetting_report", authorization.vetting_report == digest_of(report)),
        ("report.model", report.model == digest_of(model)),
        ("report.scenario", report.scenario == model.scenario),
        ("report.checks", checks >= REQUIRED_CHECKS),
        ("report.verdict", report.verdict is not Verdict.REJECT),
        ("report.checks", worst is not Verdict.REJECT),
        # An override is the examiner's own word in the verdict; a check that asks for one does not pass in silence.
        ("report.verdict", worst is Verdict.PASS or report.verdict is Verdict.OVERRIDE),
    )
    failed = next((place for place, holds in comparisons if not holds), None)
    return Finding("model_vetted", failed is None, failed)


def _place(line: ListedColumn) -> str:
    return f"data_list.{line.department}.{line.dataset}.{line.column}"
