"""The evidence log over HTTP: heads, entries, cosignatures, proofs, export."""

from __future__ import annotations

import base64
import tempfile
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from policies.documents.trust import Role
from policies.log.note import Note, TreeHead
from sandbox.api.exchange import MAX_NUMBER, Exchange, SignedRoute, exchange_of
from sandbox.documents.evidence import accept_cosignature, latest_note
from sandbox.jobs.orchestrator import advance_cosigned
from sandbox.log.export import export as export_log
from sandbox.store.answers import Answer
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotAllowed, NotFound

router = APIRouter(route_class=SignedRoute, tags=["log"])

Signed = Annotated[Exchange, Depends(exchange_of)]
PAGE: Final = 5000
MAX_LINE: Final = 1024


@router.get("/v1/log/checkpoint", summary="The newest head with a quorum of cosignatures")
def checkpoint(exchange: Signed, min_size: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0) -> Response:
    district = exchange.district

    def look(connection: Connection) -> object:
        note = district.log.cosigned(connection, min_size, district.trust.quorum)
        if note is None:
            raise NotFound(f"expected a cosigned head of at least {min_size} entries, got none yet")
        return {"note": note, "size": TreeHead.parse(Note.parse(note).body).size}

    return exchange.read(look)


@router.get("/v1/log/latest", summary="The newest head the log signed, cosigned or not")
def latest(exchange: Signed) -> Response:
    def look(connection: Connection) -> object:
        found = latest_note(exchange.district, connection)
        if found is None:
            raise NotFound("expected a signed head, got none yet")
        return {"note": found[0], "size": found[1]}

    return exchange.read(look)


@router.get("/v1/log/entries", summary="Entries by index, at most 5,000 a page")
def entries(
    exchange: Signed,
    start: Annotated[int, Query(ge=0, le=MAX_NUMBER)],
    end: Annotated[int, Query(ge=0, le=MAX_NUMBER)],
) -> Response:
    log = exchange.district.log

    def look(connection: Connection) -> object:
        last = min(end, start + PAGE)
        return {"entries": [base64.b64encode(e).decode() for e in log.entries(connection, start, last)]}

    return exchange.read(look)


@router.post("/v1/log/cosignatures", summary="A witness's cosignature of a head")
def cosign(exchange: Signed) -> Response:
    district, body = exchange.district, exchange.json()
    size, line = body.get("size"), body.get("line")
    if exchange.caller.id not in district.trust.witnesses:
        raise NotAllowed(f"expected a witness of the trust root, got `{exchange.caller.id}`")
    if set(body) != {"size", "line"} or type(size) is not int or not isinstance(line, str):
        raise Malformed("expected size as an integer and line as text")
    if len(line) > MAX_LINE or not 1 <= size <= MAX_NUMBER:
        raise Malformed(f"expected a positive size and a line of at most {MAX_LINE} characters")

    def act(transaction: Transaction) -> object:
        accept_cosignature(district, transaction, witness=exchange.caller.id, size=size, line=line)
        advance_cosigned(district, transaction)
        return {"size": size}

    return exchange.write(act)


@router.get("/v1/log/proofs/inclusion", summary="That an entry stands in the tree of a size")
def inclusion(
    exchange: Signed,
    index: Annotated[int, Query(ge=0, le=MAX_NUMBER)],
    size: Annotated[int, Query(ge=1, le=MAX_NUMBER)],
) -> Response:
    log = exchange.district.log
    return exchange.read(
        lambda connection: {"proof": [value.hex() for value in log.inclusion_proof(connection, index, size)]}
    )


@router.get("/v1/log/proofs/consistency", summary="That a larger tree continues a smaller one")
def consistency(
    exchange: Signed,
    old: Annotated[int, Query(ge=0, le=MAX_NUMBER)],
    new: Annotated[int, Query(ge=1, le=MAX_NUMBER)],
) -> Response:
    log = exchange.district.log
    return exchange.read(
        lambda connection: {"proof": [v.hex() for v in log.consistency_proof(connection, old, new)]}
    )


@router.get("/v1/log/export", summary="Everything an auditor needs to verify the log offline")
def export(exchange: Signed) -> Response:
    exchange.check_role(Role.AUDITOR, Role.AGENCY, Role.OPERATOR, Role.DEPARTMENT)
    district = exchange.district
    # The answer is signed over its digest, so it is written out first; beyond 16 MiB that happens on disk.
    with (
        tempfile.SpooledTemporaryFile(max_size=16 * 1024 * 1024) as out,
        district.database.read() as connection,
    ):
        export_log(
            district.log,
            connection,
            out,
            trust_root=district.trust_envelope.to_bytes(),
            quorum=district.trust.quorum,
        )
        out.seek(0)
        data = out.read()
    return exchange.respond(Answer(200, data), media_type="application/jsonl")
