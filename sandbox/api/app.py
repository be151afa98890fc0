"""The coordinator as an ASGI application: routers, the clock, one district."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sandbox.api import aggregates, documents, health, jobs, log, mailboxes, scores, usage
from sandbox.api.clock import Clock
from sandbox.api.problems import MEDIA_TYPE, Problem
from sandbox.district import District, open_district
from sandbox.documents import registry
from sandbox.jobs.orchestrator import resume_jobs
from sandbox.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The application over the state that `settings` name; raises before serving if that state cannot be trusted."""
    return app_of(open_district(settings))


def app_of(district: District) -> FastAPI:
    """The application over an open district."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.clock.start()
        yield
        await app.state.clock.stop()
        district.database.close()

    app = FastAPI(title="domicile coordinator", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.district = district
    app.state.clock = Clock(district)
    with district.database.write() as transaction:
        registry.keep(district, transaction, district.trust_envelope)
        resume_jobs(district, transaction)
    for room in (health, documents, mailboxes, jobs, scores, aggregates, usage, log):
        app.include_router(room.router)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_found)
    return app


async def _not_found(_: Request, __: Exception) -> Response:
    problem = Problem("not_found", "expected a request of docs/protocol.md, got another")
    return Response(problem.body(), problem.status, media_type=MEDIA_TYPE)
