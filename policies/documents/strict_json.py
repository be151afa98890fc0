"""Strict JSON for bytes that were signed: one text, one meaning.

- An object names each key once. (`json.loads` keeps the last of two, so a signer and a verifier could read two documents.)
- Numbers are integers within ±(2^53-1); decimals travel as strings, floats are refused.
- Depth and size are bounded before anything is built from the bytes.

Canonical bytes follow RFC 8785 (JCS) through `rfc8785`. What the members mean is left to the document models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import rfc8785

from policies.errors import PolicyError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
_MAX_INTEGER = 2**53 - 1

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


class JsonRefused(PolicyError):
    """Bytes that are not strict JSON; the message says what was found, never the text itself."""

    code = "json_refused"


def parse(data: bytes, *, max_bytes: int = MAX_BYTES) -> Json:
    """Read strict JSON from UTF-8 `data` or raise `JsonRefused`."""
    if len(data) > max_bytes:
        raise JsonRefused(f"expected at most {max_bytes} bytes, got {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused(f"expected UTF-8, got an invalid byte at {error.start}") from None
    _check_depth(text)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
            parse_int=_bounded_integer,
        )
    except json.JSONDecodeError as error:
        raise JsonRefused(f"expected JSON, got {error.msg.lower()} at {error.pos}") from None
    except RecursionError:
        raise JsonRefused(f"expected a depth of at most {MAX_DEPTH}") from None
    _check_strings(value)
    return value


def parse_object(data: bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, Json]:
    """Read one strict JSON object."""
    value = parse(data, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise JsonRefused(f"expected an object, got {type(value).__name__}")
    return value


def canonical(value: Json | Mapping[str, Json]) -> bytes:
    """RFC 8785 bytes of `value`; refuses floats even where JCS would allow them."""
    _check_no_float(value)
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise JsonRefused(f"expected a canonicalizable value, got {type(error).__name__}") from None


def digest(value: Json | Mapping[str, Json]) -> str:
    """SHA-256, 64 lower-case hex digits, over the canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _check_depth(text: str) -> None:
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise JsonRefused(f"expected a depth of at most {MAX_DEPTH}, got {deepest}")


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for key, value in pairs:
        if key in result:
            raise JsonRefused(f"expected each key once, got `{key[:40]}` twice")
        result[key] = value
    return result


def _refuse_float(text: str) -> NoReturn:
    raise JsonRefused("expected integers or decimals as strings, got a floating-point number")


def _bounded_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > _MAX_INTEGER:
        raise JsonRefused("expected an integer within 2^53-1, got a larger one")
    return int(text)


def _check_strings(value: Json) -> None:
    match value:
        case str():
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise JsonRefused("expected Unicode scalar values, got a lone surrogate")
        case list():
            for item in value:
                _check_strings(item)
        case dict():
            for key, item in value.items():
                _check_strings(key)
                _check_strings(item)
        case _:
            pass


def _check_no_float(value: object) -> None:
    if isinstance(value, float):
        raise JsonRefused("expected integers or decimals as strings, got a floating-point number")
    if isinstance(value, Mapping):
        for item in value.values():
            _check_no_float(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_no_float(item)
