"""Requests about mailboxes: send to a party, wait for messages to this one (docs/protocol.md sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enclaves.transport import answers
from enclaves.transport.channel import Channel
from enclaves.transport.enclosed import enclosures
from policies.documents.strict_json import Json

MAX_WAIT_S: Final = 25


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `seq` orders a mailbox, `sender` is the party that signed the sending request."""

    seq: int
    sender: str
    topic: str
    run: str | None
    body: Mapping[str, Json]
    attachments: tuple[str, ...]
    sent_at: str


class MailboxRequests(Channel):
    """Messages between parties; the coordinator stores and forwards, it never changes a body."""

    def send(
        self,
        to: str,
        topic: str,
        body: Mapping[str, Json],
        *,
        run: str | None = None,
        attachments: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> int:
        """Put a message into the mailbox of `to`; returns its sequence number there."""
        message: dict[str, Json] = {
            "topic": topic,
            "run": run,
            "body": dict(body),
            "attachments": list(attachments),
        }
        waiting = [self.outgoing[sha256] for sha256 in attachments if sha256 in self.outgoing]
        if waiting:
            message["enclosed"] = [content.to_json() for content in waiting]
        answer = self.post_json(f"/v1/mailboxes/{to}", message, idempotency_key=idempotency_key)
        for sha256 in attachments:
            self.outgoing.pop(sha256, None)
        return answers.integer(answer, "seq")

    def receive(self, after: int = 0, wait: int = 0) -> list[Message]:
        """Messages to this party with a sequence number above `after`; waits up to `wait` (≤ 25) seconds for one."""
        wait = min(wait, MAX_WAIT_S)
        answer = self.get_json("/v1/mailbox", params={"after": after, "wait": wait}, wait=wait)
        enclosed = enclosures(answer)
        if enclosed is not None:
            self.enclosed.take_in(enclosed)
        return [_message(item) for item in answers.objects(answer, "messages")]


def _message(item: Mapping[str, Json]) -> Message:
    sent_at = item.get("sent_at")
    return Message(
        seq=answers.integer(item, "seq"),
        sender=answers.text(item, "sender"),
        topic=answers.text(item, "topic"),
        run=answers.optional_text(item, "run"),
        body=answers.mapping(item, "body"),
        attachments=answers.digests(item, "attachments"),
        sent_at=sent_at if isinstance(sent_at, str) else str(answers.integer(item, "sent_at")),
    )
