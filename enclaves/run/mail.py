"""Reading messages: run ids, envelopes and numbers in the form docs/protocol.md section 3 gives them, or a refusal.

A run id has one spelling. `bytes.fromhex` reads several (capitals, spaces), and what is looked up by bytes in one table and by
text in another would then be two runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from enclaves.run.errors import RunRefused
from enclaves.run.exchange import BundlePair
from enclaves.transport.mailbox import Message
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from policies.errors import PolicyError

Body = Mapping[str, Json]
_RUN: Final = re.compile("[0-9a-f]{64}")


def run_of(message: Message) -> str:
    """The id of the run that a message is about, 64 lower-case hex digits."""
    if message.run is None or not _RUN.fullmatch(message.run):
        raise RunRefused("malformed", "expected a run id of 64 lower-case hex digits, got none or other text")
    return message.run


def envelope(body: Body, name: str) -> Envelope:
    """The DSSE envelope in the member `name`."""
    return _envelope(body.get(name), name)


def optional_envelope(body: Body, name: str) -> Envelope | None:
    value = body.get(name)
    return None if value is None else _envelope(value, name)


def envelopes(body: Body, name: str) -> list[Envelope]:
    """A list of envelopes."""
    return [_envelope(item, name) for item in _items(body, name)]


def pairs(body: Body, name: str) -> list[BundlePair]:
    """A list of bundles with their boot certificates."""
    found = []
    for item in _items(body, name):
        if not isinstance(item, dict):
            raise RunRefused("malformed", f"expected objects in `{name}`, got others")
        found.append(BundlePair(envelope(item, "bundle"), envelope(item, "boot")))
    return found


def text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise RunRefused("malformed", f"expected text in `{name}`, got another type")
    return value


def integer(body: Body, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RunRefused("malformed", f"expected an integer in `{name}`, got another type")
    return value


def _items(body: Body, name: str) -> list[Json]:
    value = body.get(name)
    if not isinstance(value, list):
        raise RunRefused("malformed", f"expected a list in `{name}`, got another type")
    return value


def _envelope(value: Json, name: str) -> Envelope:
    try:
        return dsse.from_json(value)
    except PolicyError:
        raise RunRefused("malformed", f"expected an envelope in `{name}`, got another form") from None
