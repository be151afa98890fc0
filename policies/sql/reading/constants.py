"""Literals of the tree, and whether they are of the class that their column asks for.

The tree writes TRUE as a cast of 't', DATE '...' as a cast of a text, and wide whole numbers as two halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeGuard

from policies.sql import hints
from policies.sql.column_types import ColumnType, TypeClass
from policies.sql.literals import Literal, LiteralInvalid, Number, Text, Truth, day_of, fits, moment_of
from policies.sql.parser import Node
from policies.sql.reasons import Code, Findings, Place

_WHOLE: Final = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_TRUTHS: Final = {"t": True, "f": False}
_HALF: Final = 2**64


def is_constant(expression: Node) -> bool:
    """Whether the expression is a literal, or a cast of one."""
    if expression["class"] == "CAST":
        return is_constant(expression["child"])
    return expression["class"] in {"CONSTANT", "PARAMETER"}


def is_null(expression: Node) -> bool:
    """Whether the expression is NULL."""
    return expression["class"] == "CONSTANT" and expression["value"].get("is_null") is True


def literal(expression: Node) -> Literal | None:
    """The literal that the expression is, or None when it is none of the contract."""
    try:
        if expression["class"] == "CAST":
            return _cast(expression)
        return _constant(expression["value"]) if expression["class"] == "CONSTANT" else None
    except (LiteralInvalid, ArithmeticError):
        return None


def whole_number(expression: Node) -> int | None:
    """The whole number that the expression is, written without point and exponent, or None."""
    found = literal(expression)
    return int(found.value) if isinstance(found, Number) and found.is_whole else None


def literals_for(
    expressions: Sequence[Node], column: ColumnType, *, name: str, where: Place, findings: Findings
) -> list[Literal] | None:
    """The literals compared with a column of that type, or None when one is of another class (noted)."""
    read = [_for_class(literal(expression), column) for expression in expressions]
    given = [one for one in read if one is not None]
    if len(given) == len(read) and column.type_class is not TypeClass.OTHER and fits(column, given):
        return given
    hint = hints.NULL_LITERAL if any(map(is_null, expressions)) else hints.literal_of(column.type_class, name)
    findings.add(Code.LITERAL, where, hint, column=name)
    return None


def _for_class(found: Literal | None, column: ColumnType) -> Literal | None:
    """An ISO text becomes the date that it names where the column holds dates."""
    if isinstance(found, Text) and column.type_class is TypeClass.DATE:
        # DuckDB would read a text beside a DATE as a DATE and drop the time of day in silence.
        return day_of(found.value) or (moment_of(found.value) if column.is_timestamp else None)
    return found


def _cast(expression: Node) -> Literal | None:
    child, target = expression["child"], expression["cast_type"]
    if (
        child["class"] != "CONSTANT"
        or expression["try_cast"] is not False
        or target.get("type_info") is not None
    ):
        return None
    inner = _constant(child["value"])
    if not isinstance(inner, Text):
        return None
    match target.get("id"):
        case "BOOLEAN":
            # Only TRUE and FALSE themselves become these two letters.
            return Truth(_TRUTHS[inner.value]) if inner.value in _TRUTHS else None
        case "DATE":
            return day_of(inner.value)
        case "TIMESTAMP":
            return moment_of(inner.value)
        case _:
            return None


def _constant(value: dict[str, Any]) -> Literal | None:
    if value.get("is_null") is not False:
        return None
    kind, given = value["type"], value.get("value")
    match kind.get("id"):
        case "VARCHAR" if kind.get("type_info") is None and isinstance(given, str):
            return Text(given)
        case name if name in _WHOLE and type(given) is int:
            return Number(Decimal(given))
        case "HUGEINT" if _is_halves(given):
            return Number(Decimal(given["upper"] * _HALF + given["lower"]))
        case "DECIMAL":
            return _decimal(kind.get("type_info"), given)
        case "DOUBLE" if isinstance(given, float):
            return Number(Decimal(given), approximate=True)
        case _:
            return None


def _decimal(info: object, given: object) -> Number | None:
    if not isinstance(info, dict) or type(info.get("scale")) is not int:
        return None
    unscaled = given["upper"] * _HALF + given["lower"] if _is_halves(given) else given
    if not isinstance(unscaled, int):
        return None
    sign, digits, _ = Decimal(unscaled).as_tuple()
    return Number(Decimal((sign, digits, -info["scale"])), pointed=True)


def _is_halves(given: object) -> TypeGuard[dict[str, int]]:
    return (
        isinstance(given, dict)
        and set(given) == {"upper", "lower"}
        and all(type(half) is int for half in given.values())
    )
