"""Consents and sealed scores over HTTP."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from policies.documents import envelope as dsse
from policies.documents.strict_json import Json
from policies.documents.trust import Role
from sandbox.api.exchange import Exchange, SignedRoute, exchange_of
from sandbox.api.jobs import denied
from sandbox.jobs.judge import reason_of
from sandbox.scores import consents
from sandbox.scores.fetching import MAX_CONSENTS, fetch
from sandbox.scores.reasons import reason_of_code
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed

router = APIRouter(route_class=SignedRoute, tags=["scores"])

Signed = Annotated[Exchange, Depends(exchange_of)]
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_CONSENT: Final = re.compile("[0-9a-f]{32}")


@router.post("/v1/consents", summary="Register a page of consents under a signed head")
def register(exchange: Signed) -> Response:
    body = exchange.json()
    items = body.get("items")
    if set(body) != {"consent", "items"} or not isinstance(items, list):
        raise Malformed("expected the members consent and items")
    exchange.check_role(Role.CONSENT_SERVICE)
    head = dsse.from_json(body["consent"])
    parsed = [consents.Item.parse(item) for item in items]

    def act(transaction: Transaction) -> object:
        registered = consents.register(
            exchange.district, transaction, head, items=parsed, caller=exchange.caller
        )
        return {"registered": registered}

    return exchange.write(act)


@router.get("/v1/consents", summary="Consents of a scenario and recipient, with their state")
def listing(
    exchange: Signed,
    scenario: Annotated[str, Query(pattern="^[0-9a-f]{64}$")],
    recipient: Annotated[str, Query(max_length=63)],
    after: Annotated[str, Query(pattern="^([0-9a-f]{32})?$")] = "",
) -> Response:
    return exchange.read(
        lambda connection: consents.listing(
            exchange.district,
            connection,
            scenario=scenario,
            recipient=recipient,
            after=after,
            caller=exchange.caller,
        )
    )


@router.post("/v1/scores/fetch", summary="Fetch sealed scores by consent")
def fetch_scores(exchange: Signed) -> Response:
    authorization, ids = _question(exchange.json())

    def act(transaction: Transaction) -> object:
        fetched = fetch(
            exchange.district,
            transaction,
            recipient=exchange.caller.id,
            authorization=authorization,
            consent_ids=ids,
        )
        if len(ids) == 1 and fetched.codes:
            code, denial = fetched.codes[0], fetched.denied
            return denied(reason_of_code(code) if denial is None else reason_of(denial))
        return fetched.to_json()

    return exchange.write(act)


def _question(body: dict[str, Json]) -> tuple[str, list[bytes]]:
    authorization, asked = body.get("authorization"), body.get("consents")
    if set(body) != {"authorization", "consents"} or not isinstance(authorization, str):
        raise Malformed("expected the members authorization and consents")
    if not _DIGEST.fullmatch(authorization):
        raise Malformed("expected the digest of an authorization")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MAX_CONSENTS:
        raise Malformed(f"expected 1 to {MAX_CONSENTS} consents")
    texts = [item for item in asked if isinstance(item, str) and _CONSENT.fullmatch(item)]
    if len(texts) != len(asked) or len(set(texts)) != len(texts):
        raise Malformed("expected consent ids of 32 hex digits, each once")
    return authorization, [bytes.fromhex(text) for text in texts]
