"""What is unsigned: the trust root, which anyone may check against its pin, and what keeps the process running."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select

from sandbox.api.metrics import JOBS, LOG_SIZE, MAILBOX_DEPTH
from sandbox.district import District
from sandbox.mailboxes.mailbox import depths
from sandbox.store.tables import jobs

router = APIRouter(tags=["health"])


@router.get("/v1/trust-root", summary="The pinned trust root")
def trust_root(request: Request) -> Response:
    district: District = request.app.state.district
    return Response(district.trust_envelope.to_bytes(), media_type="application/json")


@router.get("/healthz", summary="The process runs")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="The state answers and the clock ticks")
def readyz(request: Request) -> Response:
    district: District = request.app.state.district
    with district.database.read() as connection:
        district.log.size(connection)
    ready = request.app.state.clock.running
    body = b'{"status":"ready"}' if ready else b'{"status":"starting"}'
    return Response(body, 200 if ready else 503, media_type="application/json")


@router.get("/metrics", summary="Prometheus metrics")
def metrics(request: Request) -> Response:
    district: District = request.app.state.district
    with district.database.read() as connection:
        LOG_SIZE.set(district.log.size(connection))
        JOBS.clear()
        for state, count in connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)):
            JOBS.labels(state).set(count)
        MAILBOX_DEPTH.clear()
        for party, depth in depths(connection).items():
            MAILBOX_DEPTH.labels(party).set(depth)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
