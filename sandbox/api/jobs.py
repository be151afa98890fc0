"""Jobs over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from sqlalchemy import Connection

from policies.documents import envelope as dsse
from policies.documents.strict_json import Json
from sandbox.api.exchange import Exchange, SignedRoute, exchange_of
from sandbox.api.problems import Problem
from sandbox.jobs import intake, rows
from sandbox.jobs.states import State
from sandbox.store.answers import Answer
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed

router = APIRouter(route_class=SignedRoute, tags=["jobs"])

Signed = Annotated[Exchange, Depends(exchange_of)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.post("/v1/jobs", summary="Submit a signed job", status_code=202)
def submit(exchange: Signed) -> Response:
    body = exchange.json()
    if set(body) != {"job"}:
        raise Malformed("expected the member job alone, got others")
    take_in = intake.prepare(exchange.district, dsse.from_json(body["job"]), caller=exchange.caller)

    def act(transaction: Transaction) -> object:
        job = take_in(transaction)
        if job.state is State.REFUSED and job.intent is None:
            return denied(job.reason or {})
        return {"job": job.digest, "state": job.state.value}

    return exchange.write(act, status=202)


@router.get("/v1/jobs/{digest}", summary="Where a job stands")
def get(exchange: Signed, digest: Digest) -> Response:
    def look(connection: Connection) -> object:
        job = rows.get(connection, digest)
        intake.check_visible(exchange.district, connection, job, caller=exchange.caller)
        return intake.status(connection, job)

    return exchange.read(look)


@router.post("/v1/jobs/{digest}/cancel", summary="End a job that has not ended")
def cancel(exchange: Signed, digest: Digest) -> Response:
    def act(transaction: Transaction) -> object:
        job = intake.cancel(exchange.district, transaction, digest, caller=exchange.caller)
        return {"job": job.digest, "state": job.state.value}

    return exchange.write(act)


def denied(reason: dict[str, Json]) -> Answer:
    """The problem of a policy denial, which its transaction has recorded."""
    members = tuple((name, value) for name, value in reason.items() if name != "code")
    text = reason.get("reason")
    detail = text.get("en") if isinstance(text, dict) else None
    problem = Problem(str(reason.get("code", "refused")), str(detail or "refused by policy"), members)
    return Answer(problem.status, problem.body())
