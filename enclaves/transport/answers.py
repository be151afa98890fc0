"""Reading answers: members of JSON objects in the type that docs/protocol.md gives them, or a refusal.

The coordinator's signature proves who answered, not that the answer makes sense; a broken one is refused here, so that no
`KeyError` or `TypeError` reaches the processes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from enclaves.transport.errors import ResponseRefused
from enclaves.transport.problem import malformed
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json, JsonRefused

_SHA256: Final = re.compile("[0-9a-f]{64}")
_HEX: Final = re.compile("(?:[0-9a-f]{2})*")


def text(value: Mapping[str, Json], name: str) -> str:
    member = value.get(name)
    if not isinstance(member, str):
        raise ResponseRefused(f"answer: expected `{name}` as text")
    return member


def optional_text(value: Mapping[str, Json], name: str) -> str | None:
    return None if value.get(name) is None else text(value, name)


def integer(value: Mapping[str, Json], name: str) -> int:
    member = value.get(name)
    if type(member) is not int:
        raise ResponseRefused(f"answer: expected `{name}` as an integer")
    return member


def digest(value: Mapping[str, Json], name: str) -> str:
    return check_sha256(text(value, name))


def objects(value: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    """A list of JSON objects."""
    result = []
    for item in array(value, name):
        if not isinstance(item, dict):
            raise ResponseRefused(f"answer: expected `{name}` as a list of objects")
        result.append(item)
    return result


def mapping(value: Mapping[str, Json], name: str) -> dict[str, Json]:
    member = value.get(name)
    if not isinstance(member, dict):
        raise ResponseRefused(f"answer: expected `{name}` as an object")
    return member


def texts(value: Mapping[str, Json], name: str) -> tuple[str, ...]:
    items = array(value, name)
    if not all(isinstance(item, str) for item in items):
        raise ResponseRefused(f"answer: expected `{name}` as a list of texts")
    return tuple(str(item) for item in items)


def digests(value: Mapping[str, Json], name: str) -> tuple[str, ...]:
    return tuple(check_sha256(item) for item in texts(value, name))


def array(value: Mapping[str, Json], name: str) -> list[Json]:
    member = value.get(name)
    if not isinstance(member, list):
        raise ResponseRefused(f"answer: expected `{name}` as a list")
    return member


def hashes(value: Mapping[str, Json], name: str) -> list[bytes]:
    """A list of hex texts as bytes."""
    return [from_hex(item) for item in texts(value, name)]


def envelope(value: Json) -> Envelope:
    try:
        return dsse.from_json(value)
    except (dsse.EnvelopeRefused, JsonRefused) as error:
        raise ResponseRefused(f"answer: {error}") from None


def check_sha256(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise ResponseRefused("answer: expected a SHA-256 in hex")
    return value


def named(digest: str) -> str:
    """`digest` as part of a path; raise `Malformed` if a caller gave something else."""
    if not _SHA256.fullmatch(digest):
        raise malformed("expected a digest of 64 lower-case hex digits, got other text")
    return digest


def from_hex(value: str) -> bytes:
    if not _HEX.fullmatch(value):
        raise ResponseRefused("answer: expected lower-case hex")
    return bytes.fromhex(value)


def from_base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ResponseRefused("answer: expected base64") from None
