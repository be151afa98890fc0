"""Sealed tables and the reading of statements over HTTP."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from policies.documents.strict_json import Json
from sandbox.aggregates.fetching import TableRefused, fetch_table
from sandbox.aggregates.statements import given_list, list_under, verdict_on
from sandbox.api.exchange import Exchange, SignedRoute, exchange_of
from sandbox.api.jobs import denied
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed

router = APIRouter(route_class=SignedRoute, tags=["aggregates"])

Signed = Annotated[Exchange, Depends(exchange_of)]
_CHECK_MEMBERS: Final = ("data_list", "scenario", "department", "sql")
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@router.post("/v1/tables/fetch", summary="Fetch a sealed table by its release")
def fetch(exchange: Signed) -> Response:
    authorization, release = _question(exchange.json())

    def act(transaction: Transaction) -> object:
        fetched = fetch_table(
            exchange.district,
            transaction,
            recipient=exchange.caller.id,
            authorization=authorization,
            release=release,
        )
        return denied(fetched.reason) if isinstance(fetched, TableRefused) else fetched.to_json()

    return exchange.write(act)


@router.post("/v1/sql/check", summary="What the SQL gate says of a statement")
def check(exchange: Signed) -> Response:
    body = exchange.json()
    given, scenario, department, sql = (body.get(name) for name in _CHECK_MEMBERS)
    if set(body) != set(_CHECK_MEMBERS):
        raise Malformed(f"expected the members {', '.join(_CHECK_MEMBERS)}")
    if not isinstance(department, str) or not isinstance(sql, str):
        raise Malformed("expected department and sql as text")
    if isinstance(given, dict) and scenario is None:
        return exchange.answer(verdict_on(sql, given_list(given)))
    if given is None and isinstance(scenario, str) and _DIGEST.fullmatch(scenario):
        with exchange.district.database.read() as connection:
            listed = list_under(connection, scenario, department)
        return exchange.answer(verdict_on(sql, listed))
    raise Malformed("expected either data_list as an object or scenario as a digest, and the other null")


def _question(body: dict[str, Json]) -> tuple[str, str]:
    authorization, release = body.get("authorization"), body.get("release")
    if set(body) != {"authorization", "release"}:
        raise Malformed("expected the members authorization and release")
    if not isinstance(authorization, str) or not _DIGEST.fullmatch(authorization):
        raise Malformed("expected the digest of an authorization")
    if not isinstance(release, str) or not _DIGEST.fullmatch(release):
        raise Malformed("expected the digest of a release")
    return authorization, release
