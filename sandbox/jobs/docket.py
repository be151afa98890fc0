"""The documents an authorization stands on, read once.

A fetch asks about the same authorization every few milliseconds. A document that is completely signed never changes, so
once all of a docket are complete it is kept in memory, by digest; what may change (terms, halts, counts, prices in force)
is asked anew by `policies.decision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from policies.documents.authorization import Authorization, Scenario
from policies.documents.envelope import Envelope
from policies.documents.price import PriceFiling
from sandbox.district import District
from sandbox.documents import registry
from sandbox.documents.registry import Stored

MAX_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Docket:
    """Envelopes of one authorization's documents; None for what is not here, which denies."""

    digest: str
    authorization: Envelope
    document: Authorization
    scenario: Envelope | None
    scenario_document: Scenario | None
    overall: Envelope | None
    model: Envelope | None
    report: Envelope | None
    price: Envelope | None
    price_document: PriceFiling | None


def docket_of(district: District, connection: Connection, digest: str) -> Docket:
    """The docket of the authorization `digest`; raise `NotFound` when that is not stored."""
    kept = district.dockets.get(digest)
    if isinstance(kept, Docket):
        return kept
    stored = registry.get(connection, digest)
    document = Authorization.read(stored.envelope)
    scenario = registry.find(connection, document.scenario)
    scenario_document = Scenario.read(scenario.envelope) if scenario else None
    overall = registry.find(connection, scenario_document.overall) if scenario_document else None
    model = registry.find(connection, document.model) if document.model else None
    report = registry.find(connection, document.vetting_report) if document.vetting_report else None
    price = registry.find(connection, document.price_filing)
    docket = Docket(
        digest=digest,
        authorization=stored.envelope,
        document=document,
        scenario=_envelope(scenario),
        scenario_document=scenario_document,
        overall=_envelope(overall),
        model=_envelope(model),
        report=_envelope(report),
        price=_envelope(price),
        price_document=PriceFiling.read(price.envelope) if price else None,
    )
    needed = [stored, scenario, overall, price, *((model, report) if document.model else ())]
    if all(item is not None and item.complete for item in needed):
        if len(district.dockets) >= MAX_KEPT:
            district.dockets.clear()
        district.dockets[digest] = docket
    return docket


def _envelope(stored: Stored | None) -> Envelope | None:
    return None if stored is None else stored.envelope
