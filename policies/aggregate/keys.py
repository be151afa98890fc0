"""Group keys between engine, wire and table: a value of a known class and its one spelling as text.

A public dictionary lists keys as text, so a key computed by the engine is matched by this spelling; keys that travel to the
gate keep their class. Numbers are exact: an engine's double becomes the decimal it prints as, a whole one an integer.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation

from policies.disclosure.cells import Key
from policies.documents.strict_json import Json
from policies.errors import PolicyError

MAX_KEY_CHARS = 200


class KeyUnreadable(PolicyError):
    """A group key of no known class."""

    code = "key_unreadable"


def key_of(value: object) -> Key:
    """The key an engine's value stands for. Raises KeyUnreadable."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return value[:MAX_KEY_CHARS]
        case float() | Decimal():
            return _number(Decimal(repr(value)) if isinstance(value, float) else value)
        case dt.datetime():
            # A truncation to a day or more; a key of a table shows no time.
            return value.date() if value.time() == dt.time() else value
        case dt.date():
            return value
        case _:
            raise KeyUnreadable(f"expected a group key, got {type(value).__name__}")


def spelled(key: Key) -> str | None:
    """The text under which a public dictionary lists `key`."""
    match key:
        case None | str():
            return key
        case bool():
            return "true" if key else "false"
        case Decimal():
            return format(key.normalize(), "f")
        case dt.date():
            return key.isoformat()
        case _:
            return str(key)


def to_wire(key: Key) -> Json:
    """[class, text] of a key."""
    kinds = (
        ("bool", bool),
        ("int", int),
        ("text", str),
        ("decimal", Decimal),
        ("time", dt.datetime),
        ("date", dt.date),
    )
    return (
        None if key is None else [next(name for name, kind in kinds if isinstance(key, kind)), spelled(key)]
    )


def from_wire(value: Json) -> Key:
    """The inverse of `to_wire`. Raises KeyUnreadable."""
    match value:
        case None:
            return None
        case [str() as kind, str() as text] if len(text) <= 2 * MAX_KEY_CHARS:
            return _read(kind, text)
        case _:
            raise KeyUnreadable("expected a group key as [class, text], got another form")


def _read(kind: str, text: str) -> Key:
    try:
        match kind:
            case "bool":
                return {"true": True, "false": False}[text]
            case "int":
                return int(text)
            case "text":
                return text
            case "decimal":
                return Decimal(text)
            case "time":
                return dt.datetime.fromisoformat(text)
            case "date":
                return dt.date.fromisoformat(text)
            case _:
                raise KeyUnreadable("expected a known class of group key, got another")
    except (KeyError, ValueError, InvalidOperation):
        raise KeyUnreadable(f"expected a group key of class {kind}, got other text") from None


def _number(value: Decimal) -> Key:
    if not value.is_finite():
        raise KeyUnreadable("expected a finite group key, got another")
    return int(value) if value == value.to_integral_value() else value
