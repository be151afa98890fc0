"""Strict JSON for bytes that were signed: one text, one meaning.

- An object names each key once. (`json.loads` keeps the last of two, so a signer and a verifier could read two documents.)
- Numbers are integers within ±(2^53-1); decimals travel as strings, floats are refused.
- Depth and size are bounded before anything is built from the bytes.
- Text is Unicode scalar values only; a lone surrogate has no UTF-8 and so no canonical bytes.

Canonical bytes follow RFC 8785 (JCS) through `rfc8785`. What the members mean is left to the document models.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias

import rfc8785

from policies.errors import PolicyError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16
_MAX_INTEGER: Final = 2**53 - 1
# "-9007199254740991": no integer in range is longer, so `int` never sees a text of unbounded length.
_MAX_INTEGER_TEXT: Final = 17
# A string (closed or not) or one bracket. The quantifiers are possessive: the scan is linear whatever the text.
_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)

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
    """RFC 8785 bytes of `value`; refuses floats and depths even where JCS would allow them."""
    _check_canonicalizable(value)
    try:
        return rfc8785.dumps(value)
    # rfc8785 0.1.4 lets a UnicodeEncodeError through for a member name with a lone surrogate.
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise JsonRefused(f"expected a canonicalizable value, got {type(error).__name__}") from None


def digest(value: Json | Mapping[str, Json]) -> str:
    """SHA-256, 64 lower-case hex digits, over the canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def quoted(text: str, limit: int = 40) -> str:
    """Outside text as an error message may show it: in backticks, printable ASCII on one line, at most `limit` long."""
    shown = text[:limit].encode("unicode_escape").decode("ascii").replace("`", "'")
    return f"`{shown}{'…' if len(text) > limit else ''}`"


def _check_depth(text: str) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.findall(text):
        if token in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                raise JsonRefused(f"expected a depth of at most {MAX_DEPTH}, got more")
        elif token in {"]", "}"}:
            depth -= 1


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for key, value in pairs:
        if key in result:
            raise JsonRefused(f"expected each key once, got {quoted(key)} twice")
        result[key] = value
    return result


def _refuse_float(text: str) -> NoReturn:
    raise JsonRefused("expected integers or decimals as strings, got a floating-point number")


def _bounded_integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_TEXT or abs(int(text)) > _MAX_INTEGER:
        raise JsonRefused("expected an integer within 2^53-1, got a larger one")
    return int(text)


def _check_strings(value: Json) -> None:
    match value:
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise JsonRefused("expected Unicode scalar values, got a lone surrogate") from None
        case list():
            for item in value:
                _check_strings(item)
        case dict():
            for key, item in value.items():
                _check_strings(key)
                _check_strings(item)
        case _:
            pass


def _check_canonicalizable(value: object, depth: int = 0) -> None:
    if isinstance(value, float):
        raise JsonRefused("expected integers or decimals as strings, got a floating-point number")
    if not isinstance(value, (Mapping, list, tuple)):
        return
    if depth == MAX_DEPTH:
        raise JsonRefused(f"expected a depth of at most {MAX_DEPTH}, got more")
    for item in value.values() if isinstance(value, Mapping) else value:
        _check_canonicalizable(item, depth + 1)
