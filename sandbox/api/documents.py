"""Documents and attachments over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi import Query as Parameter
from sqlalchemy import Connection

from policies.documents import envelope as dsse
from policies.documents.authorization import Scenario
from policies.documents.document import Document
from policies.documents.envelope import Envelope
from policies.documents.kinds import KINDS, json_schema
from policies.documents.query import Query
from policies.documents.review import OutputReview
from sandbox.api.exchange import MAX_NUMBER, Exchange, SignedRoute, exchange_of
from sandbox.documents import attachments, registry
from sandbox.documents.halting import post_document
from sandbox.documents.readers import OF_A_JOB, OUTSIDERS, may_read
from sandbox.jobs.orchestrator import stop_halted
from sandbox.jobs.reviews import check_review, take_review
from sandbox.store.answers import Answer
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotFound

router = APIRouter(route_class=SignedRoute, tags=["documents"])

Signed = Annotated[Exchange, Depends(exchange_of)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.post("/v1/documents", summary="Store a document, or add signatures to one")
def post(exchange: Signed) -> Response:
    body = exchange.json()
    if set(body) != {"envelope"}:
        raise Malformed("expected the member envelope alone, got others")
    envelope = dsse.from_json(body["envelope"])

    def act(transaction: Transaction) -> object:
        is_review = envelope.kind == OutputReview.kind
        if is_review:
            check_review(exchange.district, transaction, envelope)
        stored, targets = post_document(exchange.district, transaction, envelope, actor=exchange.caller.id)
        stop_halted(exchange.district, transaction, targets)
        if is_review:
            take_review(exchange.district, transaction, stored.envelope)
        return {"digest": stored.digest, "signers": list(stored.signers), "index": stored.log_index}

    return exchange.write(act)


@router.get("/v1/documents", summary="What is stored, page by page")
def listing(
    exchange: Signed,
    kind: Annotated[str | None, Parameter(max_length=64)] = None,
    after: Annotated[int, Parameter(ge=0, le=MAX_NUMBER)] = 0,
) -> Response:
    def look(connection: Connection) -> object:
        items, following = registry.listing(connection, kind=kind, after=after)
        return {"items": [item for item in items if _readable(exchange, connection, item)], "next": following}

    return exchange.read(look)


@router.get("/v1/documents/{digest}", summary="One document with its merged signatures")
def get(exchange: Signed, digest: Digest) -> Response:
    def look(connection: Connection) -> object:
        stored = registry.get(connection, digest)
        envelope = stored.envelope
        if not _may_read(exchange, connection, envelope):
            raise NotFound(f"expected a stored document, got none with digest {digest[:16]}")
        return {"envelope": envelope.to_json(), "complete": stored.complete}

    return exchange.read(look)


def _readable(exchange: Exchange, connection: Connection, item: dict[str, object]) -> bool:
    """Whether a line of the listing is for the caller; only papers of a job need a look inside."""
    if not _concerns_some(exchange, str(item["kind"])):
        return True
    return _may_read(exchange, connection, registry.get(connection, str(item["digest"])).envelope)


def _may_read(exchange: Exchange, connection: Connection, envelope: Envelope) -> bool:
    if not _concerns_some(exchange, envelope.kind):
        return True
    document = KINDS[envelope.kind].read(envelope)
    scenario = _scenario(connection, document)
    return may_read(document, party=exchange.caller.id, role=exchange.caller.role, scenario=scenario)


def _scenario(connection: Connection, document: Document) -> Scenario | None:
    """The scenario of a paper that the scenario's own parties may read."""
    stored = registry.find(connection, document.scenario) if isinstance(document, Query) else None
    return None if stored is None else Scenario.read(stored.envelope)


def _concerns_some(exchange: Exchange, kind: str) -> bool:
    """Whether documents of `kind` are for some callers of this role only."""
    return kind in OF_A_JOB and exchange.caller.role in OUTSIDERS


@router.get("/v1/schemas/{kind}", summary="The JSON Schema of a document kind")
def schema(exchange: Signed, kind: str) -> Response:
    if kind not in KINDS:
        raise NotFound(f"expected a document kind, got `{kind[:40]}`")
    return exchange.read(lambda _: json_schema(kind))


@router.put("/v1/attachments/{sha256}", summary="Put large content, named by its digest")
def put_attachment(
    exchange: Signed, sha256: Digest, audience: Annotated[str, Parameter(max_length=4096)] = ""
) -> Response:
    district, data = exchange.district, exchange.body
    readers = [party for party in audience.split(",") if party]
    attachments.check_content(sha256, data)
    # Bytes first, row second: a row never names bytes that a crash could still take away.
    district.attachments.put(data)

    def act(transaction: Transaction) -> object:
        attachments.register(
            district, transaction, sha256=sha256, owner=exchange.caller.id, size=len(data), audience=readers
        )
        return {"sha256": sha256, "size": len(data)}

    return exchange.write(act)


@router.get("/v1/attachments/{sha256}", summary="Content, for its owner and audience")
def get_attachment(exchange: Signed, sha256: Digest) -> Response:
    district = exchange.district
    with district.database.read() as connection:
        attachments.check_readable(connection, sha256, party=exchange.caller.id)
    data = district.attachments.read(sha256)
    return exchange.respond(Answer(200, data), media_type="application/octet-stream")
