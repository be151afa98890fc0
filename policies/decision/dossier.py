"""A case's documents, read and with their signatures checked, each at most once per envelope.

A document that is missing or cannot be read is None. Both steps are pure, so their results are remembered by the bytes of
the envelope: a fetch every few milliseconds cites the same scenario, authorization and price again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from policies.authorization import missing_signers
from policies.decision.case import Case
from policies.documents.authorization import Authorization, OverallAuthorization, Scenario
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.envelope import Envelope
from policies.documents.job import Job, Plan, Release, TableRelease
from policies.documents.model import Model
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.trust import TrustRoot
from policies.documents.vetting import VettingReport
from policies.errors import PolicyError

_REMEMBERED: Final = 1024
D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: its name, its value (None where it cannot be computed), the place where it fails."""

    fact: str
    value: bool | int | None
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """The case with its documents in readable form."""

    case: Case
    job: Job | None
    plan: Plan | None
    scenario: Scenario | None
    authorization: Authorization | None
    overall: OverallAuthorization | None
    model: Model | None
    report: VettingReport | None
    price: PriceFiling | None
    query: Query | None
    key: PaillierKey | None
    weights: tuple[EncryptedWeights, ...] | None
    listed: tuple[Dataset, ...] | None
    datasets: tuple[Dataset, ...] | None
    releases: tuple[Release, ...] | None
    tables: tuple[TableRelease, ...] | None


def open_dossier(case: Case) -> Dossier:
    """Read every document of `case`."""
    return Dossier(
        case=case,
        job=_read(Job, case.job),
        plan=_read(Plan, case.plan),
        scenario=_read(Scenario, case.scenario),
        authorization=_read(Authorization, case.authorization),
        overall=_read(OverallAuthorization, case.overall),
        model=_read(Model, case.model),
        report=_read(VettingReport, case.report),
        price=_read(PriceFiling, case.price),
        query=_read(Query, case.query),
        key=_read(PaillierKey, case.key),
        weights=_read_all(EncryptedWeights, case.weights),
        listed=_read_all(Dataset, case.listed),
        datasets=_read_all(Dataset, case.datasets),
        releases=_read_all(Release, case.releases),
        tables=_read_all(TableRelease, case.releases),
    )


@lru_cache(maxsize=_REMEMBERED)
def digest_of(document: Document) -> str:
    """`document.digest`, remembered: canonical JSON costs more than everything else in a decision."""
    return document.digest


def signatures(dossier: Dossier) -> Iterator[Finding]:
    """Whether each document is signed by every party that has to; absent for a document that is not there."""
    case = dossier.case
    single: tuple[tuple[str, type[Document], Envelope | None], ...] = (
        ("job", Job, case.job),
        ("plan", Plan, case.plan),
        ("scenario", Scenario, case.scenario),
        ("authorization", Authorization, case.authorization),
        ("overall", OverallAuthorization, case.overall),
        ("model", Model, case.model),
        ("report", VettingReport, case.report),
        ("price", PriceFiling, case.price),
        ("query", Query, case.query),
    )
    for name, model, envelope in single:
        if envelope is None:
            yield Finding(f"{name}_signed", None)
        else:
            value, place = all_signed(name, model, (envelope,), case=case)
            yield Finding(f"{name}_signed", value, place)
    for name, model, envelopes in (
        ("datasets", Dataset, case.datasets),
        ("listed", Dataset, case.listed),
        ("releases", TableRelease if dossier.tables else Release, case.releases),
    ):
        value, place = all_signed(name, model, envelopes, case=case)
        yield Finding(f"{name}_signed", value, place)


def all_signed(
    name: str, model: type[Document], envelopes: Sequence[Envelope], *, case: Case
) -> tuple[bool | None, str | None]:
    """Whether every envelope is a `model` signed by all who must, and the place where not; None for no envelope."""
    if not envelopes:
        return None, None
    for envelope in envelopes:
        missing = _missing(model, envelope, case.trust, case.scenario, case.halts.revoked_keys)
        if missing is None:
            return False, f"{name}.signatures"
        if missing:
            return False, f"{name}.signatures.{','.join(sorted(missing))}"
    return True, None


@lru_cache(maxsize=_REMEMBERED)
def _missing(
    model: type[Document],
    envelope: Envelope,
    trust: TrustRoot,
    scenario: Envelope | None,
    revoked_keys: frozenset[str],
) -> frozenset[str] | None:
    """Who has not signed; None where the document cannot be read or nobody can say who must sign it."""
    document = _document(model, envelope)
    if document is None:
        return None
    # Only an authorization asks for the scenario, and it must be the one it cites.
    cited = _read(Scenario, scenario) if model is Authorization else None
    try:
        return missing_signers(envelope, document, trust, scenario=cited, revoked_keys=revoked_keys)
    except PolicyError:
        return None


@lru_cache(maxsize=_REMEMBERED)
def _document(model: type[Document], envelope: Envelope) -> Document | None:
    try:
        return model.read(envelope)
    except PolicyError:
        return None


def _read(model: type[D], envelope: Envelope | None) -> D | None:
    document = None if envelope is None else _document(model, envelope)
    return document if isinstance(document, model) else None


def _read_all(model: type[D], envelopes: Sequence[Envelope]) -> tuple[D, ...] | None:
    """All of `envelopes` read; None if there are none, or one cannot be read."""
    documents = [document for envelope in envelopes if (document := _read(model, envelope)) is not None]
    return tuple(documents) if documents and len(documents) == len(envelopes) else None
