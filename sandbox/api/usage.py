"""Usage and invoices over HTTP: the operator, the agency and auditors see all, a recipient its own."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from policies.documents.price import PriceFiling
from policies.documents.strict_json import Json
from policies.documents.trust import Role
from sandbox.api.exchange import MAX_NUMBER, Exchange, SignedRoute, exchange_of
from sandbox.documents import registry
from sandbox.pricing.rate import rate
from sandbox.pricing.usage import events
from sandbox.store.errors import NotAllowed

router = APIRouter(route_class=SignedRoute, tags=["pricing"])

Signed = Annotated[Exchange, Depends(exchange_of)]
Period = Annotated[str, Query(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")]
_OVERSEERS: Final = frozenset({Role.OPERATOR, Role.AGENCY, Role.AUDITOR, Role.AUTHORITY})


@router.get("/v1/usage", summary="Usage events of a month")
def usage(
    exchange: Signed, period: Period, after: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0
) -> Response:
    mine = None if exchange.caller.role in _OVERSEERS else exchange.caller.id

    def look(connection: Connection) -> object:
        found, following = events(connection, period, recipient=mine, after=after)
        return {"events": found, "next": following}

    return exchange.read(look)


@router.get("/v1/invoices/{recipient}", summary="The rated invoice of a month")
def invoice(exchange: Signed, recipient: str, period: Period) -> Response:
    if exchange.caller.role not in _OVERSEERS and exchange.caller.id != recipient:
        raise NotAllowed("expected the recipient itself, the operator, the agency or an auditor")

    def look(connection: Connection) -> object:
        found: list[dict[str, Json]] = []
        after: int | None = 0
        while after is not None:
            page, after = events(connection, period, recipient=recipient, after=after)
            found.extend(dict(event) for event in page)
        named = {str(data["price_filing"]) for e in found if isinstance(data := e["data"], dict)}
        filings = {digest: PriceFiling.read(registry.get(connection, digest).envelope) for digest in named}
        return rate(found, filings, recipient=recipient, period=period).to_json()

    return exchange.read(look)
