"""Mailboxes over HTTP: leaving a message, and waiting for one.

A message to the coordinator is handled in the transaction that stores it (`sandbox.jobs.inbox`).
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from policies.documents.strict_json import Json
from sandbox.api.exchange import MAX_NUMBER, MAX_WAIT_S, Exchange, SignedRoute, exchange_of
from sandbox.documents import attachments
from sandbox.documents.enclosed import enclosed_of
from sandbox.jobs.enclosing import enclosed_for
from sandbox.jobs.inbox import handle_message
from sandbox.mailboxes.mailbox import Mail, send, waiting
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotFound

router = APIRouter(route_class=SignedRoute, tags=["mailboxes"])

Signed = Annotated[Exchange, Depends(exchange_of)]
MAX_ATTACHMENTS: Final = 1024
_TOPIC: Final = re.compile("[a-z][a-z-]{0,39}")
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@router.post("/v1/mailboxes/{party}", summary="Leave a message for a party")
def post(exchange: Signed, party: str) -> Response:
    district = exchange.district
    if district.party(party) is None:
        raise NotFound(f"expected a party of the trust root, got `{party[:63]}`")
    body = exchange.json()
    mail, enclosed = _mail(party, body), enclosed_of(body.pop("enclosed", []))
    for content in enclosed:
        # Bytes first, row second, as for what is put by itself.
        district.attachments.put(content.data)

    def act(transaction: Transaction) -> object:
        for content in enclosed:
            content.register(district, transaction, owner=exchange.caller.id)
        for sha256 in mail.attachments:
            attachments.check_readable(transaction.connection, sha256, party=exchange.caller.id)
        seq = send(district, transaction, mail, sender=exchange.caller.id)[0]
        if party == district.me:
            handle_message(district, transaction, mail, sender=exchange.caller)
        return {"seq": seq}

    return exchange.write(act)


@router.get("/v1/mailbox", summary="Messages after a number, waiting for the first up to 25 seconds")
async def receive(
    exchange: Signed,
    after: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
) -> Response:
    bell, me = exchange.district.bell, exchange.caller.id
    exchange.district.read_to[me] = after
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        event = bell.listen(me)
        try:
            messages = await run_in_threadpool(_look, exchange, after)
            left = deadline - asyncio.get_running_loop().time()
            if messages or left <= 0 or bell.stopped:
                return await run_in_threadpool(_answer, exchange, messages)
            try:
                await asyncio.wait_for(event.wait(), left)
            except TimeoutError:
                continue
        finally:
            bell.leave(me, event)


def _look(exchange: Exchange, after: int) -> list[dict[str, Json]]:
    database, me = exchange.district.database, exchange.caller.id
    with database.read() as connection:
        return waiting(connection, me, after=after)


def _answer(exchange: Exchange, messages: list[dict[str, Json]]) -> Response:
    """The messages, and the answers to what their reader is about to ask."""
    with exchange.district.database.read() as connection:
        enclosed = enclosed_for(exchange.district, connection, messages, reader=exchange.caller)
    return exchange.answer({"messages": messages, "enclosed": enclosed})


def _mail(party: str, body: dict[str, Json]) -> Mail:
    topic, run, content, digests = (body.get(name) for name in ("topic", "run", "body", "attachments"))
    if not set(body) <= {"topic", "run", "body", "attachments", "enclosed"}:
        raise Malformed("expected the members topic, run, body, attachments and enclosed, got others")
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        raise Malformed("expected a topic of lower-case words")
    if run is not None and not (isinstance(run, str) and _DIGEST.fullmatch(run)):
        raise Malformed("expected run as 64 hex digits or null")
    if not isinstance(content, dict):
        raise Malformed("expected body as an object")
    items = digests if isinstance(digests, list) else []
    listed = [item for item in items if isinstance(item, str) and _DIGEST.fullmatch(item)]
    if (
        len(listed) != len(items)
        or len(items) > MAX_ATTACHMENTS
        or (digests is not None and not isinstance(digests, list))
    ):
        raise Malformed(f"expected at most {MAX_ATTACHMENTS} attachments by digest")
    return Mail(party, topic, run=run, body=content, attachments=listed)
