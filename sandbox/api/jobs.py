"""Jobs over HTTP."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.concurrency import run_in_threadpool

from policies.documents import envelope as dsse
from policies.documents.strict_json import Json
from sandbox.api.exchange import MAX_NUMBER, MAX_WAIT_S, Exchange, SignedRoute, exchange_of
from sandbox.api.problems import Problem
from sandbox.documents.enclosed import Enclosure, enclosed_of
from sandbox.jobs import intake, rows
from sandbox.jobs.states import TERMINAL, State
from sandbox.store.answers import Answer
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed

router = APIRouter(route_class=SignedRoute, tags=["jobs"])

Signed = Annotated[Exchange, Depends(exchange_of)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.post("/v1/jobs", summary="Submit a signed job", status_code=202)
def submit(exchange: Signed) -> Response:
    body = exchange.json()
    if not {"job"} <= set(body) <= {"job", "enclosed"}:
        raise Malformed("expected the members job and enclosed, got others")
    enclosed = enclosed_of(body.get("enclosed", []))
    if enclosed:
        _put(exchange, enclosed)
    take_in = intake.prepare(exchange.district, dsse.from_json(body["job"]), caller=exchange.caller)

    def act(transaction: Transaction) -> object:
        job = take_in(transaction)
        if job.state is State.REFUSED and job.intent is None:
            return denied(job.reason or {})
        return {"job": job.digest, "state": job.state.value}

    return exchange.write(act, status=202)


@router.get("/v1/jobs/{digest}", summary="Where a job stands, waiting for its next steps up to 25 seconds")
async def get(
    exchange: Signed,
    digest: Digest,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
    steps: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
) -> Response:
    """`steps` is how many the caller knows: with `wait` it is answered when there are more, or the job has ended."""

    def look() -> dict[str, Json]:
        with exchange.district.database.read() as connection:
            job = rows.get(connection, digest)
            intake.check_visible(exchange.district, connection, job, caller=exchange.caller)
            return intake.status(connection, job)

    bell, name = exchange.district.bell, rows.bell_of(digest)
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        event = bell.listen(name)
        try:
            status = await run_in_threadpool(look)
            left = deadline - asyncio.get_running_loop().time()
            progress = status["progress"]
            moved = isinstance(progress, list) and len(progress) > steps
            if moved or status["state"] in TERMINAL or left <= 0 or bell.stopped:
                return await run_in_threadpool(exchange.answer, status)
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), left)
        finally:
            bell.leave(name, event)


@router.post("/v1/jobs/{digest}/cancel", summary="End a job that has not ended")
def cancel(exchange: Signed, digest: Digest) -> Response:
    def act(transaction: Transaction) -> object:
        job = intake.cancel(exchange.district, transaction, digest, caller=exchange.caller)
        return {"job": job.digest, "state": job.state.value}

    return exchange.write(act)


def _put(exchange: Exchange, enclosed: list[Enclosure]) -> None:
    """Keep what travels with the job, as if it had been put before: its list of subjects."""
    for content in enclosed:
        exchange.district.attachments.put(content.data)
    with exchange.district.database.write() as transaction:
        for content in enclosed:
            content.register(exchange.district, transaction, owner=exchange.caller.id)


def denied(reason: dict[str, Json]) -> Answer:
    """The problem of a policy denial, which its transaction has recorded."""
    members = tuple((name, value) for name, value in reason.items() if name != "code")
    text = reason.get("reason")
    detail = text.get("en") if isinstance(text, dict) else None
    problem = Problem(str(reason.get("code", "refused")), str(detail or "refused by policy"), members)
    return Answer(problem.status, problem.body())
