"""Which model heads and parts there may be, a second time: plain Python over parsed JSON, from protocols.md section 3.4.

Nothing of the document models is imported.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

ID = "[a-z0-9][a-z0-9._-]{0,79}"
PARTY = "[a-z0-9][a-z0-9-]{1,62}"
DIGEST = "[0-9a-f]{64}"
COLUMN = "[a-z][a-z0-9_]{0,62}"
DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"


def canonical(data: bytes) -> Any:
    """The object in `data` if these are its canonical bytes (the keys here are ASCII), else None."""
    try:
        body = json.loads(data)
        again = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and again == data else None


def is_part(data: bytes, *, department: str, dataset: str) -> bool:
    """Whether `data` is a part of the department over the data set."""
    body = canonical(data)
    if body is None:
        return False
    own = "features" if body.get("form") == "linear" else "inputs"
    names = {"suite", "id", "form", "department", "dataset", "row", own} | (
        {"graph"} if own == "inputs" else {"blind"}
    )
    items = body.get(own)
    return (
        set(body) == names
        and body["form"] in ("linear", "onnx")
        and body["suite"] == "intl-1"
        and matches(ID, body["id"])
        and (body["department"], body["dataset"]) == (department, dataset)
        and (
            body["row"] is None or (_is_object(body["row"], {"up_to"}) and type(body["row"]["up_to"]) is int)
        )
        and isinstance(items, list)
        and 1 <= len(items) <= 200
        and all(map(_is_feature if own == "features" else _is_input, items))
        and (matches(DIGEST, body["graph"]) if own == "inputs" else _is_blind(body["blind"]))
    )


def is_head(data: bytes) -> bool:
    """Whether `data` is the public head of a model."""
    body = canonical(data)
    names = {
        "suite",
        "id",
        "version",
        "partner",
        "scenario",
        "title",
        "grid",
        "intercept",
        "cut_points",
        "parts",
    }
    if body is None or set(body) != names or body["suite"] != "intl-1":
        return False
    if not (
        matches(ID, body["id"]) and matches(PARTY, body["partner"]) and matches(DIGEST, body["scenario"])
    ):
        return False
    if not (type(body["version"]) is int and body["version"] >= 1 and _is_title(body["title"])):
        return False
    if not (_is_decimal(body["grid"]) and Decimal(body["grid"]) > 0 and _is_unit(body["intercept"])):
        return False
    cuts, parts = body["cut_points"], body["parts"]
    if not (isinstance(cuts, list) and 1 <= len(cuts) <= 19 and all(map(_is_unit, cuts))):
        return False
    if not (isinstance(parts, list) and 1 <= len(parts) <= 50 and all(map(_is_part_head, parts))):
        return False
    departments = [part["department"] for part in parts]
    low = body["intercept"] + sum(part["low"] for part in parts)
    high = body["intercept"] + sum(part["high"] for part in parts)
    return (
        departments == sorted(set(departments))
        and cuts == sorted(set(cuts))
        and high - low <= 4096
        and low < cuts[0]
        and cuts[-1] <= high
    )


def matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_blind(value: Any) -> bool:
    return value is None or matches(DIGEST, value)


def _is_object(value: Any, names: set[str]) -> bool:
    return isinstance(value, dict) and set(value) == names


def _is_unit(value: Any) -> bool:
    return type(value) is int and -(2**16) <= value <= 2**16


def _is_decimal(value: Any) -> bool:
    return (
        matches(DECIMAL, value) and len(value) <= 40 and not (value.startswith("-") and Decimal(value) == 0)
    )


def _is_title(value: Any) -> bool:
    return _is_object(value, {"zh", "en"}) and all(
        isinstance(text, str) and 1 <= len(text) <= 400 and text.isprintable() for text in value.values()
    )


def _is_part_head(value: Any) -> bool:
    names = {"department", "dataset", "digest", "default", "low", "high"}
    return (
        _is_object(value, names)
        and matches(PARTY, value["department"])
        and matches(ID, value["dataset"])
        and matches(DIGEST, value["digest"])
        and all(_is_unit(value[name]) for name in ("default", "low", "high"))
        and value["low"] <= value["default"] <= value["high"]
    )


def _is_range(value: Any) -> bool:
    return (
        matches(COLUMN, value["column"])
        and all(_is_decimal(value[name]) for name in ("low", "high", "fill"))
        and Decimal(value["low"]) <= Decimal(value["high"])
    )


def _is_input(value: Any) -> bool:
    return _is_object(value, {"column", "low", "high", "fill"}) and _is_range(value)


def _is_feature(value: Any) -> bool:
    names = {"column", "transform", "equals", "weight", "low", "high", "fill"}
    return (
        _is_object(value, names)
        and _is_range(value)
        and _is_decimal(value["weight"])
        and value["transform"] in ("identity", "log1p", "equals")
        and (value["transform"] == "equals") == (value["equals"] is not None)
        and (value["equals"] is None or (isinstance(value["equals"], str) and len(value["equals"]) <= 80))
        and (value["transform"] != "log1p" or Decimal(value["low"]) >= 0)
    )
