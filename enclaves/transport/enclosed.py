"""What a mailbox answer brings along: answers to the questions that its messages are about to raise.

Rules:
- An enclosure is an answer like any other, believed as little: whoever asks verifies it as if it had been asked for.
- Content and documents are named by digest and checked against it before they are kept. A document is kept on when the
  coordinator calls it complete, since what is completely signed never changes.
- An answer about the log is used once, soon, and never behind a later one: a note smaller than one already seen is dropped.
- Everything is bounded; what does not fit is asked for as without enclosures. Malformed enclosures refuse the whole answer.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from enclaves.transport import answers
from enclaves.transport.errors import ResponseRefused
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json

FRESH_SECONDS: Final = 20.0
MAX_CONTENT_BYTES: Final = 4096
"""The largest content that travels in a message instead of beside it."""
MAX_DOCUMENT_BYTES: Final = 64 * 1024
_MAX_KEPT: Final = 512
_Name = TypeVar("_Name")
_Value = TypeVar("_Value")

Question = tuple[str, tuple[tuple[str, int], ...]]
"""A path below /v1/log and its numbers by name."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Content to be enclosed in a message, and who besides its sender may read it."""

    data: bytes = field(repr=False)
    audience: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {"data": base64.b64encode(self.data).decode(), "audience": list(self.audience)}


class Enclosed:
    """Kept enclosures of one endpoint; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._content: OrderedDict[str, bytes] = OrderedDict()
        self._documents: OrderedDict[str, Envelope] = OrderedDict()
        self._log: OrderedDict[Question, tuple[float, Mapping[str, Json]]] = OrderedDict()
        self._seen = 0

    def take_in(self, enclosed: Mapping[str, Json]) -> None:
        """Keep what a mailbox answer encloses. Raises ResponseRefused for what has not the form of it."""
        for text in answers.texts(enclosed, "content"):
            data = answers.from_base64(text)
            if len(data) <= MAX_CONTENT_BYTES:
                with self._lock:
                    _keep(self._content, hashlib.sha256(data).hexdigest(), data)
        for value in answers.array(enclosed, "documents"):
            self.keep_document(answers.envelope(value))
        for item in answers.objects(enclosed, "log"):
            asked = answers.mapping(item, "asked")
            numbers = {name: answers.integer(asked, name) for name in asked}
            question = question_of(answers.text(item, "path"), numbers)
            with self._lock:
                _keep(self._log, question, (self._clock(), answers.mapping(item, "answer")))

    def content(self, sha256: str) -> bytes | None:
        """Enclosed content; asking again is free."""
        with self._lock:
            return self._content.get(sha256)

    def document(self, digest: str) -> Envelope | None:
        """A document that is complete."""
        with self._lock:
            return self._documents.get(digest)

    def keep_document(self, envelope: Envelope) -> None:
        """Keep a document that the coordinator calls complete."""
        if len(envelope.body) <= MAX_DOCUMENT_BYTES:
            with self._lock:
                _keep(self._documents, envelope.digest, envelope)

    def log(self, path: str, numbers: Mapping[str, int]) -> Mapping[str, Json] | None:
        """The enclosed answer to a question about the log, if it is fresh; it is given once."""
        with self._lock:
            found = self._log.pop(question_of(path, numbers), None)
            if found is None or self._clock() - found[0] > FRESH_SECONDS:
                return None
            size = found[1].get("size")
            behind = type(size) is int and size < self._seen
        return None if behind else found[1]

    def saw(self, size: int) -> None:
        """Remember the size of a note that was answered, so that none behind it is used."""
        with self._lock:
            self._seen = max(self._seen, size)


def question_of(path: str, numbers: Mapping[str, int]) -> Question:
    """How a question is looked up."""
    return path, tuple(sorted(numbers.items()))


def enclosures(answer: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The member `enclosed` of a mailbox answer, if there is one."""
    value = answer.get("enclosed")
    if value is not None and not isinstance(value, dict):
        raise ResponseRefused("answer: expected `enclosed` as an object")
    return value


def _keep(kept: OrderedDict[_Name, _Value], name: _Name, value: _Value) -> None:
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > _MAX_KEPT:
        kept.popitem(last=False)
