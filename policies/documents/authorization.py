"""From the overall agreement to one scenario, one data list, one authorization.

- `overall-authorization` grants the operator base services for a term, never data (RQ-114).
- `scenario` states purpose, data list, recipients and consent basis, and permits one job kind: `vet`.
- `authorization` cites scenario, model and vetting report by digest and permits everything else.

Scenario and authorization are signed by every department in the list, the agency, the operator and the partner; any
change is a new document that supersedes (design.md §3). What counts as validly signed is left to
`policies.authorization`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from policies.documents.dataset import Use
from policies.documents.document import Document, Term
from policies.documents.encrypted import Encryption
from policies.documents.fields import (
    Bilingual,
    ColumnName,
    DecimalText,
    Id,
    Instant,
    Party,
    Record,
    Sha256,
    ShortText,
)


class JobKind(StrEnum):
    """The kinds a scenario or authorization can permit; `raw-export` is not one and never will be."""

    VET = "vet"
    SCORE = "score"
    AGGREGATE = "aggregate"


ASKING: Final = frozenset({JobKind.AGGREGATE})
"""Kinds that put a signed question about everybody, name no subjects, and release a sealed table."""


class Mode(StrEnum):
    """Protection modes of a score (design.md §4)."""

    MASKED = "masked"
    BFV = "bfv"
    PAILLIER = "paillier"
    """Encrypted weights: departments never see the model."""


class PurposeClass(StrEnum):
    """Public benefit is free under conditions; everything else is priced (RQ-178)."""

    PUBLIC_BENEFIT = "public-benefit"
    COMMERCIAL = "commercial"


class Clause(StrEnum):
    """The ten clauses an operation agreement must hold (RQ-071)."""

    PARTIES = "parties"
    CONTENT = "content"
    PROCEDURE = "procedure"
    SCOPE = "scope"
    TERM = "term"
    RESPONSIBILITY = "responsibility"
    SUPERVISION = "supervision"
    TERMINATION = "termination"
    SECURITY = "security"
    FORCE_MAJEURE = "force-majeure"


class OverallAuthorization(Document):
    """The district-level agreement between agency and operator."""

    kind: ClassVar[str] = "overall-authorization"

    agency: Party
    operator: Party
    agreement_number: ShortText
    clauses: tuple[Clause, ...]
    services: Annotated[tuple[ShortText, ...], Field(min_length=1)]
    term: Term

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.clauses) != set(Clause) or len(self.clauses) != len(Clause):
            raise ValueError("expected all ten mandatory clauses, each once")
        return self


class ListedColumn(Record):
    """One line of the data list: a column of a data set and the one use it is listed for."""

    department: Party
    dataset: Id
    column: ColumnName
    use: Use


class Purpose(Record):
    """What the data is used for; a job must repeat the code."""

    code: Id
    text: Bilingual
    purpose_class: PurposeClass


class ConsentBasis(Record):
    """Which party's consents count. Personal data without subject consent is not offered by this version."""

    service: Party


class Limits(Record):
    """Counts that end, agreed when the scenario is signed."""

    vet_jobs: Annotated[int, Field(ge=1, le=100)]
    score_jobs: Annotated[int, Field(ge=1, le=1_000_000)]
    aggregate_jobs: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    fetches: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """Sealed scores an authorization may deliver in all."""
    bits_per_subject_year: Annotated[int, Field(ge=1, le=32)] = 32
    model_versions_per_subject_year: Annotated[int, Field(ge=1, le=4)] = 4


class PreAssessment(Record):
    """The recorded assessment before authorization (RQ-035)."""

    assessor: ShortText
    assessed_at: Instant
    report: Sha256


class DatasetCitation(Record):
    """A data set as it stood when the list was agreed."""

    department: Party
    dataset: Id
    digest: Sha256


class Scenario(Document):
    """An approved purpose with its one data list."""

    kind: ClassVar[str] = "scenario"

    version: Annotated[int, Field(ge=1)]
    title: Bilingual
    purpose: Purpose
    partner: Party
    recipients: Annotated[tuple[Party, ...], Field(min_length=1, max_length=16)]
    datasets: Annotated[tuple[DatasetCitation, ...], Field(min_length=1, max_length=50)]
    data_list: Annotated[tuple[ListedColumn, ...], Field(min_length=1, max_length=400)]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]
    consent: ConsentBasis
    limits: Limits
    price_class: Id
    pre_assessment: PreAssessment
    overall: Sha256
    term: Term
    supersedes: Sha256 | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        lines = [(line.department, line.dataset, line.column, line.use) for line in self.data_list]
        if len(set(lines)) != len(lines):
            raise ValueError("expected each line of the data list once")
        listed = {(line.department, line.dataset) for line in self.data_list}
        cited = {(citation.department, citation.dataset) for citation in self.datasets}
        if listed != cited or len(cited) != len(self.datasets):
            raise ValueError("expected each listed data set cited once, and no other")
        return self

    @property
    def departments(self) -> tuple[str, ...]:
        """Departments in the list, sorted: the roster of every job under it."""
        return tuple(sorted({line.department for line in self.data_list}))


class RosterMember(Record):
    """A department's enclave, bound by its identity key."""

    department: Party
    enclave: Party
    keyid: Sha256


def check_roster(roster: Sequence[RosterMember]) -> None:
    """Raise ValueError unless departments ascend and no enclave or key stands for two of them."""
    departments = [member.department for member in roster]
    if departments != sorted(set(departments)):
        raise ValueError("expected the roster sorted by department, each once")
    # One enclave behind two departments would pass for two domains and open the other's partial result.
    if not len({member.enclave for member in roster}) == len({m.keyid for m in roster}) == len(roster):
        raise ValueError("expected an enclave and a key of its own for each department")


class Recipient(Record):
    """Who may receive results, bound by the digest of its sealing key's base64 text."""

    party: Party
    sealing_key: Sha256


class TightenedLimit(Record):
    """A disclosure limit the signers made stricter than the product's default (`policies.disclosure.limits`)."""

    name: Id
    value: DecimalText


class QueryTerms(Record):
    """What aggregate jobs may ask, and under which disclosure profile."""

    free: bool
    """Whether any governed query over the list may be asked, or `templates` alone."""
    templates: Annotated[tuple[Sha256, ...], Field(max_length=200)] = ()
    """Digests of query documents."""
    bilateral: bool = False
    """With two domains each can take its own part off the sum and read the other's; the signers say that they know."""
    limits: Annotated[tuple[TightenedLimit, ...], Field(max_length=32)] = ()
    rho_per_quarter: DecimalText = "0.1"
    """zCDP budget of the scenario (protocols.md §6.4); may be lower, never higher."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [limit.name for limit in self.limits]
        if names != sorted(set(names)):
            raise ValueError("expected the limits sorted by name, each once")
        if not self.free and not self.templates:
            raise ValueError("expected templates where queries are not free")
        return self


class Authorization(Document):
    """Permits score jobs with one vetted model, or aggregate jobs under one set of terms, under one scenario."""

    kind: ClassVar[str] = "authorization"

    version: Annotated[int, Field(ge=1)]
    scenario: Sha256
    overall: Sha256
    model: Sha256 | None
    """With its report exactly where score jobs are permitted."""
    vetting_report: Sha256 | None
    queries: QueryTerms | None = None
    """Exactly where jobs that ask a question are permitted."""
    encryption: Encryption | None = None
    """The gate's key and every department's encrypted weights, exactly where mode paillier is permitted."""
    price_filing: Sha256
    data_list: Sha256
    """Digest of the scenario's data list: one scenario, one list, one authorization."""
    job_kinds: Annotated[tuple[JobKind, ...], Field(min_length=1)]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]
    roster: Annotated[tuple[RosterMember, ...], Field(min_length=1, max_length=50)]
    gate: Party
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=16)]
    gate_sees_totals: bool
    """With one domain the gate sees pseudonymous totals; the signers say that they know."""
    min_log_size: Annotated[int, Field(ge=0)]
    term: Term
    supersedes: Sha256 | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_roster(self.roster)
        if len({recipient.party for recipient in self.recipients}) != len(self.recipients):
            raise ValueError("expected each recipient once")
        scores = JobKind.SCORE in self.job_kinds
        if not scores == (self.model is not None) == (self.vetting_report is not None):
            raise ValueError("expected a model and its report exactly where score jobs are permitted")
        if ASKING.isdisjoint(self.job_kinds) != (self.queries is None):
            raise ValueError("expected query terms exactly where jobs that ask a question are permitted")
        _check_encryption(self)
        if len(self.roster) == 1 and not self.gate_sees_totals:
            raise ValueError("expected gate_sees_totals with a single domain")
        return self


def _check_encryption(authorization: Authorization) -> None:
    """Raise ValueError unless key and weights are cited, for the whole roster, exactly where a mode needs them."""
    encryption = authorization.encryption
    if (Mode.PAILLIER in authorization.modes) != (encryption is not None):
        raise ValueError("expected key and encrypted weights exactly where mode paillier is permitted")
    if encryption is None:
        return
    if JobKind.SCORE not in authorization.job_kinds:
        raise ValueError("expected score jobs where mode paillier is permitted")
    if encryption.departments != tuple(member.department for member in authorization.roster):
        raise ValueError("expected encrypted weights for each department of the roster")
