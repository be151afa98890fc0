"""Reading message bodies: envelopes and numbers in the form docs/protocol.md section 3 gives them, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from enclaves.run.errors import RunRefused
from enclaves.run.exchange import BundlePair
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from policies.errors import PolicyError

Body = Mapping[str, Json]


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
