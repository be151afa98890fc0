"""The papers of a run: every document its plan leads to, fetched by digest, and read.

A digest names the body, so what comes back is the document meant or nothing. Who signed is decided later, from the
envelopes, by `policies.decision`; here only the plan's own signature is checked, since everything starts from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from enclaves.run.encryption import EncryptedWork, gather_encrypted
from enclaves.run.errors import RunRefused
from enclaves.run.wire import Wire
from policies.authorization import check_signed
from policies.documents.authorization import Authorization, RosterMember, Scenario
from policies.documents.dataset import Dataset
from policies.documents.envelope import Envelope
from policies.documents.job import Job, Plan
from policies.documents.model import Model
from policies.documents.query import Query
from policies.documents.trust import PartyEntry, TrustRoot


@dataclass(frozen=True, slots=True)
class ModelWork:
    """What a score or vet job works with; no report yet while a model is vetted."""

    model_envelope: Envelope
    model: Model
    report_envelope: Envelope | None
    encrypted: EncryptedWork | None = None
    """Key and weights, in mode paillier."""


@dataclass(frozen=True, slots=True)
class QueryWork:
    """What an aggregate job works with: the question, and the data sets its statements are read against."""

    query_envelope: Envelope
    query: Query
    listed: tuple[Envelope, ...]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True)
class CitedWork:
    """Envelopes of what a job works with; what its kind does not have is None or empty."""

    model: Envelope | None = None
    report: Envelope | None = None
    key: Envelope | None = None
    weights: tuple[Envelope, ...] = ()
    query: Envelope | None = None
    listed: tuple[Envelope, ...] = ()


@dataclass(frozen=True, slots=True)
class Papers:
    """A run's documents as envelopes, and read."""

    plan_envelope: Envelope
    plan: Plan
    job_envelope: Envelope
    job: Job
    scenario_envelope: Envelope
    scenario: Scenario
    overall_envelope: Envelope
    authorization_envelope: Envelope | None
    authorization: Authorization | None
    price_envelope: Envelope | None
    work: ModelWork | QueryWork

    @property
    def run(self) -> str:
        """The run id in hex."""
        return self.plan.sid.hex()

    @property
    def model(self) -> Model:
        """The model of a score or vet job. Raises RunRefused in an aggregate."""
        if isinstance(self.work, ModelWork):
            return self.work.model
        raise RunRefused("job_kind_mismatch", "expected a job with a model, got an aggregate")

    @property
    def asking(self) -> QueryWork:
        """The question of an aggregate job. Raises RunRefused in any other."""
        if isinstance(self.work, QueryWork):
            return self.work
        raise RunRefused("job_kind_mismatch", "expected an aggregate, got a job with a model")

    @property
    def evidence(self) -> CitedWork:
        """The envelopes of the work, for a decision."""
        if isinstance(self.work, QueryWork):
            return CitedWork(query=self.work.query_envelope, listed=self.work.listed)
        encrypted = self.work.encrypted
        return CitedWork(
            model=self.work.model_envelope,
            report=self.work.report_envelope,
            key=None if encrypted is None else encrypted.key_envelope,
            weights=() if encrypted is None else encrypted.weights_envelopes,
        )

    @property
    def encrypted(self) -> EncryptedWork:
        """Key and weights of a job in mode paillier. Raises RunRefused in any other."""
        if isinstance(self.work, ModelWork) and self.work.encrypted is not None:
            return self.work.encrypted
        raise RunRefused("mode_mismatch", "expected a job over encrypted weights, got another")


def read_plan(envelope: Envelope, trust: TrustRoot) -> Plan:
    """The plan in `envelope`, signed by the pinned coordinator."""
    plan = Plan.read(envelope)
    check_signed(envelope, plan, trust)
    return plan


def gather(envelope: Envelope, trust: TrustRoot, wire: Wire) -> Papers:
    """Fetch and read all papers of the plan in `envelope`. Raises RunRefused, PolicyError, TransportError."""
    plan = read_plan(envelope, trust)

    def fetch(digest: str) -> Envelope:
        found = wire.get_document(digest)
        if found.digest != digest:
            raise RunRefused("document_mismatch", "expected the document asked for, got another")
        return found

    job_envelope, scenario_envelope = map(fetch, (plan.job, plan.scenario))
    scenario = Scenario.read(scenario_envelope)
    authorization_envelope = None if plan.authorization is None else fetch(plan.authorization)
    authorization = None if authorization_envelope is None else Authorization.read(authorization_envelope)
    return Papers(
        plan_envelope=envelope,
        plan=plan,
        job_envelope=job_envelope,
        job=Job.read(job_envelope),
        scenario_envelope=scenario_envelope,
        scenario=scenario,
        overall_envelope=fetch(scenario.overall),
        authorization_envelope=authorization_envelope,
        authorization=authorization,
        price_envelope=None if authorization is None else fetch(authorization.price_filing),
        work=_work(plan, scenario, authorization, fetch=fetch),
    )


def _work(
    plan: Plan,
    scenario: Scenario,
    authorization: Authorization | None,
    *,
    fetch: Callable[[str], Envelope],
) -> ModelWork | QueryWork:
    if plan.query is not None:
        listed = tuple(fetch(cited.digest) for cited in scenario.datasets)
        envelope = fetch(plan.query)
        return QueryWork(envelope, Query.read(envelope), listed, tuple(map(Dataset.read, listed)))
    if plan.model is None:
        raise RunRefused("job_kind_mismatch", "expected a plan with a model or a query, got neither")
    report = None if authorization is None else authorization.vetting_report
    model = fetch(plan.model)
    return ModelWork(
        model,
        Model.read(model),
        None if report is None else fetch(report),
        None if plan.encryption is None else gather_encrypted(plan.encryption, fetch),
    )


def recipient_of(plan: Plan, trust: TrustRoot) -> PartyEntry:
    """The recipient with its pinned sealing key, which the plan names by the SHA-256 of its base64 text."""
    recipient = trust.party(plan.recipient)
    if recipient is None or recipient.sealing_key is None:
        raise RunRefused("recipient_mismatch", "expected a recipient with a pinned sealing key, got none")
    if hashlib.sha256(recipient.sealing_key.encode()).hexdigest() != plan.recipient_sealing_key:
        raise RunRefused("recipient_mismatch", "expected the recipient's pinned sealing key, got another")
    return recipient


def member_of(plan: Plan, enclave: str) -> RosterMember:
    """The roster's line for an enclave. Raises RunRefused if it does not take part."""
    for member in plan.roster:
        if member.enclave == enclave:
            return member
    raise RunRefused("roster_mismatch", "expected this enclave in the roster, got others")
